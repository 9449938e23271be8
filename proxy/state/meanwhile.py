"""What was done in memory while Redis was away, and is still to be done there.

It is bounded: beyond, the oldest documents and counters are dropped. What was dropped is not handed over at all, so what
Redis has of it stays. (Leases are those of calls that were in progress when Redis went away; a queue has a limit of its own.)
"""

import logging
import sys
from collections import deque
from collections.abc import Awaitable
from typing import Final, Literal, Protocol

import msgspec

from proxy.state.base import Charge, Lease, Refused, State
from proxy.state.memory import MAX_DOCUMENT_BYTES, MemoryState

log = logging.getLogger(__name__)

BATCH: Final = 100
MAX_DOCUMENTS: Final = 100_000
"""That were written or removed; of how many bytes: :data:`proxy.state.memory.MAX_DOCUMENT_BYTES`."""
MAX_COUNTERS: Final = 200_000


class Remote(State, Protocol):
    """A state whose methods raise Unavailable."""

    async def probe(self) -> None:
        """Make sure that it does what it is asked, and is ready to do it fast."""
        ...


class Change(msgspec.Struct, frozen=True):
    """The last one of a document."""

    new: bool = False
    """It is there because there seemed to be none."""
    removed: bool = False


class Meanwhile:
    """Knows the documents and leases; amounts of counters and items of queues are taken out of the local state."""

    def __init__(self, local: MemoryState, remote: Remote) -> None:
        self._local = local
        self._remote = remote
        self._documents: dict[str, Change] = {}
        """The oldest first; every document of the local state is one of them."""
        self._leases: deque[Lease] = deque()
        self._items: deque[tuple[str, bytes]] = deque()
        self._charges: list[Charge] = []
        self._drops = False
        """Something was dropped, and the log says so."""
        local.on_evicted = self._evicted

    def wrote(self, key: str) -> None:
        """This document was written, whatever was there."""
        self._changed(key, Change())

    def removed(self, *keys: str) -> None:
        """These documents were removed."""
        for key in keys:
            self._changed(key, Change(removed=True))

    def swapped(self, key: str, *, was_there: bool, is_there: bool) -> None:
        """This document was written, changed or removed, depending on what was there."""
        before = self._documents.get(key)
        new = before.new if before is not None else not was_there
        if new and not is_there:
            self._documents.pop(key, None)
        else:
            self._changed(key, Change(new=new, removed=not is_there))

    def released(self, lease: Lease) -> None:
        """A lease of the remote state is not needed any more."""
        self._leases.append(lease)

    async def hand_over(self) -> None:
        """Do it all, also what is added while it runs.

        Raises:
            Unavailable: the remote state is away again; the rest is kept.
        """
        while True:
            if self._documents:
                await self._hand_over_document(*next(iter(self._documents.items())))
            elif self._leases:
                await self._tried(self._remote.release(self._leases[0]))
                self._leases.popleft()
            elif self._items or await self._took_items():
                queue, item = self._items[0]
                await self._tried(self._remote.push(queue, item, sys.maxsize))
                self._items.popleft()
            elif self._charges or self._took_charges():
                await self._tried(self._remote.reserve(self._charges))
                self._charges = []
            else:
                self._drops = False
                return

    async def _hand_over_document(self, key: str, change: Change) -> None:
        document = self._local.document(key)
        if document is not None and change.new:  # what Redis may have was written by somebody who knew more
            await self._tried(self._remote.swap(key, None, *document))
        elif document is not None:
            await self._tried(self._remote.put(key, *document))
        elif not change.new:  # removed, or it has run out: that ends what it replaced, too
            await self._tried(self._remote.delete(key))
        if self._documents.get(key) is change:
            self._forget(key)

    def _changed(self, key: str, change: Change) -> None:
        self._documents.pop(key, None)
        self._documents[key] = change
        if len(self._documents) > MAX_DOCUMENTS:
            self._forget(next(iter(self._documents)))
            self._say_that_it_drops()

    def _forget(self, key: str) -> None:
        del self._documents[key]
        self._local.forget(key)

    def _evicted(self, what: Literal["document", "counter"], key: str) -> None:
        if what == "document":
            self._documents.pop(key, None)
        self._say_that_it_drops()

    def _say_that_it_drops(self) -> None:
        if not self._drops:
            self._drops = True
            log.warning(
                "more was written while Redis is away than is kept for it (%d documents of %d MB, %d counters): "
                "the oldest is dropped",
                MAX_DOCUMENTS,
                MAX_DOCUMENT_BYTES // 1024**2,
                MAX_COUNTERS,
            )

    async def _took_items(self) -> bool:
        for queue in self._local.queues():
            self._items.extend((queue, item) for item in await self._local.pop(queue, BATCH))
            return True
        return False

    def _took_charges(self) -> bool:
        self._charges = self._local.take_counters(BATCH)
        return bool(self._charges)

    async def _tried(self, step: Awaitable[object]) -> None:
        """Await a step; one that Redis refuses although it works is given up."""
        try:
            await step
        except Refused as error:
            await self._remote.probe()
            log.warning("Redis refused what was kept for it while it was away: %s", error)
