import pytest

from proxy.config.model import DeploymentParams
from tests.proxy.config.conftest import Load, Refuse

HEAD = "general_settings: {master_key: m}\n"


def listing(params: str, rest: str = "") -> str:
    return (
        f"{HEAD}model_list:\n  - model_name: a\n    litellm_params:\n      {{model: openai/x, {params}}}\n    {rest}\n"
    )


def params(load: Load, text: str, rest: str = "") -> DeploymentParams:
    config = load(listing(text, rest))
    assert not config.warnings
    return config.model_list[0].params


def test_typed_settings_and_request_defaults_are_told_apart(load: Load) -> None:
    found = params(
        load,
        "api_base: http://127.0.0.1:9/v1, api_key: k, timeout: 30, stream_timeout: 1.5, num_retries: 2, rpm: 10, tpm: 20,"
        " weight: 3, order: 1, max_parallel_requests: 4, tags: [x, y], organization: o,"
        " temperature: 0.2, max_tokens: 5, stop: [a], vertex_project: p, aws_access_key_id: i, mock_response: hi,"
        " configurable_clientside_auth_params: [api_key, {api_base: x}], extra_headers: {A: 1}",
    )
    assert found.request == {"temperature": 0.2, "max_tokens": 5, "stop": ["a"]}
    assert found.other == {"vertex_project": "p", "aws_access_key_id": "i"}
    assert (found.timeout, found.stream_timeout, found.num_retries, found.rpm, found.tpm) == (30, 1.5, 2, 10, 20)
    assert (found.weight, found.order, found.max_parallel_requests, found.tags) == (3, 1, 4, ("x", "y"))
    assert found.configurable_clientside_auth_params == ("api_key", {"api_base": "x"})
    assert found.extra_headers == {"A": "1"}
    assert found.mock_response == "hi"


def test_a_key_that_may_go_to_any_host_is_warned_of(load: Load) -> None:
    [warning] = load(listing("configurable_clientside_auth_params: [api_base]")).warnings
    assert "any host; write {api_base: PATTERN}" in warning


def test_a_date_is_a_version(load: Load) -> None:
    assert params(load, "api_version: 2024-06-01").api_version == "2024-06-01"


def test_a_number_is_a_name_where_a_name_is_wanted(load: Load) -> None:
    assert params(load, "api_key: 0123").api_key == "0123"


def test_prices_may_use_exponents(load: Load) -> None:
    found = params(
        load,
        "input_cost_per_token: 1e-6, output_cost_per_token: 2.0e-06, cache_read_input_token_cost: 1e-7,"
        " search_context_cost_per_query: {low: 0.1}",
    )
    assert (found.input_cost_per_token, found.output_cost_per_token) == (1e-6, 2e-6)
    assert found.prices == {"cache_read_input_token_cost": 1e-7, "search_context_cost_per_query": {"low": 0.1}}


def test_other_names_of_settings(load: Load) -> None:
    found = params(load, "base_url: http://h/v1, request_timeout: 4")
    assert (found.api_base, found.timeout) == ("http://h/v1", 4)
    assert not found.request


@pytest.mark.parametrize(
    ("on_params", "rest", "expected"),
    [
        ("rpm: 2", "rpm: 1", 1),
        ("rpm: 2", "model_info: {rpm: 3}", 2),
        ("temperature: 1", "model_info: {rpm: 3}", 3),
        ("temperature: 1", "", None),
    ],
)
def test_limits_stand_in_three_places(load: Load, on_params: str, rest: str, expected: int | None) -> None:
    assert params(load, on_params, rest).rpm == expected


def test_null_is_not_set(load: Load) -> None:
    found = params(load, "tags: null, api_base: null, drop_params: null, timeout: null, temperature: null")
    assert found == DeploymentParams(model="openai/x")


def test_an_empty_base_is_not_set(load: Load) -> None:
    assert params(load, 'api_base: ""').api_base is None


def test_the_id_is_text(load: Load) -> None:
    assert load(listing("n: 1", "model_info: {id: 7, mode: chat}")).model_list[0].model_info == {
        "id": "7",
        "mode": "chat",
    }


def test_a_timeout_of_zero_is_none_with_a_warning(load: Load) -> None:
    config = load(listing("timeout: 0"))
    assert config.model_list[0].params.timeout is None
    assert config.warnings[0].endswith("litellm_params.timeout: 0 counts as not set, so the default applies; remove it")


@pytest.mark.parametrize("name", ["prices", "other", "request"])
def test_a_request_field_may_have_any_name(load: Load, name: str) -> None:
    assert params(load, f"{name}: 3").request == {name: 3}


