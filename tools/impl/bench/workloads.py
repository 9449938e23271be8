"""What is asked, what the upstream answers, and what must therefore arrive: shared by upstream and load."""

import json
import re
from collections.abc import Mapping

import msgspec

GROUP = "bench"
MASTER_KEY = "sk-bench-master"
PATH = "/v1/chat/completions"
HEADERS = {"authorization": f"Bearer {MASTER_KEY}", "content-type": "application/json"}
CHUNKS = 100
CHUNK_SECONDS = 0.005
PROMPT_BYTES = 50_000
BYTES_PER_TOKEN = 4

PIECES = tuple(f" piece{number:03d}" for number in range(CHUNKS))
STREAMED_TEXT = "".join(PIECES)
ANSWER_TEXT = " ".join(f"word{number:03d}" for number in range(90))

_DONE = b"[DONE]"
_EXCERPT_BYTES = 160


class Workload(msgspec.Struct, frozen=True):
    """One kind of request. `paced_seconds`: how long its answer takes at the upstream.

    `sessions`: so many WebSockets are open at a time, and its requests are the messages of these; 0: it is HTTP.
    """

    name: str
    title: str
    body: bytes
    prompt_bytes: int
    stream: bool = False
    sessions: int = 0

    @property
    def paced_seconds(self) -> float:
        return CHUNKS * CHUNK_SECONDS if self.stream else 0.0

    def request(self, port: int, key: str = MASTER_KEY) -> bytes:
        """The whole HTTP request, for a gateway on this port of 127.0.0.1."""
        asked = {**HEADERS, "authorization": f"Bearer {key}"}
        headers = {"host": f"127.0.0.1:{port}", **asked, "content-length": len(self.body)}
        lines = [f"POST {PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        return "\r\n".join(lines).encode() + self.body

    def fault(self, status: int, body: bytes) -> str | None:
        """Why this is not the answer that the upstream gave; None when it is."""
        if status != 200:
            return f"status {status}: {_excerpt(body)}"
        try:
            return _stream_fault(body) if self.stream else self._answer_fault(body)
        except msgspec.MsgspecError as error:
            return f"not a chat completion ({error}): {_excerpt(body)}"

    def _answer_fault(self, body: bytes) -> str | None:
        answer = _decode_completion(body)
        if [choice.message.content for choice in answer.choices] != [ANSWER_TEXT]:
            return f"another text than the upstream's: {_excerpt(body)}"
        if answer.usage.prompt_tokens * BYTES_PER_TOKEN < self.prompt_bytes:
            return "the upstream did not receive the whole prompt"
        return None


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Usage(msgspec.Struct):
    prompt_tokens: int


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage


class _Delta(msgspec.Struct):
    delta: _Message


class _Chunk(msgspec.Struct):
    choices: list[_Delta]


_decode_completion = msgspec.json.Decoder(_Completion).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def _stream_fault(body: bytes) -> str | None:
    events = [line[5:].strip() for line in body.split(b"\n") if line.startswith(b"data:")]
    if not events or events[-1] != _DONE:
        return f"the stream ends without [DONE]: {_excerpt(body[-_EXCERPT_BYTES:])}"
    deltas = (choice.delta.content for event in events[:-1] for choice in _decode_chunk(event).choices)
    pieces = [text for text in deltas if text]
    if len(pieces) != CHUNKS:
        return f"{len(pieces)} chunks of {CHUNKS} arrived"
    return None if "".join(pieces) == STREAMED_TEXT else "the chunks are not the upstream's, or not in its order"


def _excerpt(body: bytes) -> str:
    return re.sub(r"\s+", " ", body[:_EXCERPT_BYTES].decode(errors="replace"))


def _body(content: str, **more: object) -> bytes:
    return json.dumps({"model": GROUP, "messages": [{"role": "user", "content": content}], **more}).encode()


_QUESTION = "What is the answer to the question of the benchmark? Please say it in about ninety words."
_LONG_QUESTION = (_QUESTION + " ") * (PROMPT_BYTES // (len(_QUESTION) + 1) + 1)

WORKLOADS: Mapping[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload("chat", "chat request", _body(_QUESTION), len(_QUESTION)),
        Workload("prompt", "50 kB prompt", _body(_LONG_QUESTION), len(_LONG_QUESTION)),
        Workload("stream", "paced 100-chunk stream", _body(_QUESTION, stream=True), len(_QUESTION), stream=True),
        Workload("realtime", "realtime message, there and back", b"", 0, sessions=100),
    )
}
USUAL = tuple(name for name, workload in WORKLOADS.items() if not workload.sessions)
"""What is measured unless something else is asked for: the reference's own command cannot serve sessions."""
