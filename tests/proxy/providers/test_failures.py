"""Errors of vendors as clients see them: the table of the fact sheet (A.md, Upstream error mapping)."""

import json
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Failure
from proxy.providers.failures import MAX_QUOTED, error_event, failure_from_answer, timed_out, unreachable
from tests.proxy.providers import answers


def failure(status: int, body: Any = None, *, coded: bool = False, **headers: str) -> Failure:
    if body is None:
        body = {"error": {"message": f"upstream says {status}", "type": "t", "param": "p", "code": "c"}}
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return failure_from_answer("OpenAIException", status, named, sent, coded=coded)


@pytest.mark.parametrize(
    ("status", "seen", "prefix"),
    [
        (400, 400, "litellm.BadRequestError: OpenAIException"),
        (401, 401, "litellm.AuthenticationError: AuthenticationError: OpenAIException"),
        (403, 403, "litellm.APIError: APIError: OpenAIException"),
        (404, 404, "litellm.NotFoundError: NotFoundError: OpenAIException"),
        (408, 408, "litellm.Timeout: Timeout Error: OpenAIException"),
        (413, 413, "litellm.APIError: APIError: OpenAIException"),
        (418, 418, "litellm.APIError: APIError: OpenAIException"),
        (422, 422, "litellm.BadRequestError: OpenAIException"),
        (429, 429, "litellm.RateLimitError: RateLimitError: OpenAIException"),
        (500, 500, "litellm.InternalServerError: InternalServerError: OpenAIException"),
        (502, 502, "litellm.BadGatewayError: BadGatewayError: OpenAIException"),
        (503, 503, "litellm.ServiceUnavailableError: ServiceUnavailableError: OpenAIException"),
        (504, 504, "litellm.Timeout: Timeout Error: OpenAIException"),
    ],
)
def test_the_table(status: int, seen: int, prefix: str) -> None:
    got = failure(status)
    assert got.status == seen
    assert got.message.startswith(f"{prefix} - upstream says {status}")
    error = json.loads(got.body())["error"]
    assert error["code"] == str(seen)
    expected = {422: ("t", "p"), 429: ("throttling_error", None)}.get(status, (None, None))
    assert (error["type"], error["param"]) == expected


@pytest.mark.parametrize("status", [100, 204, 301, 302, 600, 999])
def test_statuses_that_are_no_errors_become_one(status: int) -> None:
    assert failure(status).status == 502


def test_outside_chat_the_status_is_quoted() -> None:
    assert failure(404, coded=True).message.endswith("OpenAIException - Error code: 404 - upstream says 404")


def test_only_a_422_repeats_headers() -> None:
    assert failure(422, x_request_id="r").headers == [("llm_provider-x-request-id", "r")]
    assert failure(429, x_request_id="r").headers == []


def test_a_message_of_any_kind_is_quoted() -> None:
    body = {"error": {"message": {"deep": 1}}}
    assert failure(500, body).message.endswith("OpenAIException - {'deep': 1}")


@pytest.mark.parametrize(
    "body",
    [{"error": "plain"}, {"error": {"code": 1}}, {"detail": "no"}, b"<html>bad gateway</html>", b"", b"\xff", [1]],
)
def test_bodies_without_a_message_are_told_by_their_status(body: Any) -> None:
    assert failure(500, body).message.endswith("OpenAIException - Error code: 500")


def test_long_messages_are_cut() -> None:
    body = {"error": {"message": "x" * 900_000}}
    assert MAX_QUOTED < len(failure(500, body).message) < MAX_QUOTED + 200


@given(st.integers(100, 999), answers.values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=50))
def test_any_answer_is_a_failure(status: int, body: bytes) -> None:
    for sent in (body, b'{"error": ' + body + b"}"):
        got = failure(status, sent)
        assert 400 <= got.status <= 599
        json.loads(got.body())


@pytest.mark.parametrize("value", ["2", "2.0", " 2 "])
def test_retry_after_in_seconds(value: str) -> None:
    assert failure(429, retry_after=value).retry_after == 2


def test_retry_after_as_a_date() -> None:
    after = failure(429, retry_after=formatdate(usegmt=True)).retry_after
    assert after is not None
    assert -5 < after <= 0


@pytest.mark.parametrize("value", ["", "soon", "1 day", "Mon, 99 Foo 2026", "Fri, 31 Dec 99999 23:59:59 GMT"])
def test_a_retry_after_that_nobody_understands_is_none(value: str) -> None:
    assert failure(429, retry_after=value).retry_after is None


@given(st.text(max_size=30))
def test_any_retry_after(value: str) -> None:
    failure(429, retry_after=value)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b'{"error": {"message": "m", "code": 5}}', "m"),
        (b'{"error": "m"}', "m"),
        (b'{"error": {}}', "None"),
        (b'{"error": null}', None),
        (b'{"choices": []}', None),
        (b"[1]", None),
        (b"[" * 9000, None),
        (b"\xff", None),
    ],
)
def test_error_events(data: bytes, text: str | None) -> None:
    assert error_event(data) == text


def test_our_own_failures() -> None:
    late = timed_out(1.0, (1, 1.004))
    assert (late.status, late.kind, late.reached) == (408, "timeout", True)
    assert "timeout value=1.0, time taken=1.0 seconds" in late.message
    lost = unreachable("OpenAIException")
    assert (lost.status, lost.reached) == (500, False)
    assert lost.message == "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error."
