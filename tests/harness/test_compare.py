"""What counts as a difference, and what no two runs can share."""

from __future__ import annotations

import httpx
import msgspec
import pytest

from contracts.harness.compare import ABSENT, differences, journal_differences, render, same_body, same_url, steady
from contracts.harness.exchange import JOURNAL_URL, Exchange, Request

UUID = "3f2b8f4e-0d3c-4a56-9d1e-1234567890ab"
OTHER_UUID = "aaaaaaaa-0d3c-4a56-9d1e-1234567890ab"


def exchange(
    body: object, *, status: int = 200, end: str = "done", url: str = "http://gateway.test/x", **headers: str
) -> Exchange:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    named = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Exchange("1", Request("POST", url, httpx.Headers()), status, httpx.Headers(named), content, end=end)


def paths(*sides: Exchange, **options: list[str]) -> list[str]:
    return [found.path for found in differences(*sides, **options)]


def test_the_order_of_keys_is_ignored_and_nothing_else() -> None:
    assert paths(exchange({"a": 1, "b": [1, 2]}), exchange({"b": [1, 2], "a": 1})) == []
    assert paths(exchange({"b": [1, 2]}), exchange({"b": [2, 1]})) == ["body.b[0]", "body.b[1]"]
    assert paths(exchange({"a": 1}), exchange({"a": 1.0})) == ["body.a"]
    assert paths(exchange({"a": None}), exchange({})) == ["body.a"]


def test_status_ending_and_content_type_are_always_compared() -> None:
    other = exchange({}, status=500, end="dropped", content_type="text/plain")
    assert set(paths(exchange({}), other)) == {"status", "end", "headers.content-type"}


def test_only_chosen_headers_are_compared_and_their_absence_counts() -> None:
    one, other = exchange({}, x_a="1", x_b="1"), exchange({}, x_a="2")
    assert paths(one, other) == []
    assert paths(one, other, headers=["X-A", "x-b"]) == ["headers.x-a", "headers.x-b"]


def test_a_volatile_header_must_only_be_there() -> None:
    one, other = exchange({}, x_litellm_call_id=UUID), exchange({}, x_litellm_call_id=OTHER_UUID)
    assert paths(one, other, headers=["x-litellm-call-id"]) == []
    assert paths(one, exchange({}), headers=["x-litellm-call-id"]) == ["headers.x-litellm-call-id"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"chatcmpl-{UUID}", f"chatcmpl-{OTHER_UUID}"),
        ("id " + "a1" * 32, "id " + "b2" * 32),
        ("sk-" + "aB" * 11, "sk-" + "b1" * 11),
        ("sk-" + "a" * 20 + "B-", "sk-generated-1"),
        ("sk-...aB1x", "sk-...ed-1"),
        ("timeout value=1.0, time taken=1.01 seconds", "timeout value=1.0, time taken=1.2 seconds"),
    ],
)
def test_volatile_texts(one: str, other: str) -> None:
    assert steady(one) == steady(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("chatcmpl-up1", "chatcmpl-up2"),
        ("sk-1234", "sk-1235"),
        ("sk-of-a-test--in-22-letters", "sk-of-a-test--in-23-letters"),
        ("sk-named-like-other-words", "sk-named-as-yet-otherwise"),
        ("sk-...aB1x", "sk-...aB1xy"),
        ("2026-11-25T01:24:52Z", "2026-11-25T01:24:53Z"),
        ("timeout value=1.0", "timeout value=2.0"),
        ("5", "6"),
    ],
)
def test_other_texts_are_not_volatile(one: str, other: str) -> None:
    assert steady(one) != steady(other)


def test_created_is_volatile_only_as_a_clock() -> None:
    assert paths(exchange({"created": 1_795_547_199}), exchange({"created": 1_795_547_200})) == []
    assert paths(exchange({"created": 1_700_000_000}), exchange({"created": 1_795_547_200})) == ["body.created"]
    assert paths(exchange({"total": 1_795_547_199}), exchange({"total": 1_795_547_200})) == ["body.total"]


@pytest.mark.parametrize(
    ("moment", "form"),
    [
        ("2026-11-25T01:24:52.123000Z", "<time T.mmmmmmZ>"),
        ("2026-11-25T01:24:52.123Z", "<time T.mmmZ>"),
        ("2026-11-25T01:24:52Z", "<time TZ>"),
        ("2026-11-25T01:24:52.123000+00:00", "<time T.mmmmmm+00:00>"),
        ("2026-11-25T01:24:52.123000", "<time T.mmmmmm>"),
        ("2026-11-25 01:24:52.123000", "<time  .mmmmmm>"),
        ("2026-11-25 01:24:52 UTC", "<time   UTC>"),
        ("2026-11-26T00:00:00+00:00", "<midnight T+00:00>"),
        ("2026-11-26T02:00:00Z", "<full hour TZ>"),
        ("2026-11-26T02:00:00.000Z", "<time T.mmmZ>"),
        ("2026-11-26", "<day>"),
        ("Nov 26", "<short day>"),
        ("2024-11-25T01:24:52Z", "2024-11-25T01:24:52Z"),
        ("soon", "soon"),
        (None, None),
    ],
)
@pytest.mark.parametrize("name", ["created_at", "budget_reset_at", "expires", "startTime", "last_active", "date"])
def test_a_moment_becomes_its_spelling(name: str, moment: str | None, form: str | None) -> None:
    assert steady({name: moment}) == {name: form}


