from pathlib import Path

import pytest

from proxy.config.errors import ConfigError
from proxy.config.loader import DEVELOPMENT_KEY, load_config, load_default_config
from proxy.config.model import GeneralSettings, ProxyConfig, Settings
from tests.proxy.config.conftest import Load, Refuse

WHOLE = """
environment_variables: {OWN: x}
model_list:
  - model_name: gpt-ok
    litellm_params: {model: openai/gpt-4o-mini, api_base: http://127.0.0.1:9000/v1, api_key: SECRET-1, timeout: 30}
    model_info: {id: ok-1}
  - model_name: wild/*
    litellm_params: {model: openai/*, api_base: http://127.0.0.1:9000/v1, api_key: SECRET-2, extra_headers: {x-a: SECRET-3}}
litellm_settings:
  num_retries: 0
  request_timeout: 20
  drop_params: true
  callbacks: [mod.obj]
  cache: true
  cache_params: {type: redis, host: 127.0.0.1, port: 6379, password: SECRET-4}
  s3_callback_params: {s3_aws_secret_access_key: SECRET-5}
router_settings: {timeout: 30, allowed_fails: 3, cooldown_time: 5, redis_password: SECRET-6, set_verbose: true}
general_settings: {master_key: SECRET-7, database_url: "postgres://u:SECRET-8@h/d", alerting: [slack]}
guardrails: [{guardrail_name: g, litellm_params: {api_key: SECRET-9}}]
"""


def test_a_whole_config(load: Load, tmp_path: Path) -> None:
    config = load(WHOLE)
    assert not config.warnings
    assert [entry.model_name for entry in config.model_list] == ["gpt-ok", "wild/*"]
    assert config.model_list[0].model_info == {"id": "ok-1"}
    assert config.router_settings.num_retries == 0
    assert config.router_settings.other == {"set_verbose": True}
    assert config.settings == Settings(
        num_retries=0,
        request_timeout=20,
        drop_params=True,
        callbacks=("mod.obj",),
        cache=True,
        cache_params={"type": "redis", "host": "127.0.0.1", "port": 6379, "password": "SECRET-4"},
        other={"s3_callback_params": {"s3_aws_secret_access_key": "SECRET-5"}},
    )
    assert config.general_settings == GeneralSettings(
        master_key="SECRET-7", database_url="postgres://u:SECRET-8@h/d", other={"alerting": ["slack"]}
    )
    assert config.folder == tmp_path
    assert config.environment_variables == {"OWN": "x"}
    assert list(config.sections) == ["guardrails"]


def test_no_representation_shows_a_secret(load: Load) -> None:
    config = load(WHOLE.replace("OWN: x", "OWN: SECRET-0"))
    shown = f"{config!r} {config} {config.model_list[0]!r}"
    assert "SECRET" not in shown
    assert "gpt-4o-mini" in shown
    assert config.general_settings.master_key == "SECRET-7"


def test_an_empty_file_is_a_config(load: Load, tmp_path: Path) -> None:
    config = load("")
    assert config == ProxyConfig(folder=tmp_path, warnings=config.warnings)
    assert len(config.warnings) == 1


def test_later_errors_can_name_a_line(load: Load) -> None:
    config = load(
        "model_list:\n  - model_name: a\n    litellm_params:\n      model: x/y\ngeneral_settings:\n  custom_auth: a.b\n"
    )
    assert config.places["general_settings.custom_auth"].line == 6
    assert config.model_list[0].place == config.places["model_list"]._replace(line=4)


def test_unknown_sections_are_warned_about_with_their_line(load: Load) -> None:
    config = load("general_settings: {master_key: m}\nmodle_list: []\nfoo: 1\nmcp_servers: {}\nagent_list: []\n")
    assert [warning.partition("config.yaml:")[2] for warning in config.warnings] == [
        "2: modle_list: unknown and ignored; did you mean `model_list`?",
        "3: foo: unknown and ignored; remove it, or check its name",
    ]
    assert config.sections == {"mcp_servers": {}, "agent_list": []}


def test_unknown_settings_are_kept_and_warned_about(load: Load) -> None:
    config = load(
        "general_settings: {master_key: m, custom_oauth: a, alerting: []}\nlitellm_settings: {master_key: m}\n"
    )
    assert config.general_settings.other == {"custom_oauth": "a", "alerting": []}
    assert [warning.partition("config.yaml:")[2] for warning in config.warnings] == [
        "2: litellm_settings.master_key: unknown here and ignored; move it to general_settings",
        "1: general_settings.custom_oauth: unknown and ignored; did you mean `custom_auth`?",
    ]


def test_one_name_is_a_list_of_one(load: Load) -> None:
    assert load("litellm_settings: {callbacks: mod.obj, success_callback: [a, b]}\n").settings.callbacks == ("mod.obj",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("general_settings: []\n", "1: general_settings: expected a mapping"),
        ("litellm_settings: 3\n", "1: litellm_settings: expected a mapping"),
        ("general_settings:\n  master_key: {a: b}\n", "2: general_settings.master_key: expected text, not a mapping"),
        ("general_settings:\n  master_key: true\n", "2: general_settings.master_key: expected text, not true or false"),
        (
            "general_settings:\n  max_request_size_mb: -1\n",
            "2: general_settings.max_request_size_mb: must be 0 or more",
        ),
        (
            "general_settings:\n  pass_through_endpoints: [a]\n",
            "2: general_settings.pass_through_endpoints[0]: expected a ",
        ),
        ("litellm_settings:\n  callbacks: [1.5, {a: b}]\n", "2: litellm_settings.callbacks"),
        ("litellm_settings:\n  drop_params: sometimes\n", "2: litellm_settings.drop_params: expected true or false"),
        ("litellm_settings:\n  request_timeout: [1]\n", "2: litellm_settings.request_timeout: expected a number"),
    ],
)
def test_wrong_types_name_their_line(refuse: Refuse, text: str, message: str) -> None:
    assert refuse(text).startswith(f"config.yaml:{message}")


def test_messages_cannot_command_a_terminal(load: Load, refuse: Refuse) -> None:
    assert any(r"config.yaml:1: \x1b[31mred: unknown" in line for line in load('"\\e[31mred": 1\n').warnings)
    assert refuse('model_list: [{model_name: a, litellm_params: {model: b, "cost_per_\\n\\e": x}}]\n').startswith(
        r"config.yaml:1: model_list[0].litellm_params.cost_per_ \x1b: expected a number"
    )


def test_every_error_says_how_to_fix_it(refuse: Refuse) -> None:
    assert refuse("litellm_settings:\n  request_timeout: soon\n") == (
        "config.yaml:2: litellm_settings.request_timeout: expected a number, not text;"
        " write a number, such as 30 or 0.5"
    )


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: .*; check the path"):
        load_config(tmp_path / name)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"a: \xff\xfe")
    with pytest.raises(ConfigError, match=r"c\.yaml: cannot be read: not a UTF-8 text file"):
        load_config(tmp_path / "c.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"\xef\xbb\xbfgeneral_settings: {master_key: m}\n")
    assert load_config(tmp_path / "c.yaml").general_settings.master_key == "m"


def test_the_built_in_config_needs_no_vendor_key(monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_default_config()
    assert [entry.params.model.partition("/")[0] for entry in config.model_list] == ["offline"]
    assert config.general_settings.master_key == DEVELOPMENT_KEY
    monkeypatch.setenv("TIANJI_MASTER_KEY", "sk-mine")
    assert load_default_config().general_settings.master_key == "sk-mine"
