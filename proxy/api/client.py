"""The client's side of a model call: its body, its leaving, and the delivery of the answer. Raw ASGI."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import cast

from litestar.types import Receive, Scope, Send

from proxy.call import Answer, Write
from proxy.errors import GatewayError

WATCH_AFTER = 0.4
"""Seconds until it is worth a task to notice that the client has gone; well below a second."""
BODILESS = (204, 304)
"""Statuses after which clients read no body: what came all the same would pass for the next answer (RFC 9110, 15.3.5)."""
DIRECT_WRITE = "tianji.write"
"""ASGI extension of proxy/server.py: a :data:`proxy.call.Write` for an answer whose start, without a length, was sent."""


class ClientGone(Exception):
    """The client left before it had sent its body."""


class BodyReader:
    """Reads a request's body when it is first asked for.

    Args:
        limit: bytes.
    """

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> None:
        self._receive = receive
        self._headers = headers
        self._limit = limit
        self._body: bytes | None = None

    async def __call__(self) -> bytes:
        """The whole body.

        Raises:
            GatewayError: 413, it is too large.
            ClientGone: it never came, or too slowly for the server.
        """
        if self._body is None:
            announced_size(self._headers, self._limit)
            self._body = await _read(self._receive, self._limit)
        return self._body


def announced_size(headers: Mapping[bytes, bytes], limit: int) -> int | None:
    """Bytes that a request says its body has.

    Raises:
        GatewayError: 413, more than ``limit``.
    """
    announced = headers.get(b"content-length", b"")
    size = int(announced) if announced.isdigit() and len(announced) <= 18 else None
    if len(announced) > 18 or (size is not None and size > limit):
        raise too_large(limit)
    return size


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")  # type: ignore[assignment]
        size += len(body)
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return b"".join([*parts, body]) if parts else body
        parts.append(body)


class Watch:
    """Cancels the task of a call when its client leaves.

    Nothing is started for calls that are over within ``WATCH_AFTER`` seconds.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._owner = asyncio.current_task()
        self._task: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(WATCH_AFTER, self._start)
        self.gone = False

    def stop(self) -> None:
        """The call is over."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _start(self) -> None:
        self._task = self._loop.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._owner is not None:
            self._owner.cancel()


async def deliver(answer: Answer, scope: Scope, send: Send) -> None:
    """Send the answer; a stream piece by piece, as it comes."""
    body = answer.body
    if answer.status in BODILESS:
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    if isinstance(body, bytes):
        headers = [*answer.headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        return
    headers = answer.headers
    if answer.length is not None:
        headers = [*headers, (b"content-length", b"%d" % answer.length)]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})

    def write(piece: bytes) -> Awaitable[None]:
        return send({"type": "http.response.body", "body": piece, "more_body": True})

    extensions: Mapping[str, object] = scope.get("extensions") or {}
    direct = extensions.get(DIRECT_WRITE, write) if answer.length is None else write
    await body(cast("Write", direct))
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def too_large(limit: int) -> GatewayError:
    """The refusal of a body of more bytes."""
    return GatewayError(
        413,
        f"The request body is larger than general_settings.max_request_size_mb allows ({limit // 1_000_000} MB)",
        type="invalid_request_error",
        param="request_body",
    )
