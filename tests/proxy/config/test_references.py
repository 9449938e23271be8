import os

import pytest

from tests.proxy.config.conftest import Load, Refuse

MODEL = "model_list: [{model_name: a, litellm_params: {model: openai/x, PARAM}}]\ngeneral_settings: {master_key: m}\n"


def test_references_are_resolved_at_any_depth(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    config = load(
        MODEL.replace("PARAM", "api_key: os.environ/A_KEY, extra_body: {a: [{b: os.environ/A_KEY}, os.environ/A_KEY]}")
        + "mcp_servers: {one: {headers: [os.environ/A_KEY]}}\n"
    )
    params = config.model_list[0].params
    assert params.api_key == "secret"
    assert params.extra_body == {"a": [{"b": "secret"}, "secret"]}
    assert config.sections["mcp_servers"] == {"one": {"headers": ["secret"]}}


def test_an_unset_reference_is_null_with_a_warning(load: Load) -> None:
    config = load(MODEL.replace("PARAM", "api_key: os.environ/NOT_SET_ANYWHERE, timeout: os.environ/NEITHER"))
    assert config.model_list[0].params.api_key is None
    assert config.model_list[0].params.timeout is None
    assert [warning.partition("config.yaml:")[2] for warning in config.warnings] == [
        "1: model_list[0].litellm_params.api_key: environment variable NOT_SET_ANYWHERE is not set, so this is null;"
        " set it",
        "1: model_list[0].litellm_params.timeout: environment variable NEITHER is not set, so this is null; set it",
    ]


def test_a_reference_takes_the_type_of_its_setting(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDS", "2.5")
    monkeypatch.setenv("LIMIT", "7")
    monkeypatch.setenv("FLAG", "True")
    config = load(
        MODEL.replace(
            "PARAM",
            "timeout: os.environ/SECONDS, rpm: os.environ/LIMIT, drop_params: os.environ/FLAG, api_key: os.environ/FLAG",
        )
    )
    params = config.model_list[0].params
    assert (params.timeout, params.rpm, params.drop_params, params.api_key) == (2.5, 7, True, "True")


def test_a_reference_of_the_wrong_type_names_the_setting_but_not_the_value(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMIT", "hunter2")
    message = refuse(MODEL.replace("PARAM", "rpm: os.environ/LIMIT"))
    assert message.startswith("config.yaml:1: model_list[0].litellm_params.rpm: expected a whole number, not text")
    assert "hunter2" not in message


def test_variables_of_the_file_are_exported_before_references_are_resolved(load: Load) -> None:
    config = load(
        "general_settings: {master_key: os.environ/MY_MASTER}\n"
        "environment_variables: {MY_MASTER: sk-from-the-file, COUNT: 012, COPY: os.environ/PATH, OFF: false, NONE: null}\n"
    )
    assert config.general_settings.master_key == "sk-from-the-file"
    assert os.environ["MY_MASTER"] == "sk-from-the-file"
    assert os.environ["COUNT"] == "012"
    assert os.environ["COPY"] == os.environ["PATH"]
    assert os.environ["OFF"] == "False"
    assert "NONE" not in os.environ
    assert config.environment_variables["COUNT"] == "012"


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("{A: [1]}", "environment_variables.A"),
        ("[A]", "environment_variables"),
        ('{A: "x\\0y"}', "environment_variables.A"),
        ("{A=B: x}", "environment_variables.A=B"),
    ],
)
def test_what_no_environment_can_hold_is_refused(refuse: Refuse, section: str, key: str) -> None:
    assert refuse(f"environment_variables: {section}\n").startswith(f"config.yaml:1: {key}: ")


@pytest.mark.parametrize("name", ["LITELLM_MASTER_KEY", "TIANJI_MASTER_KEY"])
def test_the_master_key_may_come_from_the_environment(load: Load, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "sk-env")
    assert load("model_list: []\n").general_settings.master_key == "sk-env"
    assert load("general_settings: {master_key: sk-file}\n").general_settings.master_key == "sk-file"


def test_a_reference_finds_the_other_spelling(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANJI_UPSTREAM", "k")
    config = load(MODEL.replace("PARAM", "api_key: os.environ/LITELLM_UPSTREAM"))
    assert config.model_list[0].params.api_key == "k"


def test_two_spellings_of_a_variable_must_agree(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANJI_MASTER_KEY", "sk-one")
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-two")
    message = refuse("model_list: []\n")
    assert message.startswith("environment variable LITELLM_MASTER_KEY: has another value than TIANJI_MASTER_KEY")
    assert "sk-" not in message


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("os.environ/NOT_SET_ANYWHERE", "environment variable NOT_SET_ANYWHERE is not set"),
        ("os.environ/EMPTY", "environment variable EMPTY is not set"),
        ('""', "is empty"),
        ('"  "', "is empty"),
    ],
)
def test_a_master_key_that_would_open_the_door_is_refused(
    refuse: Refuse, monkeypatch: pytest.MonkeyPatch, key: str, message: str
) -> None:
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-another")
    refusal = refuse(f"general_settings:\n  master_key: {key}\n")
    assert refusal.startswith(
        f"config.yaml:2: general_settings.master_key: {message}, which would let every request in"
    )


def test_an_empty_master_key_of_the_environment_is_refused(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANJI_MASTER_KEY", "")
    assert refuse("model_list: []\n").startswith("environment variable LITELLM_MASTER_KEY: is set but empty")


def test_no_master_key_at_all_is_only_a_warning(load: Load) -> None:
    config = load("general_settings: {}\n")
    assert config.general_settings.master_key is None
    assert any("every request is let in" in warning for warning in config.warnings)
    assert not load("general_settings: {custom_auth: a.b}\n").warnings


def test_other_variables_fill_what_the_file_leaves_out(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_MAX_FALLBACKS", "3")
    monkeypatch.setenv("DATABASE_URL", "postgres://x")
    monkeypatch.setenv("REQUEST_TIMEOUT", "11")
    config = load("litellm_settings: {request_timeout: 12}\n")
    assert config.router_settings.max_fallbacks == 3
    assert config.general_settings.database_url == "postgres://x"
    assert config.settings.request_timeout == 12


def test_a_bad_variable_is_named(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_MAX_FALLBACKS", "many")
    assert refuse("{}\n").startswith("$ROUTER_MAX_FALLBACKS: router_settings.max_fallbacks: expected a whole number")
