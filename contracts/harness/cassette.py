"""Recordings of complete HTTP answers, held by vcrpy, and the tapes that lie beside them.

A case has one cassette, `cassettes/<ID>/<module>.<test>[param].yaml`: scripts for the upstreams, requests to the
gateway and the journal, all as ordinary interactions. What a cassette cannot hold (time, a broken ending) is a tape
named after the exchange's label: `<module>.<test>[param].<label>.tape`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import vcr
from vcr.cassette import Cassette as VcrCassette
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.request import Request as VcrRequest
from vcr.serialize import deserialize, serialize
from vcr.serializers import yamlserializer

from contracts.harness import compare, tape
from contracts.harness.exchange import EVENT_STREAM, Exchange, Frame, Request, split_frames
from contracts.harness.faults import HarnessError
from contracts.harness.translation import Translation

LABEL = "x-contract-label"
RECORD_AGAIN = "record the case again with tools/record"
current_label: ContextVar[str] = ContextVar("current_label", default="")

_MATCH_ON = ("method", "host", "path", "query", "label")

Interaction = tuple[VcrRequest, dict[str, Any]]


class Recording:
    """What the reference did in one case: the interactions of its cassette, and its tapes by label."""

    def __init__(self, path: Path, interactions: Sequence[Interaction], tapes: Mapping[str, Exchange]) -> None:
        self.path = path
        self.interactions = list(interactions)
        self.tapes = dict(tapes)
        self.exchanges = {found.label: found for found in map(_exchange_of, self.interactions)} | self.tapes

    @classmethod
    def load(cls, path: Path) -> Recording:
        """The recording whose cassette is `path`. Raises HarnessError when the case was never recorded."""
        if not path.exists():
            raise HarnessError(f"{path} does not exist; record the case with tools/record")
        requests, responses, *_ = deserialize(path.read_text(), yamlserializer)
        tapes = {label: tape.read_tape(found, label) for label, found in tapes_of(path).items()}
        return cls(path, list(zip(requests, responses, strict=True)), tapes)

    @property
    def day(self) -> date:
        """When it was recorded, by the gateway's clock. Raises HarnessError when no answer says so."""
        for exchange in self.exchanges.values():
            if "date" in exchange.headers:
                return parsedate_to_datetime(exchange.headers["date"]).date()
        raise HarnessError(f"{self.path}: no answer has a date; {RECORD_AGAIN}")

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Within, httpx answers from the recording, never from the network."""
        with _vcr(lambda text: text).use_cassette(str(self.path), persister=_Memory(self), record_mode="none"):
            yield

    def check_request(self, request: Request, label: str) -> Exchange:
        """The recorded exchange of that label. Raises HarnessError when there is none or it was another request."""
        recorded = self.exchanges.get(label)
        if recorded is None:
            raise HarnessError(f"{request.method} {request.url} (label {label}) was not recorded; {RECORD_AGAIN}")
        was = recorded.request
        if was.method != request.method or not compare.same_url(was.url, request.url):
            raise HarnessError(
                f"{request.method} {request.url} (label {label}) was recorded as {was.method} {was.url}; {RECORD_AGAIN}"
            )
        found = compare.same_body(was.body, request.body)
        if found:
            lines = "\n".join(compare.render(found))
            raise HarnessError(f"the body of request {label} is not the recorded one; {RECORD_AGAIN}\n{lines}")
        return recorded


class Recorder:
    """Records what passes through httpx, in symbolic names and without generated keys."""

    def __init__(self, path: Path, translation: Translation) -> None:
        self.path = path
        self._translation = translation
        self._keys: dict[str, str] = {}
        self._tapes: dict[str, Exchange] = {}
        self._cassette: VcrCassette | None = None

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Within, what httpx clients send and receive is recorded."""
        # Mode "all" takes the same request twice as two; the others would answer it from the cassette.
        recorder = _vcr(self._clean)
        with recorder.use_cassette(str(self.path), persister=_Memory(None), record_mode="all") as cassette:
            self._cassette = cassette
            yield

    def add_tape(self, exchange: Exchange) -> None:
        """Keep an exchange that a cassette cannot hold."""
        sent, clean = exchange.request, self._clean
        self._tapes[exchange.label] = msgspec.structs.replace(
            exchange,
            request=Request(
                sent.method, clean(sent.url), _cleaned_headers(sent.headers, clean), _cleaned(sent.body, clean)
            ),
            headers=_cleaned_headers(exchange.headers, clean),
            body=_cleaned(exchange.body, clean),
            frames=tuple(msgspec.structs.replace(frame, data=_cleaned(frame.data, clean)) for frame in exchange.frames),
        )

    def save(self, order: Sequence[str]) -> bool:
        """Replace what is on disk, once the case has passed; `order` has the labels as the case gave them out.

        Returns whether anything was written: a recording that differs from the old one only in volatile values is not.
        """
        # Of a request that was repeated under its label (`Case.until`) the last counts.
        by_label = {pair[0].headers[LABEL]: pair for pair in (self._cassette.data if self._cassette else ())}
        interactions = list(by_label.values())
        interactions.sort(key=lambda pair: order.index(pair[0].headers[LABEL]))
        new = Recording(self.path, interactions, self._tapes)
        if self.path.exists() and _is_unchanged(Recording.load(self.path), new):
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for old in tapes_of(self.path).values():
            old.unlink()
        for label, exchange in self._tapes.items():
            tape.write_tape(self.path.with_name(f"{self.path.stem}.{label}{tape.SUFFIX}"), exchange)
        content = {"requests": [pair[0] for pair in interactions], "responses": [pair[1] for pair in interactions]}
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text(serialize(content, yamlserializer))
        unfinished.replace(self.path)
        return True

    def _clean(self, text: str) -> str:
        text = compare.GENERATED_KEY.sub(
            lambda found: self._keys.setdefault(found[0], f"sk-generated-{len(self._keys) + 1}"),
            self._translation.back(text),
        )
        # What is made of a key is made of its replacement, so that the recording agrees with itself.
        for key, replacement in self._keys.items():
            text = text.replace(_hash(key), _hash(replacement)).replace(_name(key), _name(replacement))
        return text


