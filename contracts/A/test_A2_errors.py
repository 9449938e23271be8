"""A2: what cannot be answered is refused, with the right status."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import Reply, broken_json, html, json, status
from fixtures.replies import slow as late

pytestmark = contract("A2", config="A2/main.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-timeout", "x-litellm-version", "x-litellm-response-cost"]


def respond(case: Case, model: str, **body: Any) -> Exchange:
    return case.post("/v1/responses", {"model": model, "input": "hello", **body})


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 422, 429, 500, 503])
def test_an_error_of_the_vendor(case: Case, code: int) -> None:
    model = f"refused-{code}"
    case.script({model: [status(code)]})
    answer = respond(case, model)
    # What the reference calls these hangs on words within the vendor's body that it quotes.
    case.assert_same_as_recorded(headers=HEADERS, ignore=["body.error.message"] if code in (401, 404, 408) else [])
    assert answer.status == code
    assert f"upstream says {code}" in answer.json["error"]["message"]
    assert '{"error":' in answer.json["error"]["message"]


def test_a_page_in_place_of_an_error(case: Case) -> None:
    case.script({"refused-500": [html(500)]})
    answer = respond(case, "refused-500")
    case.assert_same_as_recorded()
    assert answer.status == 500
    assert "Bad Gateway" in answer.json["error"]["message"]


@pytest.mark.parametrize("kind", ["page", "broken", "nothing"])
def test_an_answer_that_is_no_response(case: Case, kind: str) -> None:
    replies = {"page": html(200), "broken": broken_json(), "nothing": json({"id": "resp_up:upstream-garbled"})}
    case.script({"upstream-garbled": [replies[kind]]})
    answer = respond(case, "garbled")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert "error" in answer.json

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.json["error"]["code"] == "500"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@slow("the vendor must be too late")
def test_a_vendor_that_is_too_late(case: Case) -> None:
    case.script({"upstream-hasty": [late(3)]})
    answer = respond(case, "hasty")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 408
    assert "litellm.Timeout" in answer.json["error"]["message"]


BAD: dict[str, Any] = {
    "no-model": {"input": "hello"},
    "unknown-model": {"model": "nowhere", "input": "hello"},
    "nothing": {},
}


@pytest.mark.parametrize("body", BAD)
def test_a_bad_request(case: Case, body: str) -> None:
    answer = case.post("/v1/responses", BAD[body])
    case.assert_same_as_recorded(headers=["x-litellm-version"])
    assert answer.status == 400
    assert "Invalid model name" in answer.json["error"]["message"]


def test_broken_json(case: Case) -> None:
    answer = case.request("POST", "/v1/responses", content=b"{bad")
    case.assert_same_as_recorded()
    assert answer.status == 400


WORSE: dict[str, bytes] = {
    "no-input": b'{"model":"native"}',
    "list": b"[]",
    "previous-number": b'{"model":"native","input":"x","previous_response_id":5}',
    "compact-no-input": b'{"model":"native"}',
    "compact-bridged": b'{"model":"bridged","input":"x"}',
}


@pytest.mark.parametrize("body", WORSE)
def test_a_mistake_of_the_clients_is_no_error_of_ours(case: Case, body: str) -> None:
    case.script({"upstream-native": [], "upstream-bridged": []})
    path = "/v1/responses/compact" if body.startswith("compact") else "/v1/responses"
    answer = case.request("POST", path, content=WORSE[body])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


NO_INPUT: dict[str, Any] = {"empty": [], "number": 5, "numbers": [5]}


@pytest.mark.parametrize("kind", NO_INPUT)
def test_input_that_a_chat_cannot_be_made_of(case: Case, kind: str) -> None:
    case.script({"upstream-bridged": []})
    answer = respond(case, "bridged", input=NO_INPUT[kind])
    case.assert_same_as_recorded(ignore=["body.error"])
    assert answer.status == 400
    assert case.journal().calls == []


def test_no_key(case: Case) -> None:
    answer = case.post("/v1/responses", {"model": "native", "input": "hello"}, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH"])
def test_another_method(case: Case, method: str) -> None:
    answer = case.request(method, "/v1/responses")
    case.assert_same_as_recorded()
    assert answer.status == 405


def test_an_error_of_a_bridged_vendor(case: Case) -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "not so"}}
    case.script({"upstream-broken": [Reply(status=400, body=error)]})
    answer = respond(case, "broken-claude")
    case.assert_same_as_recorded(headers=HEADERS, ignore=["journal[*].body.tools"])
    assert answer.status == 400
    assert "not so" in answer.json["error"]["message"]