@pytest.mark.parametrize(
    ("text", "key", "problem"),
    [
        ("rpm: -1", "rpm", "must be 0 or more"),
        ("tpm: 1.5", "tpm", "expected a whole number, not a number"),
        ("timeout: soon", "timeout", "expected a number, not text"),
        ("timeout: -0.1", "timeout", "must be 0 or more"),
        ("num_retries: true", "num_retries", "expected a whole number, not true or false"),
        ("weight: -1", "weight", "must be 0 or more"),
        ("input_cost_per_token: -1e-6", "input_cost_per_token", "must be 0 or more"),
        ("output_cost_per_second: cheap", "output_cost_per_second", "expected a number or a mapping, not text"),
        ("api_key: {a: b}", "api_key", "expected text, not a mapping"),
        ("drop_params: maybe", "drop_params", "expected true or false, not text"),
        ("extra_headers: [a]", "extra_headers", "expected a mapping, not a list"),
        ("tags: [a, {b: c}]", "tags[1]", "expected text, not a mapping"),
        ("api_base: localhost:8000", "api_base", "not a URL"),
        ("api_base: http//host", "api_base", "not a URL"),
        ("api_base: 'http://a b'", "api_base", "not a URL"),
        ("api_base: 'http://h:99999'", "api_base", "not a URL"),
        ("api_base: ftp://h", "api_base", "not a URL"),
        ("api_base: 'http://user:SECRET@h/v1'", "api_base", "holds credentials, which no call can use; remove them"),
        ("base_url: 'http://user@h'", "api_base", "holds credentials"),
        ("api_base: http://a, base_url: http://b", "base_url", "is another name of `api_base`"),
    ],
)
def test_an_impossible_value_names_its_line(refuse: Refuse, text: str, key: str, problem: str) -> None:
    message = refuse(listing(text))
    assert message.startswith(f"config.yaml:5: model_list[0].litellm_params.{key}: {problem}")
    assert "SECRET" not in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_list: {a: b}\n", "1: model_list: expected a list"),
        ("model_list:\n  - a\n", "2: model_list[0]: expected a deployment"),
        ("model_list:\n  - litellm_params: {model: x}\n", "2: model_list[0].model_name: `model_name` is missing"),
        ("model_list:\n  - model_name: a\n", "2: model_list[0].litellm_params.model: `model` is missing"),
        ("model_list:\n  - model_name: a\n    litellm_params:\n", "3: model_list[0].litellm_params.model: "),
        ("model_list:\n  - model_name: ''\n    litellm_params: {model: x}\n", "2: model_list[0].model_name: "),
        (
            "model_list:\n  - model_name: a\n    litellm_params: [x]\n",
            "3: model_list[0].litellm_params: expected a map",
        ),
        (
            "model_list:\n  - model_name: a\n    litellm_params: {model: x}\n    model_info: 3\n",
            "4: model_list[0].model_in",
        ),
    ],
)
def test_a_broken_deployment_names_its_line(refuse: Refuse, text: str, message: str) -> None:
    assert refuse(text).startswith(f"config.yaml:{message}")


def test_misspelt_settings_are_warned_about_and_sent_as_they_are(load: Load) -> None:
    config = load(listing("api_bse: http://h, max_token: 3, foo: 1"))
    assert config.model_list[0].params.request == {"api_bse": "http://h", "max_token": 3, "foo": 1}
    assert [warning.partition("litellm_params.")[2] for warning in config.warnings] == [
        "api_bse: no known setting, sent upstream as it is; did you mean `api_base`?",
        "max_token: no known setting, sent upstream as it is; did you mean `max_tokens`?",
    ]


def test_unknown_keys_of_a_deployment_are_warned_about(load: Load) -> None:
    config = load(listing("n: 1", "model_inf: {id: 1}"))
    assert config.warnings[0].endswith("model_list[0].model_inf: unknown and ignored; did you mean `model_info`?")


def test_an_id_used_twice_is_warned_about(load: Load) -> None:
    entry = "  - {model_name: a, litellm_params: {model: openai/x}, model_info: {id: same}}\n"
    config = load(f"{HEAD}model_list:\n{entry}{entry}")
    assert len(config.model_list) == 2
    assert config.warnings[0].endswith(
        "model_list[1].model_info.id: is also the id of model_list[0]; give each its own"
    )


ENVIRONMENTS = listing("n: 1", "model_info: {supported_environments: [production, staging]}")


@pytest.mark.parametrize(("current", "count"), [("production", 1), ("development", 0)])
def test_deployments_of_other_environments_are_left_out(
    load: Load, monkeypatch: pytest.MonkeyPatch, current: str, count: int
) -> None:
    monkeypatch.setenv("LITELLM_ENVIRONMENT", current)
    assert len(load(ENVIRONMENTS).model_list) == count


def test_environments_need_a_current_one(refuse: Refuse) -> None:
    assert "needs LITELLM_ENVIRONMENT set to one of development, staging, production" in refuse(ENVIRONMENTS)
    assert "no such environment; did you mean `production`?" in refuse(ENVIRONMENTS.replace("production", "prodution"))
