"""B3: a request with a priority goes through the queue of its model group."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok, status, stream

pytestmark = contract("B3", config="B3/queue.yaml")

USED = "x-litellm-request-prioritization-used"
HEADERS = [USED, "x-litellm-model-id"]
OUT_OF_RANGE = {
    "negative": -1,
    "above": 256,
    "huge": 10**30,
    "text": "abc",
    "digits": "5",
    "fraction": 1.5,
    "boolean": True,
    "list": [1],
}
TIMED_OUT = "litellm.Timeout: Request timed out while polling queue"


def test_a_priority_is_honoured(case: Case) -> None:
    case.script({"ranked-chat": [ok("at once")]})
    answer = case.chat("rank-chat", priority=5)
    case.assert_same_as_recorded(headers=HEADERS)
    assert (answer.status, answer.content) == (200, "at once")
    assert answer.headers[USED] == "True"
    assert "priority" not in case.journal().bodies[0]


def test_a_stream(case: Case) -> None:
    case.script({"ranked-chat": [stream(["at ", "once"])]})
    answer = case.stream("rank-chat", priority=3)
    case.assert_same_as_recorded(headers=HEADERS)
    assert (answer.headers[USED], answer.content) == ("True", "at once")
    assert "priority" not in case.journal().bodies[0]


def test_an_alias(case: Case) -> None:
    case.script({"ranked-chat": []})
    answer = case.chat("rank-alias", priority=255)
    case.assert_same_as_recorded(headers=HEADERS)
    assert (answer.status, answer.headers[USED]) == (200, "True")


@pytest.mark.parametrize("fields", [{}, {"priority": None}], ids=["absent", "null"])
def test_without_a_priority(case: Case, fields: dict[str, Any]) -> None:
    case.script({"ranked-chat": []})
    answer = case.chat("rank-chat", **fields)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert USED not in answer.headers


@pytest.mark.parametrize("priority", [0, 7])
def test_a_text_completion(case: Case, priority: int) -> None:
    case.script({"ranked-text": [ok("completed")]})
    answer = case.completion("rank-text", priority=priority)
    case.assert_same_as_recorded(headers=HEADERS)
    assert (answer.headers[USED], answer.content) == ("True", "completed")
    assert "priority" not in case.journal().bodies[0]


def test_an_upstreams_error(case: Case) -> None:
    case.script({"ranked-fails": [status(500)]})
    answer = case.chat("rank-fails", priority=1)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500


def test_a_fallback(case: Case) -> None:
    case.script({"ranked-first": [status(500)], "ranked-second": [ok("from the second")]})
    answer = case.chat("rank-first", priority=1)
    case.assert_same_as_recorded(headers=[*HEADERS, "x-litellm-attempted-fallbacks"])
    assert (answer.headers[USED], answer.content) == ("True", "from the second")


def test_the_highest_priority(case: Case) -> None:
    case.script({"ranked-chat": []})
    answer = case.chat("rank-chat", priority=0)
    body = case.journal().bodies[0]

    def as_recorded(answer: Exchange, body: dict[str, Any]) -> None:
        assert answer.status == 200
        assert USED not in answer.headers
        assert body["priority"] == 0

    def required(answer: Exchange, body: dict[str, Any]) -> None:
        assert answer.status == 200
        assert answer.headers[USED] == "True"
        assert "priority" not in body

    case.deviates(answer, body, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("priority", OUT_OF_RANGE.values(), ids=OUT_OF_RANGE.keys())
def test_what_is_no_priority(case: Case, priority: Any) -> None:
    case.script({"ranked-chat": []})
    answer = case.chat("rank-chat", priority=priority)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["param"] == "priority"
        assert "from 0" in answer.json["error"]["message"]
        assert "to 255" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_queue_has_a_timeout(case: Case) -> None:
    case.script({"ranked-held": [ok("healthy"), status(429), status(429)]})
    healthy = case.chat("rank-held", priority=5)
    limited = [case.chat("rank-held") for _ in range(2)]
    late = case.chat("rank-held", priority=7)
    case.assert_same_as_recorded(headers=[USED])
    assert [healthy.status, *(answer.status for answer in limited), late.status] == [200, 429, 429, 408]
    assert late.json["error"]["message"] == TIMED_OUT
    assert late.json["error"]["code"] == "408"
    assert len(case.journal().models) == 3


def test_who_is_cooling_down_is_waited_for(case: Case) -> None:
    case.script({"ranked-cool": [status(429), status(429), ok("rested")]})
    limited = [case.chat("rank-cool") for _ in range(2)]
    assert [answer.status for answer in limited] == [429, 429]
    answer = case.chat("rank-cool", priority=1)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 429
        assert "No deployments available for selected model" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert (answer.status, answer.content) == (200, "rested")

    case.deviates(answer, as_recorded=as_recorded, required=required)


def after(case: Case, seconds: float, model: str, text: str, **fields: Any) -> Exchange:
    case.wait(seconds)
    return case.chat(model, messages=[{"role": "user", "content": text}], **fields)


def texts(case: Case) -> list[str]:
    return [body["messages"][0]["content"] for body in case.journal().bodies]


def test_the_more_urgent_goes_first(case: Case) -> None:
    case.script({"ranked-busy": [ok("slow").with_(delay=1.0), ok("one"), ok("two"), ok("three")]})
    answers = case.concurrently(
        [
            lambda: after(case, 0.0, "rank-busy", "already there"),
            lambda: after(case, 0.3, "rank-busy", "may wait", priority=3),
            lambda: after(case, 0.5, "rank-busy", "hurries", priority=1),
            lambda: after(case, 0.7, "rank-busy", "is urgent", priority=0),
        ]
    )

    def as_recorded(answers: list[Exchange], order: list[str]) -> None:
        assert [answer.status for answer in answers] == [200] * 4
        assert order == ["already there", "may wait", "hurries", "is urgent"]

    def required(answers: list[Exchange], order: list[str]) -> None:
        assert [answer.status for answer in answers] == [200] * 4
        assert order == ["already there", "is urgent", "hurries", "may wait"]

    case.deviates(answers, texts(case), as_recorded=as_recorded, required=required)


def test_equals_go_in_the_order_in_which_they_came(case: Case) -> None:
    case.script({"ranked-even": [ok("slow").with_(delay=1.0), ok("one"), ok("two"), ok("three")]})
    answers = case.concurrently(
        [
            lambda: after(case, 0.0, "rank-even", "already there", priority=4),
            lambda: after(case, 0.3, "rank-even", "first", priority=4),
            lambda: after(case, 0.5, "rank-even", "second", priority=4),
            lambda: after(case, 0.7, "rank-even", "third", priority=4),
        ]
    )
    case.assert_same_as_recorded(headers=[USED])
    assert [answer.status for answer in answers] == [200] * 4
    assert texts(case) == ["already there", "first", "second", "third"]


@slow("waits for the timeout of the queue")
def test_the_queue_of_a_busy_group_has_a_timeout(case: Case) -> None:
    case.script({"ranked-late": [ok("slow").with_(delay=3.0), ok("next")]})
    _, late = case.concurrently(
        [
            lambda: after(case, 0.0, "rank-late", "already there", timeout=10),
            lambda: after(case, 0.3, "rank-late", "too late", priority=3),
        ]
    )

    def as_recorded(late: Exchange, order: list[str]) -> None:
        assert (late.status, order) == (200, ["already there", "too late"])

    def required(late: Exchange, order: list[str]) -> None:
        assert late.status == 408
        assert late.json["error"]["message"] == TIMED_OUT
        assert order == ["already there"]

    case.deviates(late, texts(case), as_recorded=as_recorded, required=required)
