"""B4: what a chat is about decides which model group serves it."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, status, stream

pytestmark = contract("B4", config="B4/routes.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-api-base", "x-litellm-model-group", "x-litellm-attempted-fallbacks"]
ALL: dict[str, list[Any]] = {"upstream-code": [], "upstream-weather": [], "upstream-general": []}
CODE, WEATHER, NEITHER = "please write some python code", "what is the weather forecast", "hello friend"


def said(text: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


@pytest.mark.parametrize(
    ("text", "upstream"),
    [(CODE, "upstream-code"), (WEATHER, "upstream-weather"), (NEITHER, "upstream-general")],
    ids=["code", "weather", "neither"],
)
def test_the_text_chooses_the_group(case: Case, text: str, upstream: str) -> None:
    case.script(ALL)
    answer = case.chat("auto-plain", messages=said(text))
    case.assert_same_as_recorded(headers=HEADERS)
    assert case.journal().models == [upstream]
    assert answer.json["model"] == "auto-plain"
    assert answer.headers["x-litellm-model-group"] == "auto-plain"
    assert answer.headers["x-litellm-model-id"] == upstream.replace("upstream-", "") + "-group-1"


@pytest.mark.parametrize(
    ("model", "text", "upstream"),
    [
        ("auto-strict", CODE, "upstream-general"),
        ("auto-mean", "sun", "upstream-weather"),
        ("auto-next", "sun", "upstream-code"),
        ("auto-five", "sun", "upstream-code"),
    ],
)
def test_routes_are_weighed(case: Case, model: str, text: str, upstream: str) -> None:
    """A threshold of its own; the mean counts, not the best; the next route that passes; the best five utterances alone."""
    case.script(ALL)
    answer = case.chat(model, messages=said(text))
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == [upstream]


def test_only_the_last_message_counts(case: Case) -> None:
    case.script(ALL)
    before = [{"role": "system", "content": "write python code"}, *said(CODE), {"role": "assistant", "content": CODE}]
    answer = case.chat("auto-plain", messages=[*before, *said(WEATHER)])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["upstream-weather"]


def test_a_stream(case: Case) -> None:
    case.script({**ALL, "upstream-code": [stream(["one ", "two"])]})
    answer = case.stream("auto-plain", messages=said(CODE))
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.content == "one two"
    assert {chunk["model"] for chunk in answer.events[:-1]} == {"auto-plain"}
    assert case.journal().models == ["upstream-code"]


def test_a_text_completion(case: Case) -> None:
    case.script(ALL)
    answer = case.completion("auto-plain", prompt=CODE)
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.headers["x-litellm-model-id"] == "code-group-1"
    assert case.journal().models == ["upstream-code"]


def test_an_alias_of_an_auto_router(case: Case) -> None:
    case.script(ALL)
    answer = case.chat("auto-alias", messages=said(CODE))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.json["model"] == "auto-alias"
        assert answer.headers["x-litellm-model-id"] == "code-group-1"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_fallbacks_are_those_of_the_auto_router(case: Case) -> None:
    case.script({"upstream-broken": [status(500)], "upstream-spare": [ok("spare")], "upstream-wrong": []})
    answer = case.chat("auto-backed", messages=said(NEITHER))
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "spare"
    assert case.journal().models == ["upstream-broken", "upstream-spare"]


def test_a_fallback_may_be_an_auto_router(case: Case) -> None:
    case.script({**ALL, "upstream-first": [status(500)]})
    answer = case.chat("first-group", messages=said(WEATHER))
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["upstream-first", "upstream-weather"]


def test_embeddings_choose_nothing(case: Case) -> None:
    case.script(ALL)
    answer = case.embed("auto-plain", input=CODE)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 400
    assert case.journal().models == []


def test_a_message_in_parts(case: Case) -> None:
    case.script(ALL)
    parts = [{"type": "text", "text": "please write"}, {"type": "text", "text": "some python code"}]
    answer = case.chat("auto-plain", messages=said(parts))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().models == ["upstream-code"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_anthropics_format(case: Case) -> None:
    case.script(ALL)
    body = {"model": "auto-plain", "max_tokens": 5, "messages": said(WEATHER)}
    answer = case.post("/v1/messages", body)
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.status == 200
    assert case.journal().models == ["upstream-weather"]


def test_utterances_are_embedded_once(case: Case) -> None:
    case.script({**ALL, "upstream-once": []})
    first = case.chat("auto-once", messages=said(CODE))
    second = case.chat("auto-once", messages=said(WEATHER))
    inputs = [body["input"] for body in case.journal().bodies if body["model"] == "upstream-once"]
    utterances = ["fix this function bug", "write python code", "is it going to rain", "weather forecast"]
    assert (first.status, second.status) == (200, 200)

    def as_recorded(_answer: Exchange) -> None:
        assert inputs == [["test"], utterances, [CODE], [WEATHER]]

    def required(_answer: Exchange) -> None:
        assert inputs == [utterances, [CODE], [WEATHER]]

    case.deviates(second, as_recorded=as_recorded, required=required)


def test_embeddings_that_fail(case: Case) -> None:
    case.script({**ALL, "upstream-failing": [status(500)]})
    answer = case.chat("auto-failing", messages=said(CODE))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.headers["x-litellm-model-id"] == "general-group-1"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_routes_from_a_file_beside_the_config(case: Case) -> None:
    case.script(ALL)
    answer = case.chat("auto-file", messages=said(WEATHER))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().models == ["upstream-weather"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("B4", config="B4/routes.yaml", provenance="documented")
@pytest.mark.parametrize("streamed", [False, True])
def test_a_header_tells_the_choice(case: Case, *, streamed: bool) -> None:
    case.script(ALL)
    answer = case.chat("auto-plain", messages=said(CODE), stream=streamed)
    assert answer.headers["x-tianji-routed-model"] == "code-group"
