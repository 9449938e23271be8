"""What counts as an answer: everything else must be called by its name."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest
import uvloop

from tools.impl.bench import load as load_module
from tools.impl.bench.load import Job, Load, Outcome
from tools.impl.bench.upstream import Upstream
from tools.impl.bench.workloads import ANSWER_TEXT, CHUNK_SECONDS, CHUNKS, PIECES, PROMPT_BYTES, WORKLOADS

CHAT, PROMPT, STREAM = WORKLOADS["chat"], WORKLOADS["prompt"], WORKLOADS["stream"]


def answer(text: str = ANSWER_TEXT, prompt_tokens: int = 20_000) -> bytes:
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": 1, "total_tokens": prompt_tokens + 1}
    return json.dumps({"choices": [{"message": {"content": text}}], "usage": usage}).encode()


def stream(pieces: tuple[str, ...] = PIECES, end: str = "data: [DONE]\n\n") -> bytes:
    finish: list[dict[str, object]] = [{"delta": {}, "finish_reason": "stop"}]
    chunks = [*([{"delta": {"content": piece}}] for piece in pieces), finish, []]
    return ("".join(f"data: {json.dumps({'choices': choices})}\n\n" for choices in chunks) + end).encode()


def test_the_upstreams_answers_have_no_fault() -> None:
    assert CHAT.fault(200, answer()) is None
    assert PROMPT.fault(200, answer()) is None
    assert STREAM.fault(200, stream()) is None


def test_events_may_be_written_in_other_ways() -> None:
    assert STREAM.fault(200, stream().replace(b"\n\n", b"\r\n\r\n").replace(b"data: ", b"data:")) is None


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (500, b'{"error":\n "x"}', 'status 500: {"error": "x"}'),
        (200, answer("Hello"), "another text"),
        (200, b"<html>", "not a chat completion"),
        (200, b'{"choices": []}', "not a chat completion"),
        (200, b"", "not a chat completion"),
    ],
)
def test_a_wrong_answer_is_named(status: int, body: bytes, fault: str) -> None:
    assert (CHAT.fault(status, body) or "").startswith(fault)


def test_a_shortened_prompt_is_noticed() -> None:
    assert PROMPT.fault(200, answer(prompt_tokens=PROMPT_BYTES // 8)) == "the upstream did not receive the whole prompt"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (stream(PIECES[:50] + PIECES[51:]), "99 chunks of 100 arrived"),
        (stream((*PIECES, "more")), "101 chunks of 100 arrived"),
        (stream((PIECES[1], PIECES[0], *PIECES[2:])), "the chunks are not the upstream's, or not in its order"),
        (stream(end=""), "the stream ends without [DONE]"),
        (b"", "the stream ends without [DONE]"),
        (stream(end="data: [DONE]\n\ndata: {}\n\n"), "the stream ends without [DONE]"),
    ],
)
def test_a_damaged_stream_is_named(body: bytes, fault: str) -> None:
    assert (STREAM.fault(200, body) or "").startswith(fault)


def test_the_workloads_are_what_they_are_called() -> None:
    assert len(PROMPT.body) >= PROMPT_BYTES
    assert json.loads(STREAM.body)["stream"] is True
    assert CHAT.request(4000).startswith(b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:4000\r\n")
    assert b"authorization: Bearer sk-bench-master\r\n" in CHAT.request(4000)
    assert b"authorization: Bearer sk-another\r\n" in CHAT.request(4000, "sk-another")


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def against_upstream(job: Callable[[int], Job]) -> Outcome:
    async def run() -> Outcome:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        return await _load(job(server.sockets[0].getsockname()[1]))

    return uvloop.run(run())


def against(handler: Handler, job: Callable[[int], Job]) -> Outcome:
    async def run() -> Outcome:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        return await _load(job(server.sockets[0].getsockname()[1]))

    return uvloop.run(run())


async def _load(job: Job) -> Outcome:
    return await Load(job, WORKLOADS[job.workload]).run()


@pytest.mark.parametrize("workload", ["chat", "prompt"])
def test_upstream_and_load_understand_each_other(workload: str) -> None:
    outcome = against_upstream(lambda port: Job(workload, port, clients=4, seconds=60, requests=101))
    assert outcome.failures == {}
    assert len(outcome.latencies) == 101


def test_clients_ask_until_the_time_is_over() -> None:
    outcome = against_upstream(lambda port: Job("chat", port, clients=2, seconds=0.2))
    assert outcome.failures == {}
    assert len(outcome.latencies) > 2
    assert 0.2 <= outcome.seconds < 1


def test_streams_are_complete_and_paced() -> None:
    outcome = against_upstream(lambda port: Job("stream", port, clients=3, seconds=60, requests=3))
    assert outcome.failures == {}
    assert min(outcome.latencies) >= CHUNKS * CHUNK_SECONDS * 0.99
    assert max(outcome.first) < min(outcome.latencies) / 2


def test_each_chunk_is_flushed_alone() -> None:
    async def reads() -> int:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(STREAM.request(port))
        count = 0
        seen = b""
        while not seen.endswith(b"0\r\n\r\n"):
            seen += await reader.read(65536)
            count += 1
        writer.close()
        return count

    # A busy machine may join some.
    assert uvloop.run(reads()) > CHUNKS * 0.3


def test_the_upstream_counts_tokens_of_a_stream_when_asked() -> None:
    async def answer_to(body: bytes) -> bytes:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        received = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
        return received

    asked = json.loads(STREAM.body) | {"stream_options": {"include_usage": True}}
    assert b'"usage"' in uvloop.run(answer_to(json.dumps(asked).encode()))
    assert b'"usage"' not in uvloop.run(answer_to(STREAM.body))


async def _read_request(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(len(CHAT.body))


def test_a_connection_that_closes_within_an_answer_is_a_failure() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
        writer.close()

    outcome = against(cut, lambda port: Job("chat", port, clients=2, seconds=60, requests=5))
    assert outcome.latencies == []
    assert outcome.failures == {"connection closed before the answer was complete": 5}


def test_a_gateway_that_closes_after_each_answer_is_asked_again() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _read_request(reader)
        body = answer()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        writer.close()

    outcome = against(close, lambda port: Job("chat", port, clients=2, seconds=60, requests=5))
    assert outcome.failures == {}
    assert len(outcome.latencies) == 5


def test_what_is_not_http_is_a_failure() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _read_request(reader)
        writer.write(b"hello\r\n\r\n")
        await writer.drain()

    outcome = against(babble, lambda port: Job("chat", port, clients=1, seconds=60, requests=2))
    assert sum(outcome.failures.values()) == 2
    assert next(iter(outcome.failures)).startswith("not HTTP")


def test_an_answer_that_never_comes_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_module, "ANSWER_SECONDS", 0.2)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    started = time.monotonic()
    outcome = against(hang, lambda port: Job("chat", port, clients=1, seconds=0.1))
    assert outcome.failures == {"no complete answer within 0 s": 1}
    assert time.monotonic() - started < 5


def test_nobody_listening_is_a_failure_of_every_client() -> None:
    with unused_port() as port:
        outcome = uvloop.run(_load(Job("chat", port, clients=3, seconds=60)))
    assert sum(outcome.failures.values()) == 3


def test_kinds_of_failure_are_bounded() -> None:
    load = Load(Job("chat", 1, 1, 1.0), CHAT)
    for number in range(100):
        load.fail(f"status 500: id {number}")
    assert len(load.failures) == 6
    assert sum(load.failures.values()) == 100


@contextmanager
def unused_port() -> Iterator[int]:
    """A port that is taken but not listened on."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_every_message_of_a_session_is_answered() -> None:
    outcome = against_upstream(lambda port: Job("realtime", port, clients=1, seconds=60, requests=250))
    assert outcome.failures == {}
    assert len(outcome.latencies) == 250


def test_messages_are_paced() -> None:
    outcome = against_upstream(lambda port: Job("realtime", port, clients=1, seconds=0.5))
    assert outcome.failures == {}
    assert 700 < len(outcome.latencies) <= 1100


async def _swallows(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")


def test_a_refused_session_is_named() -> None:
    outcome = against(_swallows, lambda port: Job("realtime", port, clients=1, seconds=0.2))
    assert outcome.failures == {"status 403 for the handshake": 100}
