import pytest

from proxy.config.model import ProxyConfig
from tests.proxy.config.conftest import Load, Refuse

MODELS = "model_list: [{model_name: NAME, litellm_params: {model: openai/x}}]\n"


def names(config: ProxyConfig) -> list[str]:
    return [entry.model_name for entry in config.model_list]


def test_included_lists_are_appended_and_other_keys_override(load: Load) -> None:
    config = load(
        "include: [more.yaml]\nrouter_settings: {num_retries: 1, timeout: 9}\n" + MODELS.replace("NAME", "own"),
        more="router_settings: {num_retries: 5}\n" + MODELS.replace("NAME", "included"),
    )
    assert names(config) == ["own", "included"]
    assert config.router_settings.num_retries == 5
    assert config.router_settings.timeout is None
    assert any("replaces all of `router_settings`" in warning for warning in config.warnings)


def test_an_included_file_may_include(load: Load) -> None:
    config = load("include: [a.yaml]\n", a="include: [b.yaml]\n", b=MODELS.replace("NAME", "deep"))
    assert names(config) == ["deep"]


def test_a_file_may_be_included_twice_side_by_side(load: Load) -> None:
    config = load("include: [a.yaml, a.yaml]\n", a=MODELS.replace("NAME", "twice"))
    assert names(config) == ["twice", "twice"]


def test_an_error_in_an_included_file_names_that_file(refuse: Refuse) -> None:
    assert refuse("include: [a.yaml]\n", a="\nrouter_settings: {num_retries: many}\n").startswith(
        "a.yaml:2: router_settings.num_retries: expected a whole number, not text"
    )


@pytest.mark.parametrize(
    ("text", "neighbours", "message"),
    [
        ("x: 1\ninclude: [nope.yaml]\n", {}, "config.yaml:2: include: cannot be read: nope.yaml: No such file"),
        ("include: [a.yaml]\n", {"a": "include: [config.yaml]"}, "a.yaml:1: include: config.yaml includes itself"),
        ("include: [config.yaml]\n", {}, "config.yaml:1: include: config.yaml includes itself"),
        ("include: {a: b}\n", {}, "config.yaml:1: include: expected a list, not a mapping"),
        ('include: ["a\\0b"]\n', {}, "config.yaml:1: include: cannot be read"),
        ("include: [.]\n", {}, "config.yaml:1: include: cannot be read"),
    ],
)
def test_bad_includes(refuse: Refuse, text: str, neighbours: dict[str, str], message: str) -> None:
    assert refuse(text, **neighbours).startswith(message)


def test_both_spellings_mean_the_same(load: Load) -> None:
    config = load(
        "model_list: [{model_name: a, tianji_params: {model: openai/x, api_key: k}}]\n"
        "tianji_settings: {drop_params: true}\n"
        "guardrails: [{guardrail_name: g, tianji_params: {guardrail: lakera}}]\n"
    )
    assert config.model_list[0].params.api_key == "k"
    assert config.settings.drop_params
    assert config.sections["guardrails"][0]["litellm_params"] == {"guardrail": "lakera"}


def test_both_spellings_at_once_are_joined(load: Load) -> None:
    config = load("litellm_settings: {drop_params: true}\ntianji_settings: {request_timeout: 3, drop_params: true}\n")
    assert config.settings.drop_params
    assert config.settings.request_timeout == 3


def test_both_spellings_with_different_values_are_refused(refuse: Refuse) -> None:
    message = refuse("litellm_settings:\n  drop_params: true\ntianji_settings:\n  drop_params: false\n")
    assert message.startswith("config.yaml:4: drop_params: also given at config.yaml:2 with another value")


def test_names_of_models_are_left_alone(load: Load) -> None:
    config = load(
        "model_list: [{model_name: tianji_chat, litellm_params: {model: openai/x}}]\n"
        "router_settings: {model_group_alias: {tianji_alias: tianji_chat}}\n"
    )
    assert names(config) == ["tianji_chat"]
    assert "tianji_alias" in config.router_settings.model_group_alias
