"""A client's body on its way to a vendor: whole when it is small, else as it comes."""

from collections.abc import AsyncIterator, Mapping

from litestar.types import Receive

from proxy.api.client import ClientGone, Watch, announced_size, too_large
from proxy.passthrough.members import MemberFilter
from proxy.upstream.client import Upload

WHOLE = 1_000_000
"""Bytes of a body without an announced length that are read before it is sent without one: some vendors take no such."""


class ClientBody:
    """Reads a request's body once: whole, or part by part. Begins to watch for the client's leaving when it has all of it.

    Args:
        limit: bytes.
    """

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._headers = headers
        self._whole: bytes | None = None
        self._size = 0
        self._ended = False
        self.watch: Watch | None = None

    async def __call__(self) -> bytes:
        """The whole body.

        Raises:
            GatewayError: 413, it is too large.
            ClientGone: it never came, or too slowly for the server.
        """
        if self._whole is None:
            self._whole = b"".join([part async for part in self._parts()])
        return self._whole

    async def sent(self, stripped: MemberFilter | None) -> bytes | Upload:
        """What goes upstream, without the members that the filter takes out. Raises as :meth:`__call__`."""
        if self._whole is not None:
            return await _filtered(self._whole, stripped)
        begun: list[bytes] = []
        parts, announced = self._parts(), announced_size(self._headers, self._limit)
        while not self._ended and (not begun or (announced is None and self._size <= WHOLE)):
            begun.append(await anext(parts, b""))
        if self._ended:
            self._whole = b"".join(begun)
            return await _filtered(self._whole, stripped)
        return Upload(_continued(begun, parts, stripped), announced)

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes, for who does not need all of it at once. Raises as :meth:`__call__`."""
        if self._whole is not None:
            yield self._whole
            return
        async for part in self._parts():
            yield part

    def ended(self) -> None:
        """Watch from now on, whether the body has come or not: nobody waits for the rest of it."""
        if self.watch is None:
            self._ended = True
            self.watch = Watch(self._receive)

    async def _parts(self) -> AsyncIterator[bytes]:
        announced_size(self._headers, self._limit)
        while not self._ended:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            part: bytes = message.get("body", b"")  # type: ignore[assignment]
            self._size += len(part)
            if self._size > self._limit:
                raise too_large(self._limit)
            if not message.get("more_body"):
                self.ended()
            yield part


async def _continued(
    begun: list[bytes], parts: AsyncIterator[bytes], stripped: MemberFilter | None
) -> AsyncIterator[bytes]:
    async for part in _both(begun, parts):
        if stripped is None:
            yield part
            continue
        async for piece in stripped.pass_on(part):
            yield piece
    if stripped is not None:
        yield stripped.finish()


async def _both(begun: list[bytes], parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while begun:
        yield begun.pop(0)
    async for part in parts:
        yield part


async def _filtered(body: bytes, stripped: MemberFilter | None) -> bytes:
    if stripped is None:
        return body
    pieces = [piece async for piece in stripped.pass_on(body)]
    return b"".join(pieces) + stripped.finish()
