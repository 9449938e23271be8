"""Google's own format in front of Google: what is asked goes through, what is answered comes back."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.google_replies import candidate, fails_within, refused, said
from fixtures.replies import Reply, ok, stream

pytestmark = contract("core", config="google/gemini.yaml")

SAID_HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
WHOLE: dict[str, Any] = {
    **SAID_HI,
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "tools": [{"functionDeclarations": [{"name": "clock"}]}],
    "generationConfig": {"temperature": 0.3, "maxOutputTokens": 7, "thinkingConfig": {"thinkingBudget": 0}},
}
SAFETY = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
GENERATE, STREAM = "/v1beta/models/gem-chat:generateContent", "/v1beta/models/gem-chat:streamGenerateContent"

ANSWERS: dict[str, Reply] = {
    "ordinary": ok("hi"),
    "call": said(candidate({"functionCall": {"name": "clock"}})),
    "thought": said(candidate({"text": "hm", "thought": True}, {"text": "hi", "thoughtSignature": "c2ln"})),
    "unsafe": said(candidate(reason="SAFETY")),
    "refused-prompt": Reply(
        body={"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    ),
}


@pytest.mark.parametrize("shape", ANSWERS)
def test_an_answer_comes_back_as_it_is(case: Case, shape: str) -> None:
    case.script({"gemini-2.5-flash": [ANSWERS[shape]]})
    answer = case.post(GENERATE, WHOLE)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["usageMetadata"]["promptTokenCount"] in (4, 10)
    [received] = case.journal()
    assert received.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert received.body == {"model": "gemini-2.5-flash", **WHOLE}


def test_the_shorter_path(case: Case) -> None:
    case.script({"gemini-2.5-flash": [ok("hi")]})
    answer = case.post("/models/gem-chat:generateContent", WHOLE)
    case.assert_same_as_recorded()
    assert answer.json["candidates"][0]["content"]["parts"] == [{"text": "hi"}]


@pytest.mark.parametrize("query", ["", "?alt=sse"])
def test_a_stream_comes_back_as_it_is(case: Case, query: str) -> None:
    case.script({"gemini-2.5-flash": [stream(["one ", "two"])]})
    answer = case.post(STREAM + query, WHOLE)
    case.assert_same_as_recorded()
    texts = [event["candidates"][0]["content"]["parts"][0]["text"] for event in answer.events]
    assert texts == ["one ", "two", ""]
    assert answer.events[-1]["candidates"][0]["finishReason"] == "STOP"
    assert case.journal()[0].query == {"alt": "sse"}


@pytest.mark.parametrize("where", ["header", "query"])
def test_the_key_as_googles_clients_give_it(case: Case, where: str) -> None:
    case.script({"gemini-2.5-flash": [ok("hi")]})
    if where == "header":
        answer = case.post(GENERATE, WHOLE, key=None, headers={"x-goog-api-key": "sk-1234"})
    else:
        answer = case.post(f"{GENERATE}?key=sk-1234", WHOLE, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [received] = case.journal()
    assert received.headers["x-goog-api-key"] == "gm-up"
    assert "key" not in received.query


def test_no_key(case: Case) -> None:
    case.script({"gemini-2.5-flash": []})
    answer = case.post(GENERATE, WHOLE, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert len(case.journal()) == 0


@contract("core", config="google/vertex.yaml")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_vertex(case: Case, streamed: bool) -> None:
    verb = "streamGenerateContent" if streamed else "generateContent"
    case.script({"gemini-2.5-flash": [ok("hi")]})
    answer = case.post(f"/v1beta/models/vertex-chat:{verb}", SAID_HI)
    case.assert_same_as_recorded()
    assert "hi" in answer.text
    [received] = case.journal()
    place = "/v1beta1/projects/proj-2/locations/europe-west1/publishers/google/models/gemini-2.5-flash"
    assert received.path == f"{place}:{verb}"


@pytest.mark.parametrize("field", ["safetySettings", "toolConfig", "cachedContent"])
def test_every_field_of_googles_goes_through(case: Case, field: str) -> None:
    given = {
        "safetySettings": SAFETY,
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "cachedContent": "cachedContents/1",
    }[field]
    case.script({"gemini-2.5-flash": []})
    answer = case.post(GENERATE, WHOLE | {field: given})
    assert answer.status == 200
    [body] = case.journal().bodies

    def as_recorded() -> None:
        assert field not in body

    def required() -> None:
        assert body[field] == given

    case.deviates(as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("code", [400, 403, 429, 500, 503])
@pytest.mark.parametrize("path", ["gem-error:generateContent", "gem-error:streamGenerateContent"])
def test_a_refusal(case: Case, path: str, code: int) -> None:
    case.script({"upstream-failing": [refused(code)]})
    answer = case.post(f"/v1beta/models/{path}", SAID_HI)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.status == code
        assert f"upstream says {code}" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown-model": ("/v1beta/models/nobody:generateContent", SAID_HI, "nobody"),
    "no-contents": (GENERATE, {}, "contents"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_of_the_client(case: Case, mistake: str) -> None:
    path, body, named = MISTAKES[mistake]
    case.script({"gemini-2.5-flash": []})
    answer = case.post(path, body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.text == "Internal Server Error"

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert named in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("core", config="google/gemini.yaml", provenance="documented")
@pytest.mark.parametrize("how", ["broken", "reported"])
def test_a_stream_that_breaks_off(case: Case, how: str) -> None:
    case.script(
        {"gemini-2.5-flash": [stream(["one ", "two ", "three"], end_after=2) if how == "broken" else fails_within(2)]}
    )
    answer = case.post(STREAM, SAID_HI)
    assert len(answer.events) == 3
    assert answer.events[-1]["error"]["code"] == 503


@contract("core", config="google/gemini.yaml", provenance="documented")
def test_the_tokens_of_contents(case: Case) -> None:
    """The reference needs a package for it that it does not bring."""
    case.script({"gemini-2.5-flash": []})
    answer = case.post("/v1beta/models/gem-chat:countTokens", SAID_HI)
    assert answer.json["totalTokens"] == 10
    [received] = case.journal()
    assert received.path == "/v1beta/models/gemini-2.5-flash:countTokens"
    assert received.body == SAID_HI
