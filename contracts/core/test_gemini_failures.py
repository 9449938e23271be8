"""Google's errors, and deployments that cannot work."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.google_replies import prompt_too_long, refused, wrong_key
from fixtures.replies import Reply, broken_json, closed, hang, html, ok

pytestmark = contract("core", config="google/gemini.yaml")

ENDPOINTS = ["chat", "embed"]


def call(case: Case, endpoint: str, reply: Reply) -> Exchange:
    if endpoint == "chat":
        case.script({"upstream-failing": [reply]})
        return case.chat("gem-error")
    case.script({"gemini-embedding-001": [reply]})
    return case.embed("gem-embed")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("code", [400, 401, 403, 404, 429, 500, 502, 503, 504, 529])
def test_a_status(case: Case, code: int, endpoint: str) -> None:
    answer = call(case, endpoint, refused(code))
    case.assert_same_as_recorded(ignore=["body.error.message"] if (code, endpoint) == (404, "chat") else [])
    assert answer.status == (500 if code in (502, 504, 529) else code)
    assert f"upstream says {code}" in answer.json["error"]["message"]
    case.wait(1.1)


def test_a_timeout_of_google(case: Case) -> None:
    answer = call(case, "chat", refused(408))
    case.assert_same_as_recorded()
    assert answer.status == 408


@pytest.mark.parametrize("code", [409, 413, 418, 422])
def test_a_mistake_that_has_no_name(case: Case, code: int) -> None:
    answer = call(case, "chat", refused(code))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == code
        assert f"upstream says {code}" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


WORDS: dict[str, tuple[Reply, int, str]] = {
    "wrong-key": (wrong_key(), 401, "AuthenticationError"),
    "blocked": (refused(400, message="The response was blocked."), 400, "ContentPolicyViolationError"),
    "elsewhere": (refused(400, message="User location is not supported for the API use."), 400, "BadRequestError"),
    "too-long": (prompt_too_long(), 400, "ContextWindowExceededError"),
}


@pytest.mark.parametrize("words", WORDS)
def test_what_the_text_says_counts(case: Case, words: str) -> None:
    reply, status, name = WORDS[words]
    answer = call(case, "chat", reply)
    case.assert_same_as_recorded()
    assert answer.status == status
    assert name in answer.json["error"]["message"]
    case.wait(1.1)


BROKEN: dict[str, Reply] = {
    "page": html(200),
    "page-of-an-error": html(502),
    "no-json": broken_json('{"candidates": [{"con'),
    "other-json": Reply(body=[1]),
    "nothing": Reply(text=""),
    "closed": closed(),
}


@pytest.mark.parametrize("what", BROKEN)
def test_something_else_in_place_of_an_answer(case: Case, what: str) -> None:
    answer = call(case, "chat", BROKEN[what])
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 500
    assert answer.json["error"]["message"].startswith("litellm.APIConnectionError: GeminiException - ")
    case.wait(1.1)


def test_nobody_there(case: Case) -> None:
    case.script({"upstream-refused": []})
    answer = case.chat("gem-refused")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 500
    assert answer.json["error"]["message"].startswith("litellm.APIConnectionError: GeminiException - ")


@pytest.mark.parametrize("how", ["slow", "silent"])
def test_a_timeout(case: Case, how: str) -> None:
    case.script({"upstream-short": [ok().slow(2.0) if how == "slow" else hang()]})
    answer = case.chat("gem-short")
    case.assert_same_as_recorded()
    assert answer.status == 408


STREAMS = {400: 400, 401: 401, 404: 404, 429: 429, 500: 500, 503: 503}


@pytest.mark.parametrize("code", STREAMS)
def test_a_stream_that_is_refused(case: Case, code: int) -> None:
    case.script({"upstream-failing": [refused(code)]})
    answer = case.stream("gem-error")

    def as_recorded(answer: Exchange) -> None:
        message = answer.json["error"]["message"]
        assert answer.status == (503 if code >= 500 else code)
        assert "Vertex_ai_betaException" in message
        assert "b'{" in message

    def required(answer: Exchange) -> None:
        assert answer.status == code
        assert answer.json["error"]["code"] == str(code)
        assert f'"upstream says {code}"' in answer.json["error"]["message"]
        assert "GeminiException" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


def test_a_fallback_answers_in_place_of_a_failing_vendor(case: Case) -> None:
    case.script({"upstream-first": [refused(503)], "upstream-second": [ok("from two")]})
    answer = case.chat("gem-first", fallbacks=["gem-second"])
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks"])
    assert answer.content == "from two"
    assert ["second" in path for path in case.journal().paths] == [False, True]
