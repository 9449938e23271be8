"""A2: responses are routed, retried and fall back as other calls are."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok, status, stream

pytestmark = contract("A2", config="A2/main.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-fallbacks",
    "x-litellm-attempted-retries",
]
LEAK = ["journal[1].body.metadata", "body.metadata", "events[*].response.metadata"]
"""The reference tells the fallback's vendor about the call in `metadata`; a case of its own says so."""


def respond(case: Case, model: str, **body: Any) -> Exchange:
    return case.post("/v1/responses", {"model": model, "input": "hello", **body})


def test_a_fallback(case: Case) -> None:
    case.script({"first-choice": [status(503)], "upstream-second": [ok("from the second")]})
    answer = respond(case, "first-choice")
    case.assert_same_as_recorded(headers=HEADERS, ignore=LEAK)
    assert answer.json["output"][0]["content"][0]["text"] == "from the second"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["first-choice", "upstream-second"]


def test_a_fallback_tells_nobody(case: Case) -> None:
    case.script({"first-choice": [status(503)], "upstream-second": []})
    respond(case, "first-choice")
    body = case.journal().bodies[1]

    def as_recorded(body: Any) -> None:
        assert body["metadata"] == {"model_group": "second-choice"} or "model_group" in body["metadata"]

    def required(body: Any) -> None:
        assert body == {"model": "upstream-second", "input": "hello"}

    case.deviates(body, as_recorded=as_recorded, required=required)


def test_a_fallback_of_a_stream(case: Case) -> None:
    case.script({"first-choice": [status(503)], "upstream-second": [stream(["from", " the", " second"])]})
    answer = respond(case, "first-choice", stream=True)
    case.assert_same_as_recorded(headers=HEADERS, ignore=LEAK)
    assert "".join(event["delta"] for event in answer.events[:-1] if "delta" in event) == "from the second"
    assert case.journal().models == ["first-choice", "upstream-second"]


def test_a_fallback_to_a_vendor_that_only_chats(case: Case) -> None:
    case.script({"first-native": [status(503)], "then-claude": [ok("from Claude")]})
    answer = respond(case, "first-native")
    case.assert_same_as_recorded(headers=HEADERS, ignore=["body.object", "journal[1].body.tools"])
    assert answer.json["output"][0]["content"][0]["text"] == "from Claude"
    assert case.journal().paths == ["/v1/responses", "/v1/messages"]


def test_the_clients_own_fallbacks(case: Case) -> None:
    case.script({"refused-400": [status(400)], "upstream-native": []})
    answer = respond(case, "refused-400", fallbacks=["native"])
    case.assert_same_as_recorded(headers=HEADERS, ignore=LEAK)
    assert answer.status == 200
    assert case.journal().models == ["refused-400", "upstream-native"]


@slow("retries wait for each other")
def test_retries(case: Case) -> None:
    case.script({"upstream-retried": [status(500), ok("at last")]})
    answer = respond(case, "retried", num_retries=1)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["output"][0]["content"][0]["text"] == "at last"
    assert case.journal().models == ["upstream-retried"] * 2


def test_no_retries_of_what_is_refused(case: Case) -> None:
    case.script({"refused-422": [status(422), ok()]})
    answer = respond(case, "refused-422", num_retries=2)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert len(case.journal()) == 1


@pytest.mark.parametrize("header", ["x-litellm-timeout"])
def test_the_clients_timeout(case: Case, header: str) -> None:
    from fixtures.replies import slow as late

    case.script({"upstream-native": [late(2)]})
    answer = case.post("/v1/responses", {"model": "native", "input": "hello"}, headers={header: "0.3"})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 408
    assert "litellm.Timeout" in answer.json["error"]["message"]
