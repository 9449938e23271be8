"""Processes with calls that wait and are served, without upstreams."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from proxy.call import Call
from proxy.capacity import Capacity, make_capacity
from proxy.config.model import ModelEntry, ProxyConfig, RouterSettings
from proxy.errors import Failure
from proxy.queueing import Queue
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.plan import Plan, Stand, Try
from proxy.routing.refusals import Full
from proxy.routing.request import RouteRequest
from proxy.routing.router import Router
from proxy.routing.traffic import Traffic
from proxy.state.base import State
from proxy.state.memory import MemoryState


class SharedMemory(MemoryState):
    """In memory, but for several processes."""

    kind = "redis"


class Served:
    """A call that waits, is served, and has ended."""

    def __init__(self, name: str, priority: int, number: int) -> None:
        self.name = name
        self.priority = priority
        self.number = number
        self.served = 0
        """How often."""
        self.ends = asyncio.Event()
        self.failure: Failure | None = None
        """Of the attempt, if it is to fail."""
        self.task: asyncio.Task[None]
        self.deployment = ""

    @property
    def rank(self) -> tuple[int, int]:
        """By which calls are served."""
        return self.priority, self.number


class Process:
    """One gateway, as far as the queue goes."""

    def __init__(
        self,
        entries: Sequence[ModelEntry],
        state: State | None = None,
        clock: Callable[[], float] = time.time,
        **settings: Any,
    ) -> None:
        self.state = state or MemoryState()
        self.traffic = Traffic(clock)
        self.cooldowns = Cooldowns()
        config = ProxyConfig(model_list=tuple(entries), router_settings=RouterSettings(**settings), folder=Path())
        self.router = Router(config, self.cooldowns, Spending(), self.traffic)
        self.queue = Queue(self.traffic, self.state)
        self.capacity: Capacity | None = make_capacity(self.router, self.state)
        self.calls: list[Served] = []

    def call(self, name: str = "", priority: int = 0, seconds: float = 60.0, **request: Any) -> Served:
        """A call begins."""
        served = Served(name, priority, len(self.calls))
        self.calls.append(served)
        served.task = asyncio.create_task(self._run(served, seconds, RouteRequest(model="g", **request)))
        served.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        return served

    async def _run(self, served: Served, seconds: float, request: RouteRequest) -> None:
        call, request.priority = Call(cast("Any", None), "chat", {}), served.priority
        ticket = self.queue.ticket(served.priority, seconds)
        call.on_end(ticket.close)
        steps = Plan(self.router, request).steps()
        try:
            decision = next(steps)
            while True:
                failure: Failure | None = None
                if isinstance(decision, Stand):
                    await ticket.turn(decision, self.router)
                elif isinstance(decision, Try):
                    try:
                        visit = None
                        if self.capacity is not None:
                            visit = await self.capacity.enter(call, decision.hop.model, decision.deployment, ticket)
                        ticket.served()
                        served.served += 1
                        served.deployment = decision.deployment.id
                        await served.ends.wait()
                        failure, served.failure = served.failure, None
                        if failure is not None and visit is not None:
                            await visit.failed(failure)
                    except Full as full:
                        failure = full
                try:
                    decision = steps.send(failure)
                except StopIteration:
                    return
        finally:
            await call.end()

    def waiting(self) -> list[str]:
        """Names of calls that wait."""
        return [call.name for call in self.calls if not call.task.done() and not call.served]

    def serving(self) -> list[str]:
        """Names of calls that are served now."""
        return [call.name for call in self.calls if not call.task.done() and call.served]


async def settled() -> None:
    """Let everything happen that needs no time."""
    for _ in range(50):
        await asyncio.sleep(0)


async def ended(*calls: Served) -> None:
    """End calls that are served."""
    for call in calls:
        call.ends.set()
        await call.task
    await settled()
