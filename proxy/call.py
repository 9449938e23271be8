"""One call of a client: what was asked, what is answered, and what has to happen when it has ended."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from proxy.accounting.cost import Cost
    from proxy.auth.access import Access
    from proxy.deployment import Deployment
    from proxy.errors import Failure
    from proxy.rates import Rate, Rates
    from proxy.routing.plan import Route
    from proxy.snapshot import Snapshot

log = logging.getLogger(__name__)

_random = random.Random()  # noqa: S311 - ids are no secrets

Body = dict[str, msgspec.Raw]
"""A JSON object whose values are still encoded: what nobody needs to read is never decoded."""

NO_FIELDS: Body = {}

Ending = Literal["done", "failed", "client-closed"]


class Usage(msgspec.Struct, frozen=True):
    """Tokens of a call, as the upstream reported them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_creation_tokens: int = 0
    """Written to the vendor's cache; prompt tokens, as those read from it are."""


class Identity(msgspec.Struct, frozen=True):
    """Who calls."""

    key_alias: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    models: tuple[str, ...] = ()
    """Model groups the caller may use; empty: all."""
    is_admin: bool = False
    spend: float = 0.0
    """Of the key, in US dollars."""
    metadata: dict[str, Any] = {}
    team_metadata: dict[str, Any] = {}
    token: str | None = None
    """SHA-256 of the key, in hex."""
    role: str | None = None
    """Of the user (:class:`proxy.auth.permissions.Role`)."""
    organization_id: str | None = None
    administers: frozenset[str] = frozenset()
    """Organizations that the user is an admin of."""
    is_master: bool = False
    """Whether the key is the master key."""
    allowed_routes: tuple[str, ...] = ()
    """Paths, or names of their groups, that the key is limited to; empty: what the role may call."""
    routes_granted: bool = True
    """Whether ``allowed_routes`` are also a grant of what the role may not call: they are when no user chose them himself."""
    is_delegate: bool = False
    """Whether the key is nobody's, and was granted the route that is called by its path: it acts for an admin there."""
    permissions: dict[str, Any] = {}
    customer: str | None = None
    """For whom of its own users the caller calls, as far as its token says that."""
    region: str | None = None
    """That its calls must stay in, whatever they ask for."""
    access: Access | None = None
    """What a database knows of the key; ``None`` without one, and for the master key."""
    rates: Rates | None = None
    """What it may ask for; ``None``: as much as it wants."""

    @property
    def acts_for_admin(self) -> bool:
        """Whether the caller is an admin, or a key that one made for this call."""
        return self.is_admin or self.is_delegate

    @property
    def spent(self) -> float:
        """By the key so far, calls that the database was not told of yet included; in US dollars."""
        access = self.access
        return access.holders[0].account.spend if access is not None and self.token is not None else self.spend


NOBODY = Identity()
"""Who calls, as long as that is not known."""


class FailedAttempt(msgspec.Struct):
    """A deployment that was tried in vain."""

    group: str
    deployment: Deployment
    failure: Failure


class Outcome(msgspec.Struct):
    """How a call ended; what ``on_end`` functions are given."""

    ending: Ending
    status: int
    usage: Usage = Usage()
    cost: float | None = None
    """US dollars; ``None`` when the price is unknown."""
    costs: Cost | None = None
    """What it consists of, where that is known."""
    answer: bytes | None = None
    """The body of the answer, or the first event of a stream."""
    api_base: str | None = None
    """Where the answer came from."""
    seconds: float = 0.0
    deployment_id: str | None = None
    chosen: str | None = None
    """The model group that an auto router chose for the last attempt, if it did."""
    error: str | None = None
    route: Route | None = None
    """The way that led to the answer; ``None`` when there was none."""
    deployment: Deployment | None = None
    """That answered a call which was passed through, not routed."""
    failures: list[FailedAttempt] = []
    """In order."""
    upstream_seconds: float = 0.0
    """Spent waiting for upstreams, all attempts together."""
    first_token_seconds: float | None = None
    """Until the first event of a stream came from upstream."""


Write = Callable[[bytes], Awaitable[None] | None]
"""Sends a piece of an answer; what it returns must be awaited before the next piece."""


class Answer(msgspec.Struct):
    """What goes back to the client. ``body`` is complete bytes, or what writes them piece by piece."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | Callable[[Write], Awaitable[None]]
    length: int | None = None
    """Bytes that the writer will write, if that is known."""


OnEnd = Callable[[Outcome], Awaitable[None] | None]


class Call:
    """A call in progress. ``snapshot`` is fixed at the door: a config swapped meanwhile does not touch it."""

    __slots__ = (
        "_ended",
        "_on_end",
        "body",
        "client_ip",
        "customer",
        "customer_rate",
        "endpoint",
        "fields",
        "headers",
        "id",
        "identity",
        "limit_headers",
        "model",
        "on_reroute",
        "on_settle",
        "outcome",
        "path",
        "settled",
        "snapshot",
        "started",
        "stream",
        "tags",
    )

    def __init__(self, snapshot: Snapshot, endpoint: str, headers: Mapping[bytes, bytes]) -> None:
        self.id = _new_id()
        self.snapshot = snapshot
        self.endpoint = endpoint
        """``chat``, ``completions``, ``embeddings``, ``messages``, or the route of a pass-through."""
        self.headers = headers
        """The client's, by lower-case name."""
        self.path = ""
        """That was called."""
        self.client_ip: str | None = None
        self.fields: Body = NO_FIELDS
        """Of the client's body, as they came."""
        self.body: Body = {}
        """What of them goes to the vendor."""
        self.customer: str | None = None
        """For whom of its own users the client calls."""
        self.tags: Sequence[str] = ()
        """Of body, header, key and team, where the config has a use for them."""
        self.customer_rate: Rate | None = None
        """What that customer may ask for."""
        self.limit_headers: list[tuple[bytes, bytes]] = []
        """Of a good answer that is no stream: what is left of the limits."""
        self.model = ""
        """The name that the client asked for."""
        self.stream = False
        self.identity = NOBODY
        self.started = time.perf_counter()
        self.outcome = Outcome("failed", 500)
        self.settled = False
        """Whether the call was charged."""
        self.on_settle: Callable[[Usage], None] | None = None
        """Told once what was used, before the answer is complete if it is known by then."""
        self.on_reroute: Callable[[Sequence[str]], Awaitable[None]] | None = None
        """Asked before the call goes on to models that it was not let in for; raises GatewayError, 429, their limits are
        reached. ``None``: they have none."""
        self._on_end: list[OnEnd] = []
        self._ended = False

    def on_end(self, function: OnEnd) -> None:
        """Register what runs once when the call has ended, in reverse order of registration."""
        self._on_end.append(function)

    async def end(self, ending: Ending | None = None) -> None:
        """Run the ``on_end`` functions, each exactly once. One that fails is logged; neither it nor a
        cancellation stops the others."""
        if self._ended:
            return
        self._ended = True
        if ending is not None:
            self.outcome.ending = ending
        self.outcome.seconds = time.perf_counter() - self.started
        cancelled: asyncio.CancelledError | None = None
        for function in reversed(self._on_end):
            try:
                waiting = function(self.outcome)
                if waiting is not None:
                    await _to_its_end(waiting)
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception:
                log.exception("an on_end function failed")
        self._on_end.clear()
        if cancelled is not None:
            raise cancelled


def _new_id() -> str:
    """A random UUID (RFC 9562, version 4); the library's function takes four times as long."""
    digits = f"{_random.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


async def _to_its_end(work: Awaitable[None]) -> None:
    """Wait for ``work``; a cancellation of the waiting task counts only then."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
