"""Whatever a vendor does, clients get a whole answer or an error, soon; and never what was meant for the vendor."""

import json
import time
from typing import Any

import httpx
import pytest

from fixtures import replies
from fixtures.replies import Reply, ok, status, stream
from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import Gateway

SECRET = "sk-upstream-secret"


def error(answer: httpx.Response, number: int) -> dict[str, Any]:
    assert answer.status_code == number, answer.text
    told: dict[str, Any] = answer.json()["error"]
    assert SECRET not in answer.text
    return told


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("reply", "number"),
    [
        (replies.reset(), 500),
        (replies.closed(), 500),
        (replies.garbage(), 500),
        (replies.html(502), 502),
        (replies.html(403), 403),
        (status(302, headers={"location": "http://evil.example/"}), 502),
        (Reply(status=204, text=""), None),
        (Reply(status=599), 599),
        (Reply(raw="HTTP/1.1 999 Strange\r\ncontent-length: 0\r\n\r\n"), 502),
        (Reply(raw="HTTP/1.1 200 OK\r\ncontent-length: 10\r\ncontent-length: 20\r\n\r\n"), 500),
        (Reply(raw="HTTP/1.1 200 OK\r\nx-odd: a\x01b\r\ncontent-length: 2\r\n\r\n{}"), 500),
        (Reply(raw="HTTP/1.1 200 OK\r\nx-odd: a\x00b\r\ncontent-length: 2\r\n\r\n{}"), 500),
        (Reply(raw="HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 No\r\ncontent-length: 2\r\n\r\n{}"), 429),
        (replies.huge_headers(300_000), 500),
        (Reply(headers={"content-encoding": "gzip"}, text="not gzip"), 500),
        (replies.broken_json(), None),
        (replies.json({"error": {"message": "in a 200"}}), None),
        (replies.json([]), None),
        (replies.json(None), None),
        (Reply(text="", headers={"content-type": "application/json"}), None),
    ],
)
def test_faults(gateway: Gateway, vendor: Vendor, reply: Reply, number: int | None, streams: bool) -> None:
    vendor.answers(reply)
    began = time.monotonic()
    answer = gateway.chat(vendor.name, stream=streams)
    assert time.monotonic() - began < 3
    assert number in (None, answer.status_code), answer.text
    told = error(answer, answer.status_code)
    assert answer.status_code >= 400
    assert told["message"].startswith("litellm.")
    assert "Traceback" not in gateway.log()
    assert len(vendor.received) == 1


@pytest.mark.parametrize("at", [0, 1, 40, 200])
def test_an_answer_cut_short(gateway: Gateway, vendor: Vendor, at: int) -> None:
    vendor.answers(replies.truncated(at))
    assert "Connection error." in error(gateway.chat(vendor.name), 500)["message"]


@pytest.mark.parametrize(
    ("reply", "words"),
    [(stream(["one ", "two "], **{how: after}), after - 1) for after in (2, 3) for how in
     ("cut_after", "reset_after", "end_after", "error_after", "garbage_after")],
)  # fmt: skip
def test_a_stream_that_breaks_is_never_passed_off_as_complete(
    gateway: Gateway, vendor: Vendor, reply: Reply, words: int
) -> None:
    vendor.answers(reply)
    answer = gateway.chat(vendor.name, stream=True)
    assert answer.status_code == 200
    *chunks, last = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == "one two "[: 4 * words]
    assert last["error"]["code"] == "503"
    assert "finish_reason" not in answer.text
    assert "[DONE]" not in answer.text


