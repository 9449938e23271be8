"""A4: every failure of a model leads to its fallbacks; a refusal by the gateway itself leads nowhere."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import broken_json, closed, garbage, hang, html, json, reset, status, truncated

pytestmark = contract("A4", config="A4/triggers.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
    "x-litellm-max-retries",
]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504])
def test_every_error_status_triggers(case: Case, code: int) -> None:
    model = f"says-{code}"
    case.script({model: [status(code)], "rescue": []})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert answer.headers["x-litellm-model-id"] == "rescue-1"
    assert case.journal().models == [model, "rescue"]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504])
def test_when_the_fallback_fails_too_the_first_error_is_told(case: Case, code: int) -> None:
    model = f"says-{code}"
    case.script({model: [status(code)], "rescue": [status(503, message="nobody there")]})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=["x-litellm-model-id", "x-litellm-model-group"])
    error = answer.json["error"]
    assert (answer.status, error["code"]) == (code, str(code))
    assert f"upstream says {code}" in error["message"]
    assert "nobody there" in error["message"]
    assert case.journal().models == [model, "rescue"]


def test_a_timeout_triggers(case: Case) -> None:
    case.script({"silent": [hang()], "rescue": []})
    answer = case.chat("silent")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["silent", "rescue"]


def test_a_timeout_of_all_is_a_408(case: Case) -> None:
    case.script({"silent": [hang()], "rescue": [status(500)]})
    answer = case.chat("silent")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 408
    assert "timeout value=0.5" in answer.json["error"]["message"]


def test_a_refused_connection_triggers(case: Case) -> None:
    case.script({"rescue": []})
    answer = case.chat("refused")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["rescue"]


def test_a_refused_connection_is_told_when_the_fallback_fails_too(case: Case) -> None:
    case.script({"rescue": [status(429)]})
    answer = case.chat("refused")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert "Connection error." in answer.json["error"]["message"]


def test_a_missing_credential_triggers(case: Case) -> None:
    case.script({"keyless": [], "rescue": []})
    answer = case.chat("keyless")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["rescue"]


BREAKS = {
    "reset": reset(),
    "closed": closed(),
    "not-http": garbage(),
    "truncated": truncated(60),
    "broken-json": broken_json(),
    "html": html(502),
    "html-with-200": html(200),
    "not-an-object": json([1, 2]),
    "no-choices": json({"id": "chatcmpl-up1", "object": "chat.completion"}),
    "error-with-200": json({"error": {"message": "not today", "type": "server_error", "code": None, "param": None}}),
}


UNCAUGHT = ["error-with-200"]


@pytest.mark.parametrize("what", BREAKS)
def test_an_answer_that_is_none_triggers(case: Case, what: str) -> None:
    case.script({"broken": [BREAKS[what]], "rescue": []})
    answer = case.chat("broken")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["broken", "rescue"]


# the reference answers no-choices with a stack trace of its own files, which no recording should keep
TOLD = [name for name in BREAKS if name not in {"truncated", "no-choices", *UNCAUGHT}]


@pytest.mark.parametrize("what", TOLD)
def test_an_answer_that_is_none_is_told_when_the_fallback_fails_too(case: Case, what: str) -> None:
    case.script({"broken": [BREAKS[what]], "rescue": [status(429)]})
    answer = case.chat("broken")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == (502 if what == "html" else 500)
    assert "upstream says 429" in answer.json["error"]["message"]
    assert case.journal().models == ["broken", "rescue"]


def test_a_truncated_answer_is_told_when_the_fallback_fails_too(case: Case) -> None:
    case.script({"broken": [BREAKS["truncated"]], "rescue": [status(429)]})
    answer = case.chat("broken")
    # how a body that breaks off is called depends on who notices first, the connection or the parser
    case.assert_same_as_recorded(headers=HEADERS, ignore=["body.error.message"])
    assert answer.status == 500
    assert "upstream says 429" in answer.json["error"]["message"]
    assert case.journal().models == ["broken", "rescue"]


@pytest.mark.parametrize("what", UNCAUGHT)
def test_an_answer_of_another_shape_is_told_when_the_fallback_fails_too(case: Case, what: str) -> None:
    case.script({"broken": [BREAKS[what]], "rescue": [status(429)]})
    answer = case.chat("broken")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "upstream says 429" in answer.json["error"]["message"]
        assert case.journal().models == ["broken", "rescue"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_wildcard_list_fails_with_the_error_of_the_model(case: Case) -> None:
    case.script({"rescue": [status(500)]})
    answer = case.chat("rescue")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert case.journal().models == ["rescue"]


# --- refused at the door: no upstream is asked ----------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "sk-wrong"], ids=["no-key", "wrong-key"])
def test_a_caller_who_is_not_let_in_gets_no_fallback(case: Case, key: str | None) -> None:
    case.script({"healthy": [], "rescue": []})
    answer = case.chat("healthy", options={"key": key})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == (401 if key is None else 400)
    assert answer.json["error"]["type"] in {"auth_error", "no_db_connection"}
    assert len(case.journal()) == 0


@pytest.mark.parametrize("stream", [False, True])
def test_an_unknown_model_gets_no_fallback(case: Case, stream: bool) -> None:
    case.script({"rescue": []})
    answer = case.chat("unheard-of", stream=stream)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "Invalid model name passed in model=unheard-of" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


def test_broken_json_gets_no_fallback(case: Case) -> None:
    case.script({"healthy": [], "rescue": []})
    answer = case.request("POST", "/v1/chat/completions", content=b'{"model": "healthy", "messages": [')
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "Invalid JSON payload" in answer.json["error"]["message"]
    assert len(case.journal()) == 0
