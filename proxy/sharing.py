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
from proxy.routing.budgets import Budget, Budgets
from proxy.state.base import Charge, State
from proxy.state.settings import redis_settings

log = logging.getLogger(__name__)

LEARN_SECONDS = 1.0
"""How late another process's cooldown may be known here."""
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


class SharedSpending:
    """Adds up what all processes spend of their budgets; each knows once a second, as with the reference.

    Windows begin and end where the state says, so a process that starts goes on with what is spent. While the state is away,
    what it knew still counts, with what this process spends.
    """

    def __init__(self, state: State, budgets: Callable[[], Budgets | None]) -> None:
        self._state = state
        self._budgets = budgets
        self._stopping = asyncio.Event()
        self._adding: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Inside the loop, before the first call: what is spent already counts for it."""
        await self._tell()
        self._adding = asyncio.create_task(self._add_up())

    async def stop(self) -> None:
        """The others are told the rest."""
        self._stopping.set()
        if self._adding is not None:
            await self._adding

    async def _add_up(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LEARN_SECONDS):
                    await self._stopping.wait()
            await self._tell()

    async def _tell(self) -> None:
        budgets = self._budgets()
        if budgets is None or self._is_away():
            return
        spending, moment = budgets.spending, time.time()
        for some in _parts(budgets.all, TOLD_AT_ONCE):
            charges = [Charge(each.key, spending.tell(each), seconds_of(each.period, moment)) for each in some]
            told = await self._state.reserve(charges)
            if self._is_away():
                return  # it was away: these totals are this process's alone, and are handed over when it is back
            for budget, total, seconds in zip(some, told.totals, told.resets, strict=True):
                spending.learn(budget, total, seconds)

    def _is_away(self) -> bool:
        return self._state.kind == "degraded"


def _parts(budgets: Sequence[Budget], size: int) -> Iterable[Sequence[Budget]]:
    return (budgets[first : first + size] for first in range(0, len(budgets), size))


def limits_of_one_process(config: ProxyConfig) -> list[str]:
    """The limits of a config that each process has for itself, because no Redis is configured; settings by name."""
    if redis_settings(config) is not None:
        return []
    general, router = config.general_settings, config.router_settings
    groups = Counter(entry.model_name for entry in config.model_list)
    rests = router.allowed_fails is not None or any(count > 1 for count in groups.values())
    limits = {
        "general_settings.max_parallel_requests": general.max_parallel_requests is not None,
        "general_settings.global_max_parallel_requests": general.global_max_parallel_requests is not None,
        "limits of virtual keys": general.database_url is not None,
        "router_settings.default_max_parallel_requests": router.default_max_parallel_requests is not None,
        "router_settings.provider_budget_config": bool(router.provider_budget_config),
        **{
            f"{name} of deployments": any(getattr(entry.params, name) is not None for entry in config.model_list)
            for name in ("rpm", "tpm", "max_parallel_requests")
        },
        "max_budget of deployments": any("max_budget" in entry.params.other for entry in config.model_list),
        "litellm_settings.tag_budget_config": bool(config.settings.other.get("tag_budget_config")),
        "cooldowns of deployments": rests and not router.disable_cooldowns,
    }
    return [name for name, limited in limits.items() if limited]
