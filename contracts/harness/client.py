"""Sends one request and observes everything about its answer."""

from __future__ import annotations

import ssl
import time
from functools import cache

import httpx
import msgspec

from contracts.harness.exchange import EVENT_STREAM, Frame, split_frames
from contracts.harness.faults import CheckFailed

PATIENCE = 30.0


class UnrecordedTransport(httpx.HTTPTransport):
    """Goes to the network even while vcrpy holds httpx: it replaces the method of the parent class, not this one."""

    handle_request = httpx.HTTPTransport.handle_request


class Observed(msgspec.Struct, frozen=True):
    """An answer as it arrived; see `Exchange` for the fields."""

    status: int
    headers: httpx.Headers
    body: bytes
    frames: tuple[Frame, ...]
    seconds: float
    end: str


@cache
def _trust() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a whole replayed case."""
    return ssl.create_default_context()


def make_client(*, recorded: bool = True) -> httpx.Client:
    """A client for cases; `recorded=False` is one that vcrpy does not see."""
    transport = (httpx.HTTPTransport if recorded else UnrecordedTransport)(verify=_trust())
    headers = {"user-agent": "contracts", "accept": "*/*", "accept-encoding": "identity"}
    return httpx.Client(transport=transport, trust_env=False, timeout=PATIENCE, headers=headers)


def observe(client: httpx.Client, request: httpx.Request, *, close_after: int | None = None) -> Observed:
    """Send, and read to the end or, with `close_after`, until that many frames came.

    Raises CheckFailed when there is no answer at all, httpx.ConnectError when nobody listens.
    """
    started = time.perf_counter()
    try:
        response = client.send(request, stream=True)
    except httpx.TimeoutException:
        raise CheckFailed(f"{request.method} {request.url.path}: no answer within {PATIENCE:.0f} s") from None
    except (httpx.ReadError, httpx.RemoteProtocolError) as error:
        raise CheckFailed(f"{request.method} {request.url.path}: closed without an answer ({error})") from None
    reader = _Reader(response, started, close_after)
    try:
        end = reader.read()
    finally:
        response.close()
    return Observed(
        status=response.status_code,
        headers=response.headers,
        body=reader.body,
        frames=tuple(reader.frames),
        seconds=time.perf_counter() - started,
        end=end,
    )


class _Reader:
    def __init__(self, response: httpx.Response, started: float, close_after: int | None) -> None:
        self._response = response
        self._started = started
        self._close_after = close_after
        self._is_stream = response.headers.get("content-type", "").startswith(EVENT_STREAM)
        self._rest = b""
        self.frames: list[Frame] = []
        self.body = b""

    def read(self) -> str:
        """Read until something ends it; what did."""
        if self._close_after == 0:
            return "client-closed"
        pieces = []
        end = "done"
        try:
            for piece in self._response.iter_raw():
                pieces.append(piece)
                if self._take(piece):
                    end = "client-closed"
                    break
        except httpx.TimeoutException:
            end = "stalled"
        except httpx.TransportError:
            end = "dropped"
        self.body = b"".join(pieces)
        if end == "client-closed":
            self.body = b"".join(frame.data + b"\n\n" for frame in self.frames)
        elif rest := self._rest if self._is_stream else self.body:
            self.frames.append(Frame(self._now(), rest, partial=True))
        return end

    def _take(self, piece: bytes) -> bool:
        """Cut the frames from what arrived; whether the client has seen enough."""
        if self._is_stream:
            complete, self._rest = split_frames(self._rest + piece)
            self.frames += [Frame(self._now(), data) for data in complete]
        if self._close_after is None or len(self.frames) < self._close_after:
            return False
        del self.frames[self._close_after :]
        return True

    def _now(self) -> float:
        return time.perf_counter() - self._started
