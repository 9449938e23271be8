"""What was done in memory while Redis was away, and is still to be done there."""

import logging
import sys
from collections import deque
from collections.abc import Awaitable
from typing import Final, Protocol

from proxy.state.base import Charge, Lease, Refused, State, Unavailable
from proxy.state.memory import MemoryState

log = logging.getLogger(__name__)

BATCH: Final = 100


class Remote(State, Protocol):
    """A state whose methods raise Unavailable."""

    async def probe(self) -> None:
        """Make sure that it does what it is asked, and is ready to do it fast."""
        ...


class Meanwhile:
    """Knows the documents and leases; amounts of counters and items of queues are taken out of the local state."""

    def __init__(self, local: MemoryState, remote: Remote) -> None:
        self._local = local
        self._remote = remote
        self._documents: dict[str, bool] = {}
        """Those that were written or removed; true: only if there is none."""
        self._leases: deque[Lease] = deque()
        self._items: deque[tuple[str, bytes]] = deque()
        self._charges: list[Charge] = []

    def wrote(self, *keys: str) -> None:
        """These documents were written or removed."""
        self._documents.update(dict.fromkeys(keys, False))

    def swapped(self, key: str, *, new: bool) -> None:
        """This document was changed, or written because there seemed to be none."""
        self._documents.setdefault(key, new)

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
                await self._hand_over_document(next(iter(self._documents)))
            elif self._leases:
                await self._tried(self._remote.release(self._leases[0]))
                self._leases.popleft()
            elif self._items or await self._took_items():
                queue, item = self._items[0]
                await self._tried(self._remote.push(queue, item, sys.maxsize))
                self._items.popleft()
            elif self._charges or self._took_charges():
                await self._tried(self._remote.reserve(self._charges[:BATCH]))
                del self._charges[:BATCH]
            else:
                return

    async def _hand_over_document(self, key: str) -> None:
        new, document = self._documents.pop(key), self._local.document(key)
        try:
            if document is None:
                await self._tried(self._remote.delete(key))
            elif new:  # what Redis may have was written by somebody who knew more
                await self._tried(self._remote.swap(key, None, *document))
            else:
                await self._tried(self._remote.put(key, *document))
        except Unavailable:
            self._documents.setdefault(key, new)
            raise
        if key not in self._documents:
            await self._local.delete(key)

    async def _took_items(self) -> bool:
        for queue in self._local.queues():
            self._items.extend((queue, item) for item in await self._local.pop(queue, BATCH))
            return True
        return False

    def _took_charges(self) -> bool:
        self._charges = self._local.take_counters()
        return bool(self._charges)

    async def _tried(self, step: Awaitable[object]) -> None:
        """Await a step; one that Redis refuses although it works is given up."""
        try:
            await step
        except Refused as error:
            await self._remote.probe()
            log.warning("Redis refused what was kept for it while it was away: %s", error)