def test_a_stream_that_goes_silent(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers(stream(["one ", "two "], hang_after=2))
    answer = gateway.chat(vendor.name, stream=True, stream_timeout=0.3)
    assert "one " in answer.text
    assert "[DONE]" not in answer.text
    assert "error" in answer.text.split("\n\n")[-2]
    assert vendor.received[0].end == "client-closed"


@pytest.mark.parametrize("after", [0, 1])
def test_a_stream_that_breaks_before_its_first_word_is_retried(gateway: Gateway, vendor: Vendor, after: int) -> None:
    vendor.answers(stream(["lost"], cut_after=after), stream(["found"]))
    answer = gateway.chat(vendor.name, stream=True, num_retries=1)
    assert "found" in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    assert len(vendor.received) == 2


def test_silence_is_a_timeout(gateway: Gateway, vendor: Vendor) -> None:
    for reply in (replies.hang(), Reply(pause=5), replies.slow(5)):
        vendor.answers(reply)
        told = error(gateway.chat(vendor.name, timeout=0.3), 408)
        assert "timeout value=0.3" in told["message"]
        assert gateway.chat(vendor.name, stream=True, timeout=0.3).status_code == 408
        assert [entry.end for entry in vendor.received] == ["client-closed"] * 2


def test_an_answer_without_end_is_bounded(gateway: Gateway, vendor: Vendor) -> None:
    """A few bytes that inflate to more than the config allows."""
    vendor.answers(replies.huge(21_000_000, gzip=True))
    assert "larger than" in error(gateway.chat(vendor.name), 500)["message"]


def test_compressed_answers_are_answers(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers(ok("hello").with_(gzip=True))
    answer = gateway.chat(vendor.name)
    assert answer.json()["choices"][0]["message"]["content"] == "hello"
    assert "llm_provider-content-encoding" not in answer.headers
    assert gateway.chat(vendor.name, stream=True).text.endswith("data: [DONE]\n\n")


class TestHeaders:
    def test_every_one_is_repeated(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(ok(headers={"x-ratelimit-odd": "1", "x-other": "ü", "set-cookie": "a=b", "server": "s"}))
        headers = gateway.chat(vendor.name).headers
        assert headers["x-ratelimit-odd"] == headers["llm_provider-x-ratelimit-odd"] == "1"
        assert headers["llm_provider-x-other"] == "ü"
        assert headers["llm_provider-set-cookie"] == "a=b"
        assert "set-cookie" not in headers
        assert "server" not in headers

    @pytest.mark.parametrize(
        "name",
        ["content-length", "transfer-encoding", "connection", "x-litellm-call-id", "access-control-allow-origin"],
    )
    def test_none_becomes_the_gateways_own(self, gateway: Gateway, vendor: Vendor, name: str) -> None:
        vendor.answers(
            ok(headers={name: {"content-length": "330"}.get(name, "evil")} if name != "transfer-encoding" else {})
        )
        assert "evil" not in gateway.chat(vendor.name).headers.get_list(name)

    def test_a_connection_that_the_vendor_closes_is_not_the_clients(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(ok(headers={"connection": "close"}))
        for _ in range(3):
            answer = gateway.chat(vendor.name)
            assert answer.status_code == 200
            assert "connection" not in answer.headers


class TestSecrets:
    """A vendor that repeats the key which it was given."""

    @pytest.mark.parametrize("streams", [False, True])
    @pytest.mark.parametrize(
        "reply",
        [
            status(401, message=f"Incorrect API key provided: {SECRET}."),
            status(422, message=f"key {SECRET}", headers={"x-echo": f"Bearer {SECRET}"}, param=SECRET),
            Reply(status=500, text=f"<html>Authorization: Bearer {SECRET}</html>"),
            Reply(text=f"no json, {SECRET}"),
            replies.json({"error": {"message": f"no, {SECRET}"}}),
            Reply(events=[{"error": {"message": f"no, {SECRET}"}}]),
        ],
    )
    def test_nobody_sees_it(self, gateway: Gateway, vendor: Vendor, reply: Reply, streams: bool) -> None:
        vendor.answers(reply)
        answer = gateway.chat(vendor.name, stream=streams, fallbacks=["unreachable"])
        assert SECRET not in answer.text
        assert SECRET not in str(answer.headers)
        assert SECRET not in gateway.log()

    def test_nor_within_a_stream(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(stream(["one "], error_after=2, error={"message": f"no, {SECRET}", "code": SECRET}))
        assert SECRET not in gateway.chat(vendor.name, stream=True).text


class TestCooldowns:
    """``pair`` has two deployments, which may cool down."""

    def test_no_client_can_put_a_deployment_to_rest(self, gateway: Gateway, upstream: UpstreamControl) -> None:
        upstream.script("pair", {"pair-1": [replies.slow(0.3)], "pair-2": [replies.slow(0.3)]})
        for _ in range(6):
            assert gateway.chat("pair", timeout=0.02, num_retries=1).status_code == 408
            assert gateway.chat("pair", mock_response="litellm.RateLimitError", num_retries=1).status_code == 429
        assert gateway.chat("pair").status_code == 200

    def test_a_vendor_can(self, gateway: Gateway, upstream: UpstreamControl) -> None:
        upstream.script("pair", {"pair-1": [replies.rate_limited()], "pair-2": [replies.rate_limited()]})
        assert gateway.chat("pair", num_retries=1).status_code == 429
        answer = gateway.chat("pair")
        assert "No deployments available for selected model, Try again in" in error(answer, 429)["message"]
        assert len(upstream.journal("pair")) == 2
