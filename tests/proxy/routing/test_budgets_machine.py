"""Whatever happens in whatever order, what was spent of a budget is the sum of its window, and who is over it is refused."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from proxy.routing.budgets import Budgets, Spending
from proxy.sharing import SharedSpending, StateTotals
from proxy.state import base as state
from proxy.state.base import Kind
from proxy.state.memory import MemoryState
from tests.proxy.routing.making import Clock, entry
from tests.proxy.routing.test_budgets import budgeted, budgets_of

LIMIT = 1.0
WINDOW = 10.0
REPLICAS = 2
WHICH = st.integers(0, REPLICAS - 1)
CENTS = st.integers(1, 60).map(lambda cents: cents / 100)


class State(MemoryState):
    """One that may be away, and then has forgotten everything."""

    away = False
    meanwhile: Callable[[], None] | None = None
    """What happens before the next answer is there."""

    kind: Kind = "redis"

    @property
    def is_cut_off(self) -> bool:  # type: ignore[override]
        return self.away

    async def reserve(self, charges: Sequence[state.Charge], slots: Sequence[state.Slot] = ()) -> state.Reservation:
        answer = await super().reserve(charges, slots)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return answer


class Replica:
    """A process."""

    def __init__(self, state: State, clock: Clock) -> None:
        router = budgeted(
            entry("g", "capped", other={"max_budget": LIMIT, "budget_duration": "10s"}),
            spending=Spending(clock),
            clock=clock,
        )
        [self.deployment] = router.groups.by_name["g"]
        self.budgets: Budgets = budgets_of(router)
        [self.budget] = self.budgets.all
        self.shared = SharedSpending(StateTotals(state), lambda: self.budgets, 1.0)

    @property
    def spent(self) -> float:
        return self.budgets.spending.of(self.budget)

    @property
    def admits(self) -> bool:
        return bool(self.budgets.affordable([self.deployment]))


class Charge(msgspec.Struct):
    """What a call cost."""

    dollars: float
    replica: int
    told: bool = False


class BudgetMachine(RuleBasedStateMachine):
    """The model: charges of the shared window, which begins with the first that is told, and those not told yet."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.state = State(clock=self.clock)
        self.loop = asyncio.new_event_loop()
        self.replicas = [Replica(self.state, self.clock) for _ in range(REPLICAS)]
        self.charges: list[Charge] = []
        self.end: float | None = None
        """Of the shared window."""
        self.ends: list[float | None] = [None] * REPLICAS
        """Of the window as each replica knows it."""
        self.known: list[float] = [0.0] * REPLICAS
        """What each has learnt that all have told."""

    def teardown(self) -> None:
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(work)

    @rule(which=WHICH, dollars=CENTS)
    def call(self, which: int, dollars: float) -> None:
        """One call from its beginning to its end."""
        if self.replicas[which].admits:
            assert self.expected(which) < LIMIT + 1e-9
            self.charge(which, dollars)
        else:
            assert self.expected(which) > LIMIT - 1e-9

    @rule(which=WHICH, costs=st.lists(CENTS, min_size=2, max_size=4))
    def calls_at_the_same_time(self, which: int, costs: list[float]) -> None:
        """All that were let in are paid, whatever is left."""
        before = self.expected(which)
        for dollars in costs if self.replicas[which].admits else ():
            self.charge(which, dollars)
        assert self.expected(which) <= max(before, LIMIT + sum(costs)) + 1e-9

    @rule(which=WHICH)
    def tell(self, which: int) -> None:
        self.run(self.replicas[which].shared._tell())
        if not self.state.away:
            self.told(which)

    @precondition(lambda self: not self.state.away)
    @rule(which=WHICH, dollars=CENTS)
    def tell_while_a_call_ends(self, which: int, dollars: float) -> None:
        def ends() -> None:
            self.told(which)
            self.charge(which, dollars)

        self.state.meanwhile = ends
        self.run(self.replicas[which].shared._tell())

    @rule(which=WHICH, dies=st.booleans())
    def restart(self, which: int, dies: bool) -> None:
        """Who stops tells the rest; who is killed does not. Who starts knows what was told."""
        if not dies:
            self.run(self.replicas[which].shared.stop())
            self.tell(which)
        self.charges = [charge for charge in self.charges if charge.told or charge.replica != which]
        self.ends[which], self.known[which] = None, 0.0
        self.replicas[which] = Replica(self.state, self.clock)
        self.tell(which)

    @rule(seconds=st.sampled_from([0.5, 3.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        for which, end in enumerate(self.ends):
            if end is not None and self.clock.now >= end:
                self.ends[which], self.known[which] = None, 0.0
                self.charges = [charge for charge in self.charges if charge.told or charge.replica != which]
        if self.end is not None and self.clock.now >= self.end:
            self.end = None
            self.charges = [charge for charge in self.charges if not charge.told]

    @precondition(lambda self: not self.state.away)
    @rule()
    def state_goes_away(self) -> None:
        self.state.away = True

    @precondition(lambda self: self.state.away)
    @rule()
    def state_is_back(self) -> None:
        self.state.away = False

    @rule(which=WHICH)
    def look(self, which: int) -> None:
        """Nothing is lost or counted twice. (A rule, because looking ends windows.)"""
        assert self.replicas[which].spent == pytest.approx(self.expected(which))

    def charge(self, which: int, dollars: float) -> None:
        replica = self.replicas[which]
        replica.budgets.charge(replica.deployment, dollars)
        if self.ends[which] is None:
            self.ends[which] = self.clock.now + WINDOW
        self.charges.append(Charge(dollars, which))

    def told(self, which: int) -> None:
        for charge in self.charges:
            charge.told = charge.told or charge.replica == which
        total = sum(charge.dollars for charge in self.charges if charge.told)
        if total and self.end is None:
            self.end = self.clock.now + WINDOW
        self.known[which], self.ends[which] = total, self.end if total else None

    def expected(self, which: int) -> float:
        """What a replica ought to know."""
        own = (charge.dollars for charge in self.charges if charge.replica == which and not charge.told)
        return self.known[which] + sum(own)


TestBudgets = BudgetMachine.TestCase
TestBudgets.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
