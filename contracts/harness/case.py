"""`Case`: what a contract function uses to script upstreams, send requests, and judge what happened."""

from __future__ import annotations

import contextvars
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from contracts.harness import compare
from contracts.harness.cassette import Recorder, Recording, current_label
from contracts.harness.client import make_client, observe
from contracts.harness.configs import MASTER_KEY
from contracts.harness.deviation import Check, check_declared, judge
from contracts.harness.exchange import (
    GATEWAY_URL,
    JOURNAL_URL,
    SOCKET,
    UPSTREAM_URL,
    Direction,
    Exchange,
    Frame,
    Request,
)
from contracts.harness.faults import CheckFailed, HarnessError, NeverHeld, TargetUnavailable
from contracts.harness.journal import Journal
from contracts.harness.labels import Counter, counter, in_order_given
from contracts.harness.results import Body, Provenance
from contracts.harness.setup import Setup
from contracts.harness.sockets import LiveSocket, ReplayedSocket, Socket

T = TypeVar("T")

USER = [{"role": "user", "content": "hello"}]
_LABEL = re.compile(r"[\w.-]+")
_POLL_SECONDS = 0.1


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a request is sent: kept on a tape, hung up on after some frames, with another body than the case wrote."""

    taped: bool = False
    close_after: int | None = None
    body: bytes | None = None


class Case:
    """One running case. `exchanges` has everything it did, in order; names and origins in it are those of the case."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.exchanges: list[Exchange] = []
        self.body: Body | None = None
        self._labels: list[str] = []
        self._compared = 0
        self._translation = setup.translation
        self._journal: Journal | None = None
        self._client = make_client()
        self._unrecorded = make_client(recorded=False)
        self._sockets: list[Socket] = []
        counter.set(Counter())

    # --- the simulated upstreams -------------------------------------------------------------------------------------

    def script(self, models: Mapping[str, Sequence[Any]]) -> None:
        """Claim upstream models for this case and say how each answers: a list of `fixtures.replies.Reply`.

        Replies are used in order, the last one repeats; an empty list gives ordinary answers.
        """
        explicit = self.setup.naming.explicit(models)
        self._translation = self._translation.and_also(self.setup.naming.of_replies(explicit))
        answer = self._exchange(
            Request(
                "PUT",
                f"{UPSTREAM_URL}/script?case={self._quoted_name}",
                httpx.Headers(_JSON),
                msgspec.json.encode({"models": models}),
            ),
            Delivery(body=msgspec.json.encode({"models": explicit})),
        )
        self._journal = None
        if answer.status >= 300:
            raise HarnessError(f"the simulated upstream refuses the script: {answer.status} {answer.text}")

    def journal(self, *, calls: int = 0, within: float = 0.5) -> Journal:
        """What the scripted upstreams received. Waits up to `within` seconds for `calls` of them, and for all to end.

        Read once after the last request to the gateway; asking again gives the same.
        """
        if self._journal is None:
            if self.setup.is_live:
                self._await_calls(calls, within)
            answer = self._exchange(self._journal_request, Delivery())
            if answer.status != 200:
                raise HarnessError(f"the simulated upstream has no journal: {answer.status} {answer.text}")
            self._journal = Journal(answer)
        return self._journal

    # --- requests to the gateway -------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = msgspec.UNSET,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = MASTER_KEY,
        label: str | None = None,
        taped: bool = False,
        close_after: int | None = None,
    ) -> Exchange:
        """Send one request and read its answer to the end.

        `json` or raw `content` is the body, both sent as application/json unless `headers` say otherwise. `key` goes
        into `Authorization: Bearer`; None sends none. `taped` keeps frames, their times and a broken ending in the
        recording; `close_after` disconnects after that many stream frames and is always taped. Raises CheckFailed when
        there is no answer, TargetUnavailable when the gateway is gone.
        """
        body = content or b"" if json is msgspec.UNSET else msgspec.json.encode(json)
        all_headers = dict(_JSON) if body else {}
        if key is not None:
            all_headers["authorization"] = f"Bearer {key}"
        all_headers |= {name.lower(): value for name, value in (headers or {}).items()}
        self._journal = None
        return self._exchange(
            Request(method, f"{GATEWAY_URL}{path}", httpx.Headers(all_headers), body),
            Delivery(taped=taped or close_after is not None, close_after=close_after),
            label,
        )

    def get(self, path: str, **options: Any) -> Exchange:
        """GET; options as for `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = msgspec.UNSET, **options: Any) -> Exchange:
        """POST; options as for `request`."""
        return self.request("POST", path, json=json, **options)

    def chat(self, model: str, *, options: Mapping[str, Any] | None = None, **body: Any) -> Exchange:
        """A chat completion saying hello unless `messages` are given; `body` is added to the request body."""
        return self.post("/v1/chat/completions", {"model": model, "messages": USER, **body}, **(options or {}))

    def stream(self, model: str, *, options: Mapping[str, Any] | None = None, **body: Any) -> Exchange:
        """A streamed chat completion."""
        return self.chat(model, options=options, stream=True, **body)

    def completion(self, model: str, *, options: Mapping[str, Any] | None = None, **body: Any) -> Exchange:
        """A text completion."""
        return self.post("/v1/completions", {"model": model, "prompt": "hello", **body}, **(options or {}))

    def embed(self, model: str, *, options: Mapping[str, Any] | None = None, **body: Any) -> Exchange:
        """An embedding."""
        return self.post("/v1/embeddings", {"model": model, "input": "hello", **body}, **(options or {}))

    def connect(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        key: str | None = MASTER_KEY,
        subprotocols: Sequence[str] = (),
        label: str | None = None,
    ) -> Socket:
        """Open a WebSocket; it is always taped. End it before anything is compared. Raises as `request`."""
        all_headers = {} if key is None else {"authorization": f"Bearer {key}"}
        all_headers |= {name.lower(): value for name, value in (headers or {}).items()}
        if subprotocols:
            all_headers["sec-websocket-protocol"] = ", ".join(subprotocols)
        request = Request(SOCKET, f"{GATEWAY_URL}{path}", httpx.Headers(all_headers))
        label = self._take_label(label)
        self._journal = None
        if self.setup.player is not None:
            made: Socket = ReplayedSocket(self.setup.player.check_request(request, label), self._socket_ended)
        else:
            try:
                made = LiveSocket(request, subprotocols, self._translation, label, self._socket_ended)
            except OSError as error:
                self.setup.check_alive()
                raise HarnessError(f"nobody listens at {request.url}: {error}") from None
        self._sockets.append(made)
        return made

    def concurrently(self, steps: Sequence[Callable[[], T]]) -> list[T]:
        """Run the steps at the same time; their results in the order given. Exchanges pair by step, not by arrival."""
        step = counter.get().next()
        with ThreadPoolExecutor(len(steps)) as pool:
            futures = []
            for index, run in enumerate(steps, start=1):
                context = contextvars.copy_context()
                context.run(counter.set, Counter(f"{step}.{index}-"))
                futures.append(pool.submit(context.run, run))
            results = [future.result() for future in futures]
        self._labels.sort(key=in_order_given)
        self.exchanges.sort(key=lambda exchange: self._labels.index(exchange.label))
        return results

    def until(
        self, send: Callable[[], Exchange], holds: Callable[[Exchange], bool], *, within: float = 10.0
    ) -> Exchange:
        """Send one request again and again until its answer `holds`, for what a gateway does in the background.

        Only the last answer is recorded and compared: how many it takes is chance. On a recording that is the only one.
        `send` makes one request that calls no upstream (`lambda: case.get("/key/info")`); not for use in `concurrently`.
        Raises NeverHeld when it does not hold `within` seconds.
        """
        deadline = time.monotonic() + within
        while True:
            before = len(self.exchanges)
            answer = send()
            if self.exchanges[before:] != [answer]:
                raise HarnessError("until() wants a function that makes one request and returns its answer")
            if holds(answer):
                return answer
            if not self.setup.is_live or time.monotonic() > deadline:
                raise NeverHeld(f"request {answer.label}: what the case waits for did not hold within {within:g} s")
            self.exchanges.remove(answer)
            self._labels.remove(answer.label)
            counter.get().take_back()
            time.sleep(_POLL_SECONDS)

    def wait(self, seconds: float) -> None:
        """Let time pass on a live target; recordings do not wait."""
        if self.setup.is_live:
            time.sleep(seconds)

    @property
    def today(self) -> date:
        """The gateway's day (UTC), for queries by date; on a recording the day it was made."""
        return self.setup.player.day if self.setup.player is not None else datetime.now(UTC).date()

    # --- judging -----------------------------------------------------------------------------------------------------

    def assert_same_as_recorded(self, headers: Sequence[str] = (), *, ignore: Sequence[str] = ()) -> None:
        """Everything since the last call of this happened as the reference was recorded doing it.

        Compares the status, body, stream events, ending, content-type and the chosen `headers` of every answer, and
        what each upstream received. `ignore` holds paths as a failure shows them (`body.error.message`,
        `journal[0].query`), where `*` stands for anything. Raises CheckFailed.
        """
        self._check_sockets_ended()
        self.journal()
        pending = self.exchanges[self._compared :]
        self._compared = len(self.exchanges)
        if self.setup.recorder is not None or self.setup.player is not None:
            return  # what is being recorded, or replayed, is the same by definition
        if self.setup.contract.provenance is not Provenance.RECORDED:
            raise HarnessError(
                f"a case of provenance {self.setup.contract.provenance} has no recording; state what it must do instead"
            )
        recording = self.setup.recording()
        failures = [line for exchange in pending for line in _compare(recording, exchange, headers, ignore)]
        if failures:
            raise CheckFailed("not what the reference did (- expected, + got):", failures)

    def deviates(self, *observed: Any, as_recorded: Check, required: Check) -> None:
        """We do not do what the reference does: two bodies of assertions, each called with `observed`.

        `as_recorded` judges recording and reference, `required` our proxy; a foreign gateway may do either. The matrix
        must declare the case. Raises what the body raised.
        """
        check_declared(self.setup.contract.item, self.setup.case_id, deviates=True)
        self.body = judge(self.setup.kind, observed, as_recorded=as_recorded, required=required)

    def evidence(self) -> list[Exchange]:
        """All exchanges for a failure report, with the upstreams' journal even if the case did not ask for it."""
        for socket in self._sockets:
            if socket.exchange is None and self.setup.is_live:
                socket.drop()
        if self._journal is not None or not self.setup.is_live or not self.exchanges:
            return self.exchanges
        try:
            return [*self.exchanges, self._send(self._journal_request, Delivery(taped=True), "at-the-end")]
        except (httpx.HTTPError, CheckFailed, HarnessError, TargetUnavailable):
            return self.exchanges

    def finish(self) -> None:
        """After the case has passed: check what only the whole case shows, and save its recording."""
        self._check_sockets_ended()
        if self.body is None:
            check_declared(self.setup.contract.item, self.setup.case_id, deviates=False)
        if self.setup.player is not None:
            left = [label for label in self.setup.player.exchanges if label not in self._labels]
            if left:
                raise HarnessError(
                    f"the recording has more than the case asks for (label {', '.join(left)}); record it again"
                )
        if self.setup.recorder is not None:
            self.setup.recorder.save(self._labels)

    def close(self) -> None:
        """Release the connections."""
        for socket in self._sockets:
            if socket.exchange is None:
                socket.drop()
        self._client.close()
        self._unrecorded.close()

    # --- internals ---------------------------------------------------------------------------------------------------

    @property
    def _journal_request(self) -> Request:
        return Request("GET", f"{JOURNAL_URL}?case={self._quoted_name}", httpx.Headers())

    @property
    def _quoted_name(self) -> str:
        return quote(self.setup.name, safe="")

    def _exchange(self, request: Request, delivery: Delivery, label: str | None = None) -> Exchange:
        label = self._take_label(label)
        if self.setup.player is not None:
            recorded = self.setup.player.check_request(request, label)
            exchange = recorded if delivery.taped else self._send(request, delivery, label)
        else:
            exchange = self._send(request, delivery, label)
        self.exchanges.append(exchange)
        if self.setup.recorder is not None:
            self._keep(self.setup.recorder, exchange)
        return exchange

    def _take_label(self, label: str | None) -> str:
        counted = counter.get().next()
        label = label or counted
        if label in self._labels or not _LABEL.fullmatch(label):
            raise HarnessError(f"label {label!r} is taken or has other characters than letters, digits, `_.-`")
        self._labels.append(label)
        return label

    def _socket_ended(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if self.setup.recorder is not None:
            self._keep(self.setup.recorder, exchange)

    def _check_sockets_ended(self) -> None:
        still_open = [socket.label for socket in self._sockets if socket.exchange is None]
        if still_open:
            raise HarnessError(
                f"sockets are still open (label {', '.join(still_open)}); close them, or await their end"
            )

    def _send(self, request: Request, delivery: Delivery, label: str) -> Exchange:
        translation = self._translation
        client = self._unrecorded if delivery.taped else self._client
        live = client.build_request(
            request.method,
            translation.out(request.url),
            content=translation.out_bytes(request.body if delivery.body is None else delivery.body),
            headers=[(name, translation.out(value)) for name, value in request.headers.multi_items()],
        )
        current_label.set(label)
        try:
            observed = observe(client, live, close_after=delivery.close_after)
        except httpx.ConnectError:
            self.setup.check_alive()
            raise HarnessError(f"nobody listens at {live.url}") from None
        except CheckFailed:
            self.setup.check_alive()
            raise
        back = translation.back
        return Exchange(
            label=label,
            request=request,
            status=observed.status,
            headers=httpx.Headers([(name, back(value)) for name, value in observed.headers.multi_items()]),
            body=translation.back_bytes(observed.body),
            frames=tuple(
                Frame(frame.at, translation.back_bytes(frame.data), frame.direction, frame.partial)
                for frame in observed.frames
            ),
            seconds=observed.seconds,
            end=observed.end,
            taped=delivery.taped,
        )

    def _keep(self, recorder: Recorder, exchange: Exchange) -> None:
        if exchange.taped:
            recorder.add_tape(exchange)
        elif exchange.end != "done":
            raise HarnessError(
                f"request {exchange.label} ended with {exchange.end!r}, which a cassette cannot hold; "
                "send it with taped=True"
            )

    def _await_calls(self, calls: int, within: float) -> None:
        deadline = time.monotonic() + within
        url = self._translation.out(f"{UPSTREAM_URL}/calls?case={self._quoted_name}")
        while time.monotonic() < deadline:
            seen = self._unrecorded.get(url).json()
            if seen["received"] >= calls and not seen["open"]:
                return
            time.sleep(0.01)


_JSON = {"content-type": "application/json"}


def _compare(recording: Recording, live: Exchange, headers: Sequence[str], ignore: Sequence[str]) -> list[str]:
    recorded = recording.check_request(live.request, live.label)
    if live.is_journal:
        return compare.render(compare.journal_differences(recorded, live, ignore=ignore))
    if live.is_control:
        return []
    sent = [[frame.data for frame in side.messages(Direction.SENT)] for side in (recorded, live)]
    if sent[0] != sent[1]:
        raise HarnessError(f"other messages were sent when {live.label} was recorded; record the case again")
    found = compare.differences(recorded, live, headers=headers, ignore=ignore)
    heading = f"request {live.label}: {live.request.method} {live.request.url.removeprefix(GATEWAY_URL)}"
    return [heading, *compare.render(found)] if found else []
