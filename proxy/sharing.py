"""What the processes of a gateway tell each other through the state, off the path of calls; and what they cannot, without."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec

from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.durations import seconds_of
from proxy.errors import Failure
from proxy.metrics.recorder import CountedCooldowns
from proxy.routing.budgets import Budget, Budgets, Spent, Total, Totals
from proxy.state.base import Charge, State, Unavailable
from proxy.state.settings import redis_settings
from proxy.store.opening import database_url

log = logging.getLogger(__name__)

LEARN_SECONDS = 1.0
"""How late another process's cooldown may be known here."""
STORE_SECONDS = 2.0
"""How late what another process spent may be known here without Redis, by the database; what a killed process may lose."""
START_SECONDS = 0.5
"""How long a start waits to know what is spent."""
STOP_SECONDS = 5.0
KEY = "cooldown:"
TOLD_AT_ONCE = 200
"""Budgets in one command."""


class Cooldown(msgspec.Struct, frozen=True):
    """What is shared of a cooldown."""

    until: float
    """In seconds of the world's clock."""
    seconds: float
    """Its length."""
    status: int
    """That the deployment failed with."""


class SharedCooldowns:
    """Tells the others of cooldowns that begin here, and lets deployments rest that failed there.

    The reference shares them through Redis too, and looks there once in ten seconds; its own are not taken over, because
    by its rules one client's 404 shuts the only deployment of a group (:mod:`proxy.routing.cooldown`).
    """

    def __init__(
        self, state: State, cooldowns: CountedCooldowns, deployments: Callable[[], Iterable[Deployment]]
    ) -> None:
        self._state = state
        self._cooldowns = cooldowns
        self._deployments = deployments
        self._telling: set[asyncio.Task[None]] = set()
        self._learning: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Inside the loop."""
        self._cooldowns.on_begin = self._began
        self._learning = asyncio.create_task(self._learn())

    async def stop(self) -> None:
        """Nothing is told or learnt any more."""
        self._cooldowns.on_begin = None
        tasks = [task for task in (self._learning, *self._telling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _began(self, deployment: Deployment, failure: Failure, seconds: float) -> None:
        value = msgspec.json.encode(Cooldown(time.time() + seconds, seconds, failure.status))
        telling = asyncio.create_task(self._state.put(KEY + deployment.id, value, seconds))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _learn(self) -> None:
        while True:
            ids = list(dict.fromkeys(deployment.id for deployment in self._deployments()))
            found = await self._state.get_many([KEY + deployment_id for deployment_id in ids])
            for deployment_id, value in zip(ids, found, strict=True):
                if value is not None:
                    self._learnt(deployment_id, value)
            await asyncio.sleep(LEARN_SECONDS)

    def _learnt(self, deployment_id: str, value: bytes) -> None:
        try:
            cooldown = msgspec.json.decode(value, type=Cooldown)
        except msgspec.DecodeError:
            log.warning("what the state holds of deployment %s is no cooldown", deployment_id)
            return
        seconds = min(cooldown.seconds, cooldown.until - time.time())  # clocks differ
        if seconds > 0 and self._cooldowns.rest(deployment_id, seconds):
            log.info(
                "deployment %s rests for %.0f s: it failed with %d elsewhere", deployment_id, seconds, cooldown.status
            )


class StateTotals:
    """Adds up in the state what processes spend; windows begin and end where it says."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def add(self, amounts: Sequence[Spent]) -> list[Total] | None:
        """See :class:`proxy.routing.budgets.Totals`."""
        if self._state.is_cut_off:
            raise Unavailable
        moment = time.time()
        charges = [Charge(each.budget.key, each.dollars, seconds_of(each.budget.period, moment)) for each in amounts]
        told = await self._state.reserve(charges)
        if self._state.is_cut_off:
            return None  # it was away: these totals are this process's alone, and are handed over when it is back
        return [Total(*total) for total in zip(told.totals, told.resets, strict=True)]


class SharedSpending:
    """Adds up what all processes spend of their budgets; each knows every so many seconds (the reference: once a second).

    A process that starts goes on with what is spent. While there is nowhere to add up, what it knew still counts, with what
    this process spends.
    """

    def __init__(self, totals: Totals, budgets: Callable[[], Budgets | None], every: float) -> None:
        self._totals = totals
        self._budgets = budgets
        self._every = every
        self._told = asyncio.Event()
        """Once at least."""
        self._stopping = asyncio.Event()
        self._adding: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Inside the loop, before the first call: what is spent already counts for it, unless nobody says it soon."""
        self._adding = asyncio.create_task(self._add_up())
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._told.wait()

    async def stop(self) -> None:
        """The others are told the rest, if that is soon done."""
        self._stopping.set()
        if self._adding is not None:
            await asyncio.wait({self._adding}, timeout=STOP_SECONDS)
            self._adding.cancel()
            await asyncio.gather(self._adding, return_exceptions=True)

    async def _add_up(self) -> None:
        last = False
        while not last:
            last = self._stopping.is_set()  # whatever comes while it is told is told, too
            await self._tell()
            self._told.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stopping.wait()

    async def _tell(self) -> None:
        budgets = self._budgets()
        if budgets is None:
            return
        spending = budgets.spending
        for some in _parts(budgets.all, TOLD_AT_ONCE):
            amounts = [spending.tell(budget) for budget in some]
            try:
                totals = await self._totals.add(amounts)
            except Unavailable:
                for amount in amounts:
                    spending.untell(amount)
                return
            if totals is None:
                return
            for budget, total in zip(some, totals, strict=True):
                spending.learn(budget, total)


def _parts(budgets: Sequence[Budget], size: int) -> Iterable[Sequence[Budget]]:
    return (budgets[first : first + size] for first in range(0, len(budgets), size))


def limits_of_one_process(config: ProxyConfig) -> list[str]:
    """The limits of a config that each process has for itself, because no Redis is configured; settings by name.

    Budgets are shared through a database, too.
    """
    if redis_settings(config) is not None:
        return []
    stored = database_url(config) is not None
    general, router = config.general_settings, config.router_settings
    groups = Counter(entry.model_name for entry in config.model_list)
    rests = router.allowed_fails is not None or any(count > 1 for count in groups.values())
    limits = {
        "general_settings.max_parallel_requests": general.max_parallel_requests is not None,
        "general_settings.global_max_parallel_requests": general.global_max_parallel_requests is not None,
        "limits of virtual keys": stored,
        "router_settings.default_max_parallel_requests": router.default_max_parallel_requests is not None,
        "router_settings.provider_budget_config": bool(router.provider_budget_config) and not stored,
        **{
            f"{name} of deployments": any(getattr(entry.params, name) is not None for entry in config.model_list)
            for name in ("rpm", "tpm", "max_parallel_requests")
        },
        "max_budget of deployments": not stored
        and any("max_budget" in entry.params.other for entry in config.model_list),
        "litellm_settings.tag_budget_config": bool(config.settings.other.get("tag_budget_config")) and not stored,
        "cooldowns of deployments": rests and not router.disable_cooldowns,
    }
    return [name for name, limited in limits.items() if limited]
