"""Auto routers of a config, and what is wrong with them."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.gateway import Gateway

ROUTES = {"routes": [{"name": "code", "utterances": ["write code"], "score_threshold": 0.5}]}
PLAIN = {
    "auto_router_config": json.dumps(ROUTES),
    "auto_router_default_model": "code",
    "auto_router_embedding_model": "embed",
}


def read(folder: Path, *autos: dict[str, Any], **general: Any) -> Gateway:
    entries: list[dict[str, Any]] = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "k"}}
        for name in ("code", "embed")
    ]
    for number, auto in enumerate(autos):
        params = {"model": "auto_router/any"} | auto
        entries.append({"model_name": params.pop("group", f"auto-{number}"), "litellm_params": params})
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump({"model_list": entries, "general_settings": {"master_key": "sk-1", **general}}))
    return Gateway(load_config(file))


def targets(gateway: Gateway) -> list[tuple[str, ...]]:
    return [chooser.targets for chooser in gateway.snapshot.router.choosers.values()]


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in PLAIN.items() if name not in names} | more


def test_json_yaml_and_files_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "routes.json").write_text(json.dumps(ROUTES | {"encoder_type": "openai", "encoder_name": "any"}))
    absolute = str(tmp_path / "routes.json")
    for params in (
        PLAIN,
        PLAIN | {"auto_router_config": ROUTES},
        without("auto_router_config", auto_router_config_path="routes.json"),
        without("auto_router_config", auto_router_config_path=absolute),
    ):
        assert targets(read(tmp_path, params)) == [("code", "code")]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        (without("auto_router_default_model"), "'auto-0', auto_router_default_model: is missing"),
        (without("auto_router_embedding_model"), "'auto-0', auto_router_embedding_model: is missing"),
        (without("auto_router_config"), "'auto-0', auto_router_config: is missing"),
        (PLAIN | {"auto_router_config": "{"}, "auto_router_config: Input data was truncated"),
        (PLAIN | {"auto_router_config": "{}"}, "missing required field `routes`"),
        (
            PLAIN | {"auto_router_config": '{"routes": []}'},
            "auto_router_config: routes: Expected `array` of length >= 1",
        ),
        (
            PLAIN | {"auto_router_config": {"routes": [{"name": "a"}]}},
            "routes[0]: Object missing required field `utterances`",
        ),
        (
            PLAIN | {"auto_router_config": {"routes": [{"name": "a", "utterances": ["x", 7]}]}},
            "routes[0].utterances[1]: Expected `str`, got `int`",
        ),
        (
            PLAIN | {"auto_router_config": {"routes": [{"name": "a", "utterances": ["x"], "score_threshold": 50}]}},
            "routes[0].score_threshold: Expected `float` <= 1",
        ),
        (
            PLAIN | {"auto_router_config": {"routes": [{"name": "a", "utterances": ["x"]}] * 2}},
            "'a' is there twice",
        ),
        (
            PLAIN | {"auto_router_config_path": "no.json"},
            "auto_router_config_path: no.json: cannot be read: No such file",
        ),
        (PLAIN | {"auto_router_config_path": 7}, "auto_router_config_path: expected the path of a JSON file"),
        (PLAIN | {"auto_router_default_model": "auto-0"}, "it may choose 'auto-0', which is an auto router"),
        (PLAIN | {"auto_router_embedding_model": "auto-0"}, "'auto-0' is an auto router; name an embedding model"),
        (
            {"model": "auto_router/complexity_router", "complexity_router_config": {"tiers": {"EASY": "code"}}},
            "complexity_router_config: Invalid enum value 'EASY' - at `key` in `$.tiers`",
        ),
        (
            {"model": "auto_router/complexity_router", "complexity_router_config": {"tiers": {"COMPLEX": "code"}}},
            "complexity_router_default_model: is missing",
        ),
        (
            {"model": "auto_router/complexity_router", "complexity_router_config": {"tier_boundaries": {"x": "y"}}},
            "tier_boundaries",
        ),
    ],
)
def test_what_cannot_work_names_the_place(tmp_path: Path, params: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, params)
    assert told in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path}/config.yaml:")


def test_a_file_with_a_mistake_is_named(tmp_path: Path) -> None:
    (tmp_path / "routes.json").write_text('{"routes": [{"name": "", "utterances": ["x"]}]}')
    with pytest.raises(
        ConfigError, match=r"auto_router_config_path: routes\.json: routes\[0\]\.name: Expected `str` of len"
    ):
        read(tmp_path, without("auto_router_config", auto_router_config_path="routes.json"))


def test_two_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another auto router"):
        read(tmp_path, PLAIN | {"group": "same"}, PLAIN | {"group": "same"})


def test_without_numpy_the_start_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.delitem(sys.modules, "proxy.autorouting.semantic", raising=False)
    with pytest.raises(ConfigError, match=r"pip install 'tianji\[auto-router\]'"):
        read(tmp_path, PLAIN)
    by_words = {"model": "auto_router/complexity_router", "complexity_router_default_model": "code"}
    assert len(targets(read(tmp_path, by_words))) == 1


def test_a_target_that_nothing_is_called_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        read(tmp_path, PLAIN | {"auto_router_default_model": "nowhere"})
    assert "auto router auto-0 may choose 'nowhere', but no model is called so" in caplog.text


def test_a_config_without_auto_routers_imports_none_of_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "proxy.autorouting.reading", None)
    assert targets(read(tmp_path)) == []


def test_who_may_serve_an_auto_router(tmp_path: Path) -> None:
    router = read(tmp_path, PLAIN).snapshot.router
    assert [d.group for d in router.may_serve("auto-0") or ()] == ["auto-0", "code", "code"]
    assert [d.group for d in router.may_serve("code") or ()] == ["code"]
    assert router.may_serve("nothing") is None