@pytest.mark.parametrize("name", ["key_alias", "budget_duration", "expired"])
def test_a_moment_elsewhere_is_compared(name: str) -> None:
    assert steady({name: "2026-11-25T01:24:52Z"}) == {name: "2026-11-25T01:24:52Z"}


def test_a_full_second_may_lack_its_fraction_and_nothing_else() -> None:
    def found(one: str, other: str) -> list[str]:
        return paths(exchange({"expires": one}), exchange({"expires": other}))

    full, fraction = "2026-11-25T01:24:52Z", "2026-11-25T01:24:52.123000Z"
    assert found(full, fraction) == found(fraction, full) == []
    assert found(fraction, "2026-11-25T01:24:52.123Z") == ["body.expires"]
    assert found(full, "2026-11-25T01:24:52.123000+00:00") == ["body.expires"]
    assert found(fraction, "2026-11-25T00:00:00Z") == ["body.expires"]


def test_what_the_reference_encrypts_is_volatile_where_it_does() -> None:
    ciphers = ["aB1_" * 14, "cD2-" * 20 + "=="]
    one, other = (exchange({"litellm_params": {"api_key": cipher, "rpm": 5}}) for cipher in ciphers)
    assert paths(one, other) == []
    assert paths(one, exchange({"litellm_params": {"api_key": "sk-up", "rpm": 5}})) == ["body.litellm_params.api_key"]
    assert steady({"api_key": ciphers[0]}) == {"api_key": ciphers[0]}


def test_the_days_of_a_query_are_those_of_the_run() -> None:
    assert same_url("/x?start_date=2026-11-25&key=a", "/x?start_date=2026-12-01&key=a")
    assert not same_url("/x?start_date=2026-11-25&key=a", "/x?start_date=2026-11-25&key=b")
    assert not same_url("/x?start_date=2020-11-25", "/x?start_date=2026-11-25")


def test_durations_are_volatile_and_other_numbers_are_not() -> None:
    one = exchange({"request_duration_ms": 3, "litellm_overhead_time_ms": 9.4, "spend": 0.5})
    assert paths(one, exchange({"request_duration_ms": 4, "litellm_overhead_time_ms": 1.5, "spend": 0.5})) == []
    assert paths(one, exchange({"request_duration_ms": None, "litellm_overhead_time_ms": 9.4, "spend": 0.6})) == [
        "body.request_duration_ms",
        "body.spend",
    ]


def test_volatile_names_are_compared_by_number_and_order() -> None:
    keys = ["a1" * 32, "b2" * 32, "c3" * 32, "d4" * 32]
    one = exchange({"api_keys": {keys[0]: {"spend": 1}, keys[1]: {"spend": 2}}})
    assert paths(one, exchange({"api_keys": {keys[2]: {"spend": 1}, keys[3]: {"spend": 2}}})) == []
    assert paths(one, exchange({"api_keys": {keys[2]: {"spend": 1}}})) == ["body.api_keys.<sha256>'"]


def test_streams_are_compared_by_event() -> None:
    one = exchange(b'data: {"a":1}\n\ndata: [DONE]\n\n', content_type="text/event-stream")
    spaced = exchange(b'data: { "a": 1 }\n\ndata: [DONE]\n\n', content_type="text/event-stream")
    undone = exchange(b'data: {"a":1}\n\n', content_type="text/event-stream")
    assert paths(one, spaced) == []
    assert paths(one, undone) == ["events[1]"]


def test_ignored_paths_cover_what_lies_below() -> None:
    one, other = (
        exchange({"error": {"message": "a", "code": "1"}, "errors": 1}),
        exchange({"error": {"message": "b"}, "errors": 2}),
    )
    assert paths(one, other, ignore=["body.error"]) == ["body.errors"]
    assert paths(one, other, ignore=["body.*.message"]) == ["body.error.code", "body.errors"]


def journal(*headers: dict[str, str], method: str = "POST") -> Exchange:
    calls = [{"method": method, "path": "/v1/x", "query": {}, "headers": each, "body": {"m": 1}} for each in headers]
    return exchange({"calls": calls}, url=f"{JOURNAL_URL}?case=x")


def test_a_journal_ignores_the_http_client_and_nothing_else() -> None:
    one = journal({"authorization": "Bearer sk-up", "user-agent": "a", "x-stainless-os": "b", "host": "c"})
    assert journal_differences(one, journal({"Authorization": "Bearer sk-up", "user-agent": "z"})) == []
    [leak] = journal_differences(one, journal({"authorization": "Bearer sk-1234"}))
    assert leak.path == "journal[0].headers.authorization"
    [extra] = journal_differences(one, journal({"authorization": "Bearer sk-up", "x-client": "1"}))
    assert (extra.path, extra.expected) == ("journal[0].headers.x-client", ABSENT)
    [missing] = journal_differences(one, journal())
    assert missing.path == "journal[0]"


def test_differences_read_like_a_diff_and_are_limited() -> None:
    found = same_body(b'{"a": "x", "b": {"c": 1}}', b'{"a": "y"}')
    assert render(found) == [
        "  request.body.a\n    - 'x'\n    + 'y'",
        '  request.body.b\n    - {"c":1}\n    + (absent)',
    ]
    assert render(found * 15, limit=2)[-1] == "  ... and 28 more differences"
