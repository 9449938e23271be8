"""Whatever a config file holds: a config or a ConfigError of one line, and no secret in any message."""

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.config import known
from proxy.config.convert import field_types
from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.config.model import DeploymentParams, ProxyConfig
from proxy.config.sections import GENERAL_FIELDS, ROUTER_FIELDS, SETTINGS_FIELDS

SECRET = "sk-SECRET"
SECRET_VARIABLE = "HYPOTHESIS_SECRET"
PARAMS_FIELDS = frozenset(field_types(DeploymentParams))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=8),
    st.sampled_from(["http://h/v1", "os.environ/HOME", "os.environ/NOT_SET_ANYWHERE", "*", "30", "a.b", ""]),
)
names = st.sampled_from(
    [
        *sorted(ROUTER_FIELDS | SETTINGS_FIELDS | GENERAL_FIELDS | known.PARAMS | known.SECTIONS),
        "model_list",
        "model_name",
        "litellm_params",
        "tianji_params",
        "model",
        "api_key",
        "api_base",
        "id",
        "rpm",
        "include",
        "router_settings",
        "litellm_settings",
        "tianji_settings",
        "general_settings",
        "environment_variables",
        "model_info",
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def sections(fields: frozenset[str]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.sampled_from(sorted(fields)), values, max_size=3) | values


deployments = st.fixed_dictionaries(
    {"model_name": st.just("a") | values, "litellm_params": st.fixed_dictionaries({"model": st.just("openai/x")})},
    optional={"model_info": sections(frozenset({"id", "rpm", "supported_environments"})), "rpm": values},
) | sections(frozenset({"model_name", "litellm_params"}))
configs = st.fixed_dictionaries(
    {},
    optional={
        "model_list": st.lists(deployments, max_size=2) | values,
        "router_settings": sections(ROUTER_FIELDS),
        "litellm_settings": sections(SETTINGS_FIELDS | ROUTER_FIELDS),
        "tianji_settings": sections(SETTINGS_FIELDS),
        "general_settings": sections(GENERAL_FIELDS),
        "environment_variables": st.dictionaries(st.sampled_from(["HYPOTHESIS_A", "B=C", "D"]), values, max_size=2),
        "guardrails": values,
        "include": values,
    },
)


def load(text: str) -> ProxyConfig | str:
    before = dict(os.environ)
    os.environ[SECRET_VARIABLE] = SECRET
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "c.yaml")
            file.write_bytes(text.encode("utf-8", "surrogatepass"))
            return load_config(file)
    except ConfigError as error:
        return str(error)
    finally:
        os.environ.clear()
        os.environ.update(before)


def messages(text: str) -> list[str]:
    """The error or the warnings; each is one line that a terminal shows as it is."""
    result = load(text)
    lines = list(result.warnings) if isinstance(result, ProxyConfig) else [result]
    assert all(line and line.isprintable() for line in lines)
    return lines


@given(configs)
@example({"router_settings": {"fallbacks": [{"a": [{"model": None}]}]}})
@example({"model_list": [{"model_name": "a", "litellm_params": {"model": "x", "api_base": "http://[h"}}]})
def test_any_structure(config: Any) -> None:
    messages(yaml.safe_dump(config, allow_unicode=True))


#: Their values are names of model groups, which messages show.
NAMES = frozenset({"fallbacks", "default_fallbacks", "context_window_fallbacks", "content_policy_fallbacks"})


@given(
    st.sampled_from(sorted((ROUTER_FIELDS | SETTINGS_FIELDS | GENERAL_FIELDS | PARAMS_FIELDS | known.PARAMS) - NAMES)),
    st.sampled_from(
        [SECRET, [SECRET], [[SECRET]], {"a": SECRET}, {"a": [{"b": SECRET}]}, f"os.environ/{SECRET_VARIABLE}"]
    ),
)
def test_no_message_shows_a_value(name: str, value: Any) -> None:
    for section in ("router_settings", "litellm_settings", "general_settings"):
        lines = messages(yaml.safe_dump({section: {name: value}}))
        assert SECRET not in " ".join(lines)
    params = {"model": "openai/x", name: value}
    lines = messages(yaml.safe_dump({"model_list": [{"model_name": "a", "litellm_params": params}]}))
    assert SECRET not in " ".join(lines)


@given(st.text(st.characters(), max_size=60) | st.text("ab:-[]{}&*!<>|?%@`\"'#,\n\t 019.~", max_size=60))
@example("a: 2024-99-01")
@example("\ud800")
@example("? \n")
def test_any_text(text: str) -> None:
    messages(text)