def tapes_of(cassette: Path) -> dict[str, Path]:
    """The tapes beside a cassette, by label."""
    start = f"{cassette.stem}."
    beside = sorted(cassette.parent.glob(f"*{tape.SUFFIX}"))
    return {
        found.name.removeprefix(start).removesuffix(tape.SUFFIX): found
        for found in beside
        if found.name.startswith(start)
    }


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _name(key: str) -> str:
    return f"sk-...{key[-4:]}"


class _Memory:
    """A vcrpy persister that reads from a recording and never writes."""

    def __init__(self, recording: Recording | None) -> None:
        self._recording = recording

    def load_cassette(self, *_: Any, **__: Any) -> tuple[list[VcrRequest], list[dict[str, Any]]]:
        if self._recording is None:
            raise CassetteNotFoundError
        interactions = self._recording.interactions
        return [pair[0] for pair in interactions], [pair[1] for pair in interactions]

    def save_cassette(self, *_: Any, **__: Any) -> None:
        """Saving is `Recorder.save`'s business, and only when the case has passed."""


def _vcr(clean: Any) -> vcr.VCR:
    def before_request(request: VcrRequest) -> VcrRequest:
        # Never on the wire: gateways forward headers.
        request.headers.setdefault(LABEL, current_label.get())
        request.uri = clean(request.uri)
        request.body = _cleaned(request.body, clean)
        for name in list(request.headers):
            request.headers[name] = clean(request.headers[name])
        _refit(request.headers, request.body)
        return request

    def before_response(response: dict[str, Any]) -> dict[str, Any]:
        response["body"]["string"] = _cleaned(response["body"]["string"], clean)
        headers = {name: [clean(value) for value in values] for name, values in response["headers"].items()}
        response["headers"] = headers
        for name in headers:
            if name.lower() == "content-length":
                headers[name] = [str(len(response["body"]["string"]))]
        return response

    made = vcr.VCR(match_on=_MATCH_ON, before_record_request=before_request, before_record_response=before_response)
    made.register_matcher("label", lambda one, other: one.headers.get(LABEL) == other.headers.get(LABEL))
    return made


def _cleaned(body: bytes | None, clean: Any) -> bytes:
    text = (body or b"").decode(errors="surrogateescape")
    cleaned: str = clean(text)
    return cleaned.encode(errors="surrogateescape")


def _cleaned_headers(headers: httpx.Headers, clean: Any) -> httpx.Headers:
    return httpx.Headers([(name, clean(value)) for name, value in headers.multi_items()])


def _refit(headers: Any, body: bytes) -> None:
    if "content-length" in headers:
        headers["content-length"] = str(len(body))


def _exchange_of(interaction: Interaction) -> Exchange:
    sent, answer = interaction
    sent_headers = httpx.Headers({name: value for name, value in sent.headers.items() if name.lower() != LABEL})
    headers = httpx.Headers([(name, value) for name, values in answer["headers"].items() for value in values])
    body: bytes = answer["body"]["string"]
    frames: tuple[Frame, ...] = ()
    if headers.get("content-type", "").startswith(EVENT_STREAM):
        frames = tuple(Frame(0.0, data) for data in split_frames(body)[0])
    return Exchange(
        label=sent.headers[LABEL],
        request=Request(sent.method, sent.uri, sent_headers, sent.body or b""),
        status=answer["status"]["code"],
        headers=headers,
        body=body,
        frames=frames,
    )


def _is_unchanged(old: Recording, new: Recording) -> bool:
    return list(old.exchanges) == list(new.exchanges) and not any(
        compare.all_differences(old.exchanges[label], new.exchanges[label]) for label in old.exchanges
    )
