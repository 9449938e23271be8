"""What lives as long as the process: the current snapshot, the upstream client, and what is counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from proxy.auth.authenticator import Authenticator
from proxy.call import Call, Outcome
from proxy.config.model import ProxyConfig
from proxy.config.stored import with_stored, written_credentials
from proxy.limits.limiter import Limiter
from proxy.metrics.recorder import CountedCooldowns, Recorder
from proxy.queueing import Queue
from proxy.routing.budgets import Spending
from proxy.routing.traffic import Traffic
from proxy.sharing import LEARN_SECONDS, STORE_SECONDS, SharedCooldowns, SharedSpending, StateTotals
from proxy.snapshot import Snapshot, build_snapshot
from proxy.state.base import State
from proxy.state.opening import open_state
from proxy.store.opening import open_store
from proxy.upstream.client import UpstreamClient

if TYPE_CHECKING:
    from proxy.accounting.spend import Spend
    from proxy.auth.directory import Directory
    from proxy.jobs.jobs import Jobs
    from proxy.rotating import Rotations
    from proxy.store.accounts import Accounts

log = logging.getLogger(__name__)

DEFAULT_MAX_REQUEST_MB = 100.0


class Gateway:
    """One per process. Raises ConfigError when the config names something that does not exist."""

    def __init__(self, config: ProxyConfig) -> None:
        self.recorder = Recorder()
        self.cooldowns = CountedCooldowns(self.recorder)
        self.spending = Spending()
        self.traffic = Traffic()
        self.state: State = open_state(config)
        """What is shared with other processes, if it is."""
        self.queue = Queue(self.traffic, self.state)
        self.config = config
        """Of the file; what the snapshot was made of may have more."""
        self.store = open_store(config)
        """What outlives the process; ``None`` when the config names no database."""
        self.accounts: Accounts | None = None
        """What those have spent who called; there with a store."""
        self.directory: Directory | None = None
        """Who may call; there with a store."""
        if self.store is not None:
            from proxy.auth.directory import Directory
            from proxy.store.accounts import Accounts

            self.accounts = Accounts()
            self.directory = Directory(self.store, self.accounts)
        self.limiter = Limiter(self.state)
        self.snapshot: Snapshot = self._snapshot_of(config)
        self.jobs: Jobs | None = None
        """Periodic work that one replica does; there with a store."""
        if self.store is not None:
            from proxy.jobs.jobs import Jobs
            from proxy.jobs.standing import add_standing_jobs
            from proxy.reloading import Reloader

            self.jobs = Jobs(self.store)
            add_standing_jobs(self.jobs, self.store, config)
            self._reloader = Reloader(config, self.store, self._build)
            self.store.on_change("config", self.reload)
        self.spend: Spend | None = None
        """Keeps what calls cost; there with a store."""
        if self.store is not None and self.accounts is not None:
            from proxy.accounting.spend import Spend

            self.spend = Spend(config, self.store, self.accounts)
        self._rotations: Rotations | None = None
        if any("rotation" in item for item in written_credentials(config)):
            from proxy.rotating import Rotations

            self._rotations = Rotations(self, config, stored=self.store is not None)
        self.draining = False
        """Set when the process was asked to stop: not ready any more, calls in progress go on."""
        self.calls = 0
        """Model calls in progress."""
        self._client: UpstreamClient | None = None
        self._shared: SharedCooldowns | None = None
        self._sharing: SharedSpending | None = None

    @property
    def client(self) -> UpstreamClient:
        """The upstream client; there is one between start and stop."""
        assert self._client is not None
        return self._client

    @property
    def max_request_bytes(self) -> int:
        """Larger bodies are refused with 413."""
        megabytes = self.snapshot.config.general_settings.max_request_size_mb
        return int((DEFAULT_MAX_REQUEST_MB if megabytes is None else megabytes) * 1_000_000)

    @property
    def full(self) -> bool:
        """Whether ``global_max_parallel_requests`` calls are in progress."""
        most = self.snapshot.config.general_settings.global_max_parallel_requests
        return most is not None and self.calls > most

    def admit(self, call: Call) -> None:
        """Count a call in, until it ends."""
        self.calls += 1
        call.on_end(partial(self._ended, call))

    def settle(self, call: Call) -> None:
        """Charge a call whose usage and cost are known, before its answer is complete; else that is done when it ends."""
        if call.on_settle is not None:
            call.on_settle(call.outcome.usage)
        if self.spend is not None:
            self.spend.settle(call)

    def _ended(self, call: Call, outcome: Outcome) -> None:
        self.calls -= 1
        self.settle(call)
        self.recorder.ended(call, outcome)
        budgets = call.snapshot.router.budgets
        if budgets is not None and outcome.cost and outcome.route is not None:
            budgets.charge(outcome.route.deployment, outcome.cost, call.tags)
        if log.isEnabledFor(logging.DEBUG):
            line = "%s %s: %d %s after %.1f ms, deployment %s, %d attempts failed"
            tried, milliseconds = len(outcome.failures), outcome.seconds * 1000
            log.debug(
                line, call.path, call.model, outcome.status, outcome.ending, milliseconds, outcome.deployment_id, tried
            )

    async def reload(self) -> None:
        """Go on with what the database says now of models, credentials and settings; calls in progress keep what they have.

        A gateway without a database has nothing to reload.
        """
        if self.store is not None:
            await self._reloader.reload(self._swap)

    async def use_credentials(self, credentials: Sequence[Mapping[str, Any]]) -> None:
        """Without a database: go on with other values of named credentials; calls in progress keep theirs."""
        self._swap(await asyncio.to_thread(self._build, with_stored(self.config, credentials=credentials)))

    def _swap(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    def _build(self, config: ProxyConfig) -> Snapshot:
        same = config.general_settings == self.snapshot.config.general_settings
        authenticator = self.snapshot.authenticator if same else None
        return self._snapshot_of(config, authenticator)

    def _snapshot_of(self, config: ProxyConfig, authenticator: Authenticator | None = None) -> Snapshot:
        return build_snapshot(
            config,
            self.cooldowns,
            self.spending,
            authenticator,
            directory=self.directory,
            traffic=self.traffic,
            state=self.state,
            queue=self.queue,
        )

    def check(self, config: ProxyConfig) -> None:
        """Whether calls could be served with a config.

        Raises:
            ConfigError: they could not.
        """
        self._build(config)

    async def start(self) -> None:
        """Inside the loop, before the first call."""
        self._client = UpstreamClient()
        await self.state.start()
        if self.store is not None:
            await self.store.start()
            await self.reload()
        if self.spend is not None:
            await self.spend.start()
        if self.jobs is not None and self.store is not None:
            from proxy.management.audit import Robot
            from proxy.management.keys_rotation import add_rotation

            add_rotation(self.jobs, self.store, Robot(self))
            self.jobs.start()
        if self._rotations is not None:
            self._rotations.start(self.store, self.jobs)
        if self.state.kind != "local":
            self._shared = SharedCooldowns(self.state, self.cooldowns, lambda: self.snapshot.router.groups.deployments)
            self._shared.start()
        await self._share_spending()

    async def _share_spending(self) -> None:
        """With the other processes, and those that come after this one."""
        if self.state.kind != "local":
            self._sharing = SharedSpending(StateTotals(self.state), lambda: self.snapshot.router.budgets, LEARN_SECONDS)
        elif self.store is not None:
            from proxy.accounting.windows import StoredTotals

            self._sharing = SharedSpending(
                StoredTotals(self.store), lambda: self.snapshot.router.budgets, STORE_SECONDS
            )
        if self._sharing is not None:
            await self._sharing.start()

    async def stop(self) -> None:
        """After the last call."""
        if self._rotations is not None:
            await self._rotations.stop()
        if self.jobs is not None:
            await self.jobs.stop()
        if self._shared is not None:
            await self._shared.stop()
        if self._sharing is not None:
            await self._sharing.stop()
        await self.limiter.stop()
        await self.queue.stop()
        await self.state.aclose()
        if self.spend is not None:
            await self.spend.stop()
        if self.store is not None:
            await self.store.aclose()
        await self.client.aclose()
