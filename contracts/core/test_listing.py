"""Lists of models, facts about them, health, and the other plain routes."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import status

pytestmark = contract("core", config="core/wildcards.yaml")


def _ids(answer: Exchange) -> list[str]:
    return [model["id"] for model in answer.json["data"]]


@pytest.mark.parametrize("path", ["/v1/models", "/models"])
def test_the_models(case: Case, path: str) -> None:
    answer = case.get(path)
    case.assert_same_as_recorded(ignore=["body.data"])
    assert {"listed-chat", "own/*", "named/*"} <= set(_ids(answer))
    model = next(model for model in answer.json["data"] if model["id"] == "listed-chat")
    assert model == {"id": "listed-chat", "object": "model", "created": 1677610602, "owned_by": "openai"}


def test_a_wildcard_is_spelt_out(case: Case) -> None:
    answer = case.get("/v1/models")
    case.assert_same_as_recorded(ignore=["body.data"])
    assert answer.status == 200
    assert "own/gpt-4o" in _ids(answer)
    assert "own/text-embedding-3-small" in _ids(answer)


@pytest.mark.parametrize("kind", ["", "&fallback_type=general", "&fallback_type=context_window"])
def test_the_models_and_their_fallbacks(case: Case, kind: str) -> None:
    answer = case.get(f"/v1/models?include_metadata=true{kind}")
    case.assert_same_as_recorded(ignore=["body.data"])
    model = next(model for model in answer.json["data"] if model["id"] == "listed-chat")
    assert model["metadata"] == {"fallbacks": ["wide-chat"] if "context" in kind else ["spare-chat"]}


def test_an_unknown_kind_of_fallbacks(case: Case) -> None:
    answer = case.get("/v1/models?include_metadata=true&fallback_type=nonsense")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Must be one of" in answer.json["detail"]


@pytest.mark.parametrize("path", ["/v1/models/listed-chat", "/models/listed-chat"])
def test_one_model(case: Case, path: str) -> None:
    answer = case.get(path)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["id"] == path.split("models/")[1]


@pytest.mark.parametrize("name", ["nope", "listed-chat-1"])
def test_a_model_that_is_not_there(case: Case, name: str) -> None:
    answer = case.get(f"/v1/models/{name}")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert "detail" in answer.json


@pytest.mark.parametrize("path", ["/v1/model/info", "/model/info"])
def test_facts_about_models(case: Case, path: str) -> None:
    answer = case.get(path)
    case.assert_same_as_recorded(ignore=["body.data"])
    facts = next(entry for entry in answer.json["data"] if entry["model_name"] == "listed-chat")
    assert facts["litellm_params"]["model"] == "openai/upstream-listed"
    assert facts["model_info"]["id"] == "listed-chat-1"
    assert "sk-up-secret" not in answer.text


def test_facts_about_one_deployment(case: Case) -> None:
    answer = case.get("/model/info?litellm_model_id=listed-chat-1")
    case.assert_same_as_recorded()
    [facts] = answer.json["data"]
    assert facts["model_name"] == "listed-chat"
    assert facts["model_info"]["note"] == "ours"


def test_facts_about_a_deployment_that_is_not_there(case: Case) -> None:
    answer = case.get("/model/info?litellm_model_id=nope")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "nope" in answer.text


@pytest.mark.parametrize("path", ["/health/liveliness", "/health/liveness"])
@pytest.mark.parametrize("key", [None, "sk-1234", "sk-wrong"])
def test_alive(case: Case, path: str, key: str | None) -> None:
    answer = case.get(path, key=key)
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (200, "I'm alive!")


def test_ready(case: Case) -> None:
    answer = case.get("/health/readiness", key=None)
    case.assert_same_as_recorded(
        ignore=[
            "body.use_aiohttp_transport",
            "body.state",
            "body.success_callbacks",
            "body.log_level",
            "body.is_detailed_debug",
        ]
    )
    assert answer.json["status"] == "healthy"
    assert answer.json["db"] == "Not connected"
    assert answer.json["litellm_version"] == "1.81.14"


def test_the_health_of_a_model(case: Case) -> None:
    case.script({"upstream-listed": []})
    answer = case.get("/health?model=openai/upstream-listed")
    endpoint = "body.healthy_endpoints[0]"
    case.assert_same_as_recorded(
        ignore=[f"{endpoint}.litellm_metadata", f"{endpoint}.cache", "journal[0].body.messages"]
    )
    assert (answer.json["healthy_count"], answer.json["unhealthy_count"]) == (1, 0)
    assert "sk-up-secret" not in answer.text
    assert case.journal().models == ["upstream-listed"]


def test_the_health_of_a_model_that_fails(case: Case) -> None:
    case.script({"upstream-ill": [status(500)]})
    answer = case.get("/health?model=openai/upstream-ill")
    fields = ("litellm_metadata", "cache", "error", "raw_request_typed_dict")
    case.assert_same_as_recorded(ignore=["journal", *(f"body.unhealthy_endpoints[0].{field}" for field in fields)])
    assert answer.status == 200
    assert (answer.json["healthy_count"], answer.json["unhealthy_count"]) == (0, 1)
    assert "upstream says 500" in answer.json["unhealthy_endpoints"][0]["error"]


def test_the_health_of_nothing(case: Case) -> None:
    answer = case.get("/health?model=nope")
    case.assert_same_as_recorded()
    assert answer.json["healthy_endpoints"] == answer.json["unhealthy_endpoints"] == []


def test_a_route_for_trying(case: Case) -> None:
    answer = case.get("/test", key=None)
    case.assert_same_as_recorded()
    assert answer.json == {"route": "/test"}


@contract("core", config="core/wildcards.yaml", provenance="documented")
def test_metrics(case: Case) -> None:
    case.script({"upstream-listed": []})
    case.chat("listed-chat")
    answer = case.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE litellm_" in answer.text


# --- wildcards -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["gpt-4", "gpt-3.5-turbo-16k"])
def test_a_model_that_takes_no_response_format(case: Case, model: str) -> None:
    case.script({model: []})
    wanted = {"type": "json_object"}
    refused = case.chat(f"own/{model}", response_format=wanted)
    dropped = case.chat(f"own/{model}", response_format=wanted, drop_params=True)
    case.assert_same_as_recorded()
    assert (refused.status, dropped.status) == (400, 200)
    assert [("response_format" in body) for body in case.journal().bodies] == [False]


@pytest.mark.parametrize("name", ["own/mini", "own/deep/mini"])
def test_a_wildcard_names_the_upstream_model(case: Case, name: str) -> None:
    upstream = name.removeprefix("own/")
    case.script({upstream: []})
    answer = case.chat(name)
    case.assert_same_as_recorded(headers=["x-litellm-model-id", "x-litellm-model-group"])
    assert answer.json["model"] == name
    assert case.journal().models == [upstream]


def test_a_wildcard_within_a_name(case: Case) -> None:
    case.script({"fixed-upstream": []})
    answer = case.chat("named/anything")
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.json["model"] == "named/anything"
    assert case.journal().models == ["fixed-upstream"]


def test_the_closest_wildcard_counts(case: Case) -> None:
    case.script({"north-mini": [], "north/mini": [], "mini": []})
    answer = case.chat("own/north/mini")
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.status == 200
    assert case.journal().models == ["north-mini"]


def test_a_group_wins_over_a_wildcard(case: Case) -> None:
    case.script({"upstream-exact": [], "exact": []})
    answer = case.chat("own/exact")
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.headers["x-litellm-model-id"] == "exact-1"
    assert case.journal().models == ["upstream-exact"]


@pytest.mark.parametrize("endpoint", ["chat", "stream", "completion", "embed"])
def test_an_unknown_model_beside_wildcards(case: Case, endpoint: str) -> None:
    answer = getattr(case, endpoint)("no-such-model")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "There are no healthy deployments for this model" in answer.json["error"]["message"]


@pytest.mark.parametrize("endpoint", ["completion", "embed", "stream"])
def test_a_wildcard_of_another_endpoint(case: Case, endpoint: str) -> None:
    case.script({"mini": []})
    answer = getattr(case, endpoint)("own/mini")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().models == ["mini"]
