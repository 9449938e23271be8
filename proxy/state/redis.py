"""The state in Redis. Needs the extra ``redis``, and is imported only when a config names a Redis."""

import asyncio
import math
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from hashlib import sha1
from typing import Any, Final

from redis.exceptions import NoScriptError, ResponseError

from proxy.state import scripts
from proxy.state.base import (
    ABSENT_SECONDS,
    Charge,
    Entry,
    Kind,
    Lease,
    Place,
    Refused,
    Reservation,
    Slot,
    Unavailable,
    turns_of,
)
from proxy.state.connecting import Client, connect
from proxy.state.settings import RedisSettings

TAG: Final = "{tianji}"
"""In the keys of counters and slots: a cluster keeps them on one node, so that one script can change several."""
WARM: Final = 4
"""Connections that a probe opens, so that no call has to."""
LINE_SECONDS: Final = 3600.0
"""A line where nobody moves is forgotten after so long."""
LISTEN_SECONDS: Final = 2.0
"""A silent connection of a listener is asked for a sign of life after so long, and given up after twice that."""


class RedisState:
    """See :class:`proxy.state.base.State`; but every method raises Unavailable when Redis does not do what it is asked."""

    kind: Kind = "redis"
    is_cut_off = False

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self._space = settings.namespace
        self._client: Client = connect(settings)
        self._room = asyncio.Semaphore(settings.connections)
        self._hashes: dict[str, str] = {}

    async def start(self) -> None:
        """Nothing is needed: the first command connects."""

    async def aclose(self) -> None:
        """Close the connections."""
        with suppress(Exception):
            await self._client.aclose()

    async def probe(self) -> None:
        """Make sure that Redis takes writes, and that some connections are open."""
        warm = min(WARM, self._settings.connections)
        await asyncio.gather(*(self._ask("SET", f"{self._space}tianji:probe", b"1", "PX", 60_000) for _ in range(warm)))

    async def get(self, key: str) -> bytes | None:
        """A document."""
        value: bytes | None = await self._ask("GET", self._space + key)
        return value

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Several documents."""
        if not keys:
            return []
        if not self._settings.nodes:
            values: list[bytes | None] = await self._ask("MGET", *(self._space + key for key in keys))
            return values
        return list(await asyncio.gather(*map(self.get, keys)))

    async def put(self, key: str, value: bytes, seconds: float | None) -> None:
        """Write a document."""
        if seconds is None:
            await self._ask("SET", self._space + key, value)
        elif seconds > 0:
            await self._ask("SET", self._space + key, value, "PX", _milliseconds(seconds))
        else:
            await self.delete(key)

    async def delete(self, *keys: str) -> None:
        """Remove documents."""
        if keys and not self._settings.nodes:
            await self._ask("DEL", *(self._space + key for key in keys))
        else:
            await asyncio.gather(*(self._ask("DEL", self._space + key) for key in keys))

    async def swap(self, key: str, old: bytes | None, new: bytes | None, seconds: float | None) -> bool:
        """Write a document if it is still the old one."""
        if seconds is not None and seconds <= 0:
            new = None
        time = 0 if seconds is None else _milliseconds(seconds)
        arguments = [int(old is not None), old or b"", int(new is not None), new or b"", time]
        return bool(await self._run(scripts.SWAP, [self._space + key], arguments))

    async def add(self, key: str, amount: float, seconds: float) -> float:
        """Add to a counter."""
        return (await self.reserve([Charge(key, amount, seconds)])).totals[0]

    async def reserve(self, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Reservation:
        """Add all charges and take all slots, or nothing."""
        lease = _lease(slots)
        keys = self._counters(charges) + self._slots(lease)
        return _reservation(await self._run(scripts.RESERVE, keys, _reserving(lease, charges, slots)), lease)

    async def acquire(self, name: str, limit: int, seconds: float) -> Lease | None:
        """Take one slot."""
        return (await self.reserve((), [Slot(name, limit, seconds)])).lease

    async def renew(self, lease: Lease, seconds: float) -> bool:
        """Hold the slots longer."""
        return bool(await self._run(scripts.RENEW, self._slots(lease), [lease.id, _milliseconds(seconds)]))

    async def release(self, lease: Lease) -> None:
        """Give the slots back."""
        await self._run(
            scripts.RELEASE, self._slots(lease) + self._wanted(lease), [lease.id, self._space + turns_of("")]
        )

    async def stand(self, place: Place) -> int:
        """Stand in a line."""
        number: int = await self._run(scripts.STOOD, self._line(place), self._standing(place))
        return number

    async def enter(self, place: Place, charges: Sequence[Charge], slots: Sequence[Slot] = ()) -> Entry:
        """Reserve and leave the line, if it is their turn."""
        lease = _lease(slots)
        keys = self._line(place) + self._counters(charges) + self._slots(lease) + self._wanted(lease)
        arguments = [*self._standing(place), len(slots), *_reserving(lease, charges, slots)]
        number, *reserved = await self._run(scripts.ENTER, keys, arguments)
        return Entry(number, _reservation(reserved, lease))

    async def leave(self, place: Place) -> None:
        """Leave a line."""
        await self._run(scripts.LEAVE, self._line(place)[:2], self._standing(place)[:4])

    async def push(self, queue: str, item: bytes, limit: int) -> bool:
        """Put an item at the end of a queue."""
        return bool(await self._run(scripts.PUSH, [f"{self._space}queue:{queue}"], [item, limit]))

    async def pop(self, queue: str, count: int = 1) -> list[bytes]:
        """Take items from the front of a queue."""
        items: list[bytes] = await self._run(scripts.POP, [f"{self._space}queue:{queue}"], [count])
        return items

    async def announce(self, channel: str, message: bytes) -> None:
        """Tell everybody."""
        await self._ask("PUBLISH", self._space + channel, message)

    async def listen(self, channel: str) -> AsyncIterator[bytes | None]:
        """What is announced; ends with Unavailable when the connection does."""
        subscriber = self._client.pubsub()
        try:
            await subscriber.subscribe(self._space + channel)
            silent = False
            while True:
                message = await subscriber.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    if silent:
                        raise Unavailable(f"Redis at {self._settings.where} says nothing any more")
                    await subscriber.ping()
                    silent = True
                    continue
                silent = False
                if message["type"] == "subscribe":
                    yield None
                elif message["type"] == "message":
                    yield message["data"]
        except Unavailable:
            raise
        except Exception as error:
            raise _unavailable(error) from error
        finally:
            await subscriber.aclose()  # type: ignore[no-untyped-call]

    def _counters(self, charges: Sequence[Charge]) -> list[str]:
        return [f"{self._space}{TAG}:count:{charge.key}" for charge in charges]

    def _slots(self, lease: Lease) -> list[str]:
        return [f"{self._space}{TAG}:slots:{name}" for name in lease.names]

    def _wanted(self, lease: Lease) -> list[str]:
        return [f"{self._space}{TAG}:wanted:{name}" for name in lease.names]

    def _line(self, place: Place) -> list[str]:
        names = (f"line:{place.line}", "members", f"numbers:{place.line}")
        return [f"{self._space}{TAG}:{name}" for name in names]

    def _standing(self, place: Place) -> list[Any]:
        channels = self._space + turns_of("")
        times = _milliseconds(ABSENT_SECONDS), _milliseconds(LINE_SECONDS)
        return [place.line, place.id, place.member, channels, place.priority, place.number, *times]

    async def _run(self, script: str, keys: Sequence[str], arguments: Iterable[Any]) -> Any:
        digest = self._hashes.get(script)
        if digest is None:
            digest = self._hashes[script] = sha1(script.encode(), usedforsecurity=False).hexdigest()
        try:
            return await self._ask("EVALSHA", digest, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self._ask("EVAL", script, len(keys), *keys, *arguments)

    async def _ask(self, *command: Any) -> Any:
        async with self._room:
            try:
                return await self._client.execute_command(*command)
            except NoScriptError:
                raise
            except Exception as error:  # redis-py has no end of errors for a server that goes away
                raise _unavailable(error) from error


def _unavailable(error: Exception) -> Unavailable:
    kind = Refused if isinstance(error, ResponseError) else Unavailable
    return kind(f"{type(error).__name__}: {error}")


def _lease(slots: Sequence[Slot]) -> Lease:
    return Lease(secrets.token_hex(8), tuple(slot.name for slot in slots))


def _reserving(lease: Lease, charges: Sequence[Charge], slots: Sequence[Slot]) -> list[Any]:
    arguments: list[Any] = [lease.id, len(charges)]
    for charge in charges:
        limit = "1e999" if charge.limit == math.inf else charge.limit
        arguments += [charge.amount, limit, _milliseconds(charge.seconds)]
    for slot in slots:
        arguments += [slot.limit, _milliseconds(slot.seconds)]
    return arguments


def _reservation(reserved: Sequence[Any], lease: Lease) -> Reservation:
    refused, totals, resets, taken = reserved
    return Reservation(
        refused - 1 if refused else None,
        tuple(float(total) for total in totals),
        tuple(left / 1000 for left in resets),
        lease if lease.names and not refused else None,
        tuple(taken),
    )


def _milliseconds(seconds: float) -> int:
    return max(1, math.ceil(seconds * 1000))
