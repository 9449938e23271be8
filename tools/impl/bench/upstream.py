"""An OpenAI-compatible upstream that costs next to nothing: answers come at once, streams at a fixed pace.

`python -m tools.impl.bench.upstream` listens on a free port of 127.0.0.1, prints that port and serves until its
standard input is closed.
"""

import asyncio
import json
import re
import sys
from typing import cast

import httptools
import uvloop

from tools.impl.bench.sessions import UpstreamSession
from tools.impl.bench.workloads import ANSWER_TEXT, BYTES_PER_TOKEN, CHUNK_SECONDS, PIECES

_STREAM = re.compile(rb'"stream"\s*:\s*true')
_USAGE = re.compile(rb'"include_usage"\s*:\s*true')
_COMMON = {"id": "chatcmpl-bench", "created": 1700000000, "model": "bench-model", "system_fingerprint": "fp_bench"}
_COMPLETION_TOKENS = len(ANSWER_TEXT) // BYTES_PER_TOKEN
_LAST_CHUNK = b"0\r\n\r\n"
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _usage(prompt_tokens: int) -> dict[str, int]:
    total = prompt_tokens + _COMPLETION_TOKENS
    return {"prompt_tokens": prompt_tokens, "completion_tokens": _COMPLETION_TOKENS, "total_tokens": total}


def _json_answer(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _completion(prompt_tokens: int) -> bytes:
    message = {"role": "assistant", "content": ANSWER_TEXT, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    answer = {**_COMMON, "object": "chat.completion", "choices": [choice], "usage": _usage(prompt_tokens)}
    return json.dumps(answer).encode()


def _event(data: str) -> bytes:
    payload = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def _chunk(choices: list[dict[str, object]], **more: object) -> bytes:
    return _event(json.dumps({**_COMMON, "object": "chat.completion.chunk", "choices": choices, **more}))


def _delta(piece: str, first: bool) -> bytes:
    delta = {"role": "assistant", "content": piece} if first else {"content": piece}
    return _chunk([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}])


_DELTAS = tuple(_delta(piece, number == 0) for number, piece in enumerate(PIECES))
_FINISH = _chunk([{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}])
_DONE = _event("[DONE]") + _LAST_CHUNK
_COMPLETIONS: dict[int, bytes] = {}


def _completion_answer(prompt_tokens: int) -> bytes:
    answer = _COMPLETIONS.get(prompt_tokens)
    if answer is None:
        answer = _COMPLETIONS[prompt_tokens] = _json_answer("200 OK", _completion(prompt_tokens))
    return answer


class Upstream(asyncio.Protocol):
    """One connection. The number of prompt tokens tells the asker how many bytes of the prompt arrived."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []
        self._next_chunk: asyncio.TimerHandle | None = None
        self._session: UpstreamSession | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._next_chunk:
            self._next_chunk.cancel()

    def data_received(self, data: bytes) -> None:
        if self._session is not None:
            self._session.feed(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._session = UpstreamSession(self._transport, data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        body = b"".join(self._body)
        self._body.clear()
        if self._parser.should_upgrade():
            return
        if self._parser.get_method() != b"POST":
            self._transport.write(_json_answer("200 OK", b'{"object":"list","data":[]}'))
        elif _STREAM.search(body):
            usage = _chunk([], usage=_usage(len(body) // BYTES_PER_TOKEN)) if _USAGE.search(body) else b""
            self._send_chunk(0, self._loop.time(), _FINISH + usage + _DONE)
        else:
            self._transport.write(_completion_answer(len(body) // BYTES_PER_TOKEN))

    def _send_chunk(self, number: int, start: float, end: bytes) -> None:
        if number == len(_DELTAS):
            self._transport.write(end)
            return
        self._transport.write(_STREAM_HEAD + _DELTAS[0] if number == 0 else _DELTAS[number])
        # Paced from the start, so that a late chunk does not delay the rest.
        due = start + (number + 1) * CHUNK_SECONDS
        self._next_chunk = self._loop.call_at(due, self._send_chunk, number + 1, start, end)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    uvloop.run(_serve())
