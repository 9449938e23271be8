"""Charges of keys and of their budgets for models, whatever dies in between: stored and pending together are what was spent."""

import asyncio
import tempfile
import time
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import update

from proxy.accounting.journal import Journal, new_journal
from proxy.accounting.ledger import Ledger
from proxy.accounting.record import encode
from proxy.accounting.totals import holders
from proxy.auth.access import ModelBudget
from proxy.auth.rows import read_key
from proxy.management.keys_making import create_key
from proxy.management.keys_rotation import replace_key
from proxy.store import rows, tables
from proxy.store.accounts import Accounts
from proxy.store.store import Store
from proxy.store.types import now
from tests.proxy.accounting.test_ledger import record

T = TypeVar("T")
LIMIT = 1.0
DOLLARS = st.sampled_from([0.25, 0.5, 1.0])


class Process:
    """One that takes calls: what it knows, and its journal."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.accounts = Accounts()
        self.ledger = Ledger(store, self.accounts)
        self.journal: Journal = new_journal(folder)
        self.number = 0


class LedgerMachine(RuleBasedStateMachine):
    """The model: a sum for ever, the key's, and one of the running period, its budget's for the model ``chat``."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.loop = asyncio.new_event_loop()
        self.store = Store(f"sqlite:///{self.path}/gateway.db")
        self.run(self.store.start())
        self.process = Process(self.store, self.path / "spend")
        self.token: str = self.run(self.key())
        self.calls = 0
        self.known: ModelBudget | None = None
        """As it was read last, by this process."""
        self.spent = self.stored = self.pending = 0.0
        """Dollars: of the key; of the running period, in the database; and not there yet."""

    def teardown(self) -> None:
        self.process.journal.close()
        self.run(self.store.aclose())
        self.loop.close()
        self.folder.cleanup()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    async def key(self) -> str:
        values = {"model_max_budget": {"chat": {"budget_limit": LIMIT, "time_period": "1d"}}}
        async with self.store.writing() as connection:
            _, row = await create_key(connection, values, author="somebody")
        return str(row["token"])

    async def budget(self) -> ModelBudget:
        """As a call sees it that reads the key."""
        async with self.store.reading() as connection:
            found = await read_key(connection, self.token, self.process.accounts)
        assert found is not None
        assert found.identity.access is not None
        return found.identity.access.model_budgets["chat"]

    @rule(dollars=DOLLARS)
    def call(self, dollars: float) -> None:
        process = self.process
        process.number += 1
        self.calls += 1
        made = record(
            process.number, id=f"call-{self.calls}", key=self.token, dollars=dollars, model_budget=("chat", "1d")
        )
        process.journal.append(encode(made))
        for kind, holder in holders(made):
            process.accounts.charge(kind, holder, dollars)
        self.spent += dollars
        self.pending += dollars

    @rule()
    def flush(self) -> None:
        self.run(self.process.ledger.drain(self.process.journal, own=True))
        self.written()

    @rule(times=st.integers(1, 2))
    def die_before_the_journal_is_told(self, times: int) -> None:
        """The database has it, the file does not know; whoever comes next writes it again."""
        journal = self.process.journal
        taken = journal.taken
        for _ in range(times):
            offset, journal.taken = journal.offset, lambda offset: setattr(journal, "offset", offset)  # type: ignore[method-assign]
            self.run(Ledger(self.store, Accounts()).drain(journal, own=False))
            journal.offset = offset
        journal.taken = taken  # type: ignore[method-assign]
        self.written()
        self.restart()

    @rule()
    def restart(self) -> None:
        """A process is killed; the next one takes what it left behind."""
        left, self.known = self.process.journal, None
        self.process = Process(self.store, self.path / "spend")
        self.run(self.process.ledger.drain(left, own=False))
        self.run(self.process.ledger.forget(left))
        self.written()

    @rule()
    def period_ends(self) -> None:
        """Moves the end of the period into the past: for the database, and for who knows the old one."""
        self.run(self.end_at(now() - timedelta(seconds=1)))
        if self.known is not None and self.known.account.ends is None:
            self.known = None  # the end of its period is not known before it is read again
        for account in self.process.accounts._accounts.values():
            if account.ends is not None:
                account.ends = time.time() - 1
        self.stored = 0.0

    async def end_at(self, moment: Any) -> None:
        async with self.store.writing() as connection:
            await connection.execute(update(tables.key_models).values(ends_at=moment))

    @precondition(lambda self: self.pending == 0)
    @rule()
    def rotate(self) -> None:
        self.run(self.replace())

    @rule()
    def rotate_while_calls_wait_to_be_written(self) -> None:
        """Until they are, they are missing; then the new key has them."""
        self.run(self.replace())
        self.flush()
        self.look()

    async def replace(self) -> None:
        async with self.store.writing("access") as connection:
            row = await rows.find(connection, tables.keys, token=self.token)
            assert row is not None
            _, row = await replace_key(connection, row, {}, new_key=None, until=None, now=now())
        self.token, self.known = row["token"], None

    @rule()
    def look(self) -> None:
        budget = self.known = self.run(self.budget())
        assert budget.account.spend == pytest.approx(self.stored + self.pending)
        assert budget.is_spent == (self.stored + self.pending > LIMIT)

    @precondition(lambda self: self.known is not None)
    @rule()
    def look_at_what_is_known(self) -> None:
        """Calls do not read the key each time: what they know follows what is charged and written."""
        assert self.known is not None
        assert self.known.is_spent == (self.stored + self.pending > LIMIT)
        assert self.known.account.spend == pytest.approx(self.stored + self.pending)

    @rule()
    def look_at_the_key(self) -> None:
        row = self.run(self.row())
        assert row["spend"] == pytest.approx(self.spent - self.pending)

    async def row(self) -> Any:
        async with self.store.reading() as connection:
            return await rows.find(connection, tables.keys, token=self.token)

    def written(self) -> None:
        self.stored += self.pending
        self.pending = 0.0


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
