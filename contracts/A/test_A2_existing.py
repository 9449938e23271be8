"""A2: what is asked about responses that exist reaches the deployment that made them."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, status, stream

pytestmark = contract("A2", config="A2/main.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-group", "x-litellm-model-api-base", "x-litellm-version"]
NO_BODY = ["journal[*].headers.content-type"]
"""The reference's client names a type for a body that it does not send."""


def made(case: Case, model: str = "native", **body: Any) -> str:
    name: str = case.post("/v1/responses", {"model": model, "input": "hello", **body}).json["id"]
    return name


def test_retrieved(case: Case) -> None:
    case.script({"upstream-native": [ok("Good day.")]})
    answer = case.get(f"/v1/responses/{made(case)}")
    case.assert_same_as_recorded(headers=HEADERS, ignore=NO_BODY)
    assert answer.status == 200
    assert answer.json["id"].startswith("resp_")
    assert answer.json["output"][0]["content"][0]["text"] == "Good day."
    call = case.journal()[1]
    assert (call.method, call.path) == ("GET", "/v1/responses/resp_up:upstream-native")
    assert call.headers["authorization"] == "Bearer sk-up"


@pytest.mark.parametrize("base", ["/responses", "/openai/v1/responses"])
def test_retrieved_on_another_path(case: Case, base: str) -> None:
    case.script({"upstream-native": []})
    answer = case.get(f"{base}/{made(case)}")
    case.assert_same_as_recorded(headers=HEADERS, ignore=NO_BODY)
    assert answer.json["object"] == "response"
    assert len(case.journal()) == 2


def test_deleted(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = case.request("DELETE", f"/v1/responses/{made(case)}")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["deleted"] is True
    call = case.journal()[1]
    assert (call.method, call.path) == ("DELETE", "/v1/responses/resp_up:upstream-native")


def test_cancelled(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = case.post(f"/v1/responses/{made(case, background=True)}/cancel")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["status"] == "cancelled"
    first, call = case.journal()
    assert first.body["background"] is True
    assert (call.method, call.path) == ("POST", "/v1/responses/resp_up:upstream-native/cancel")


def test_queued_by_the_vendor(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = case.post("/v1/responses", {"model": "native", "input": "hello", "background": True})
    later = case.get(f"/v1/responses/{answer.json['id']}")
    case.assert_same_as_recorded(headers=HEADERS, ignore=NO_BODY)
    assert answer.json["status"] == "queued"
    assert later.json["status"] == "completed"


def test_an_id_of_a_stream(case: Case) -> None:
    case.script({"upstream-native": []})
    streamed = case.post("/v1/responses", {"model": "native", "input": "hello", "stream": True})
    answer = case.get(f"/v1/responses/{streamed.events[-2]['response']['id']}")
    case.assert_same_as_recorded(headers=HEADERS, ignore=NO_BODY)
    assert answer.json["status"] == "completed"
    assert case.journal()[1].method == "GET"


def test_the_id_of_what_was_retrieved(case: Case) -> None:
    case.script({"upstream-native": []})
    again = case.get(f"/v1/responses/{made(case)}").json["id"]
    answer = case.request("DELETE", f"/v1/responses/{again}")
    case.assert_same_as_recorded(headers=HEADERS, ignore=NO_BODY)
    assert answer.json["deleted"] is True


@pytest.mark.parametrize("model", ["azure-named", "another-proxy"])
def test_another_vendor_is_asked(case: Case, model: str) -> None:
    upstream = "upstream-azure" if model == "azure-named" else "upstream-proxied"
    case.script({upstream: []})
    name = made(case, model)
    answer = case.get(f"/v1/responses/{name}")
    cancelled = case.post(f"/v1/responses/{name}/cancel")
    case.assert_same_as_recorded(headers=HEADERS, ignore=NO_BODY)
    assert answer.status == cancelled.status == 200
    assert case.journal()[1].path.endswith(f"/responses/resp_up:{upstream}")
    assert case.journal()[2].path.endswith(f"/responses/resp_up:{upstream}/cancel")


def test_what_the_vendor_does_not_know_any_more(case: Case) -> None:
    case.script({"refused-404": [ok(), status(404), ok()]})
    answer = case.get(f"/v1/responses/{made(case, 'refused-404')}")
    again = case.post("/v1/responses", {"model": "refused-404", "input": "hello"})

    def as_recorded(answer: Exchange, again: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange, again: Exchange) -> None:
        assert answer.status == 404
        assert "upstream says 404" in answer.json["error"]["message"]
        assert again.status == 200, "what one client looks for in vain says nothing about the deployment"

    case.deviates(answer, again, as_recorded=as_recorded, required=required)


def test_input_items(case: Case) -> None:
    case.script({"upstream-native": []})
    answer = case.get(f"/v1/responses/{made(case)}/input_items?order=asc&limit=5")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (400, 500)

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["data"][0]["content"][0]["text"] == "hello"
        call = case.journal()[1]
        assert call.path == "/v1/responses/resp_up:upstream-native/input_items"
        assert call.query == {"order": "asc", "limit": "5"}

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_retrieved_as_a_stream(case: Case) -> None:
    case.script({"upstream-native": [ok(), stream(["Good", " day."])]})
    answer = case.get(f"/v1/responses/{made(case)}?stream=true&starting_after=2")

    def as_recorded(answer: Exchange) -> None:
        assert answer.headers["content-type"] == "application/json"
        assert answer.json["output"][0]["content"][0]["text"] == "Good day."

    def required(answer: Exchange) -> None:
        assert [event["delta"] for event in answer.events if "delta" in event] == ["Good", " day."]
        assert answer.events[-1] == "[DONE]"
        assert case.journal()[1].query == {"stream": "true", "starting_after": "2"}

    case.deviates(answer, as_recorded=as_recorded, required=required)


UNKNOWN = {
    "raw": "resp_0123456789abcdef",
    "tampered": "resp_BAFMZpDKULcbhW_zUllb2zyLPRlLwyZjWyTAyIdY3IZQIXexjJMNuBgua2Luck-M5fARdrS7nwitrPqRdbQyQ9",
    "other": "chatcmpl-1",
}


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("question", ["retrieve", "delete", "cancel", "input_items"])
def test_an_unknown_id(case: Case, kind: str, question: str) -> None:
    method = {"delete": "DELETE", "cancel": "POST"}.get(question, "GET")
    end = f"/{question}" if question in ("cancel", "input_items") else ""
    answer = case.request(method, f"/v1/responses/{UNKNOWN[kind]}{end}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (400, 500)

    def required(answer: Exchange) -> None:
        assert answer.status == 404
        assert answer.json["error"]["message"] == f"Response with id '{UNKNOWN[kind]}' not found."

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_deployment_that_is_gone(case: Case) -> None:
    # litellm:custom_llm_provider:openai;model_id:gone-1;response_id:resp_1
    name = "resp_bGl0ZWxsbTpjdXN0b21fbGxtX3Byb3ZpZGVyOm9wZW5haTttb2RlbF9pZDpnb25lLTE7cmVzcG9uc2VfaWQ6cmVzcF8x"
    answer = case.get(f"/v1/responses/{name}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.status == 404
        assert "not in model_list any more" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_key(case: Case) -> None:
    answer = case.get("/v1/responses/resp_1", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
