"""``/model/info`` and ``/model_group/info``."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.proxy.api.serving import Client, serving

CONFIG = """
model_list:
  - model_name: mini
    litellm_params:
      model: openai/gpt-4o-mini
      api_base: https://vendor.test/v1?key=topsecret
      api_key: sk-topsecret
      temperature: 0.5
      rpm: 7
      extra_headers: {authorization: topsecret}
      extra_body: {password: topsecret, size: 1}
      vertex_credentials: topsecret
    model_info: {id: dep-mini, mode: chat, owner: search team}
  - {model_name: pair, litellm_params: {model: openai/gpt-4o-mini, rpm: 3}, model_info: {id: pair-1}}
  - {model_name: pair, litellm_params: {model: openai/o3, rpm: 4, tpm: 9}, model_info: {id: pair-2}}
  - model_name: own
    litellm_params: {model: openai/unheard-of, input_cost_per_token: 0.001}
    model_info: {id: dep-own, output_cost_per_token: 0.002}
  - {model_name: based, litellm_params: {model: openai/unheard-of}, model_info: {id: dep-based, base_model: gpt-4.1}}
  - {model_name: "wild/*", litellm_params: {model: "openai/*"}, model_info: {id: dep-wild}}
  - {model_name: offline, litellm_params: {model: offline/echo}, model_info: {id: dep-offline}}
router_settings:
  model_group_alias: {seen: mini, unseen: {model: mini, hidden: true}}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("model_info"), CONFIG) as client:
        yield client


def info(client: Client, deployment: str) -> dict[str, Any]:
    answer = client.get("/v1/model/info", params={"litellm_model_id": deployment})
    assert answer.status_code == 200
    [shown] = answer.json()["data"]
    return dict(shown)


def test_what_is_known_of_a_model_completes_what_is_configured(client: Client) -> None:
    facts = info(client, "dep-mini")["model_info"]
    assert facts["id"] == "dep-mini"
    assert facts["owner"] == "search team"
    assert (facts["key"], facts["litellm_provider"], facts["db_model"]) == ("gpt-4o-mini", "openai", False)
    assert (facts["input_cost_per_token"], facts["output_cost_per_token"]) == (1.5e-07, 6e-07)
    assert facts["max_input_tokens"] == 128_000
    assert (facts["supports_vision"], facts["supports_audio_input"]) == (True, None)
    assert "temperature" in facts["supported_openai_params"]
    assert "reasoning_effort" not in facts["supported_openai_params"]


def test_reasoning_models_take_other_parameters(client: Client) -> None:
    params = info(client, "pair-2")["model_info"]["supported_openai_params"]
    assert "reasoning_effort" in params
    assert not {"top_p", "presence_penalty", "parallel_tool_calls"} & set(params)


def test_own_prices_are_shown(client: Client) -> None:
    facts = info(client, "dep-own")["model_info"]
    assert (facts["input_cost_per_token"], facts["output_cost_per_token"]) == (0.001, 0.002)
    assert facts["key"] == "openai/unheard-of"


def test_a_base_model_says_what_the_model_is(client: Client) -> None:
    facts = info(client, "dep-based")["model_info"]
    assert (facts["key"], facts["input_cost_per_token"]) == ("gpt-4.1", 2e-06)


@pytest.mark.parametrize("path", ["/v1/model/info", "/model/info", "/model_group/info", "/v1/models"])
def test_no_secret_is_shown(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "topsecret" not in answer.text


def test_settings_that_are_no_secret_are_shown(client: Client) -> None:
    params = info(client, "dep-mini")["litellm_params"]
    assert params == {
        "use_in_pass_through": False,
        "use_litellm_proxy": False,
        "merge_reasoning_content_in_choices": False,
        "model": "openai/gpt-4o-mini",
        "api_base": "https://vendor.test/v1",
        "rpm": 7,
        "extra_headers": {"authorization": "***"},
        "extra_body": {"password": "***", "size": 1},
        "temperature": 0.5,
    }


def test_all_names_are_listed_with_their_deployments(client: Client) -> None:
    data = client.get("/model/info").json()["data"]
    shown = [(item["model_name"], item["model_info"]["id"]) for item in data]
    assert shown[:8] == [
        ("seen", "dep-mini"),
        ("mini", "dep-mini"),
        ("pair", "pair-1"),
        ("pair", "pair-2"),
        ("own", "dep-own"),
        ("based", "dep-based"),
        ("wild/*", "dep-wild"),
        ("offline", "dep-offline"),
    ]
    assert not [name for name, _ in shown if name == "unseen"]


def test_known_models_behind_a_wildcard_are_shown_as_deployments(client: Client) -> None:
    data = client.get("/model/info").json()["data"]
    [match] = [item for item in data if item["model_name"] == "wild/gpt-4o"]
    assert match["litellm_params"]["model"] == "openai/gpt-4o"
    assert (match["model_info"]["id"], match["model_info"]["input_cost_per_token"]) == ("dep-wild", 2.5e-06)


def test_an_unknown_id_is_refused(client: Client) -> None:
    answer = client.get("/v1/model/info?litellm_model_id=nope")
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": {"error": "Model id = nope not found on litellm proxy"}},
    )


@pytest.mark.parametrize("path", ["/v1/model/info", "/model/info", "/model_group/info"])
def test_a_key_is_needed(client: Client, path: str) -> None:
    assert client.get(path, headers={"authorization": ""}).status_code == 401


def test_a_group_offers_what_its_deployments_offer_together(client: Client) -> None:
    [group] = client.get("/model_group/info?model_group=pair").json()["data"]
    assert (group["model_group"], group["providers"], group["mode"]) == ("pair", ["openai"], "chat")
    assert (group["rpm"], group["tpm"]) == (7, 9)
    assert (group["max_input_tokens"], group["input_cost_per_token"]) == (200_000, 2e-06)
    assert (group["supports_reasoning"], group["supports_web_search"]) == (True, False)
    assert {"top_p", "reasoning_effort"} <= set(group["supported_openai_params"])


def test_an_alias_is_a_group(client: Client) -> None:
    [alias] = client.get("/model_group/info?model_group=seen").json()["data"]
    [group] = client.get("/model_group/info?model_group=mini").json()["data"]
    assert alias == group | {"model_group": "seen"}


def test_an_unknown_group_is_none(client: Client) -> None:
    assert client.get("/model_group/info?model_group=nope").json() == {"data": []}
