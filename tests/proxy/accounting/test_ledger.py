"""Records become rows and sums once, on both databases."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from proxy.accounting import ledger as module
from proxy.accounting.journal import Journal, abandoned, new_journal
from proxy.accounting.ledger import Ledger
from proxy.accounting.record import Record, encode
from proxy.call import Usage
from proxy.store import rows, tables
from proxy.store.accounts import Accounts
from proxy.store.store import Store

STARTED = 1_767_225_600.0
"""2026-01-01"""


def record(number: int, **fields: Any) -> Record:
    values: dict[str, Any] = {
        "number": number,
        "id": f"call-{number}",
        "started": STARTED,
        "seconds": 0.5,
        "call_type": "acompletion",
        "model": "openai/gpt",
        "provider": "openai",
        "group": "chat",
        "dollars": 0.25,
        "usage": Usage(10, 5, 15),
        "key": "hash",
        "user": "somebody",
        "team": "team",
        "customer": "customer",
        "tags": ("blue",),
    }
    return Record(**(values | fields))


def with_ledger(
    url: str, tmp_path: Path, scenario: Callable[[Ledger, Journal, Store, Accounts], Awaitable[None]], **options: Any
) -> None:
    async def run() -> None:
        store, accounts = Store(url), Accounts()
        await store.start()
        try:
            async with store.writing() as connection:
                await rows.add(connection, tables.keys, {"token": "hash"})
                await rows.add(connection, tables.users, {"user_id": "somebody"})
                await rows.add(connection, tables.teams, {"team_id": "team"})
                await rows.add(connection, tables.team_memberships, {"team_id": "team", "user_id": "somebody"})
            await scenario(Ledger(store, accounts, **options), new_journal(tmp_path / "spend"), store, accounts)
        finally:
            await store.aclose()

    asyncio.run(run())


async def total(store: Store, table: Any, column: str = "spend", **equal: Any) -> float:
    async with store.reading() as connection:
        where = [table.c[name] == value for name, value in equal.items()]
        return float((await connection.execute(select(func.sum(table.c[column])).where(*where))).scalar() or 0.0)


async def count(store: Store, table: Any) -> int:
    async with store.reading() as connection:
        return await rows.count(connection, table)


def test_everything_is_added_once(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        for number in range(1, 5):
            journal.append(encode(record(number)))
            accounts.charge("key", "hash", 0.25)
        assert await ledger.drain(journal, own=True) == 4
        assert await count(store, tables.spend_logs) == 4
        for table in (tables.keys, tables.users, tables.teams, tables.team_memberships, tables.customers):
            assert await total(store, table) == 1.0
        for kind in ("user", "team", "customer", "tag"):
            assert await total(store, tables.daily_spend, entity_type=kind) == 1.0
        assert await total(store, tables.daily_spend, "api_requests", entity_type="user") == 4
        account = accounts.learn("key", "hash", 1.0)
        assert (account.pending, account.spend) == (0.0, 1.0)

    with_ledger(database_url, tmp_path, scenario)


def test_what_was_written_is_not_written_again(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        for number in range(1, 4):
            journal.append(encode(record(number)))
        content = journal.path.read_bytes()
        await ledger.drain(journal, own=True)
        journal.close()
        # the process died between the database's commit and the file's cut, and a call came in between
        journal.path.write_bytes(content + encode(record(4)) + b"\n")
        [found] = abandoned(journal.path.parent)
        await ledger.drain(found, own=False)
        await ledger.forget(found)
        assert await count(store, tables.spend_logs) == 4
        assert await total(store, tables.keys) == 1.0
        assert await count(store, tables.journals) == 0

    with_ledger(database_url, tmp_path, scenario)


def test_a_failed_transaction_leaves_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        async def away(*_: Any) -> None:
            raise OperationalError("of a test", None, Exception("gone"))

        journal.append(encode(record(1)))
        with monkeypatch.context() as patched:
            patched.setattr(module, "add_daily", away)
            with pytest.raises(OperationalError):
                await ledger.drain(journal, own=True)
        assert await count(store, tables.spend_logs) == 0
        assert await total(store, tables.keys) == 0.0
        assert await ledger.drain(journal, own=True) == 1
        assert await total(store, tables.keys) == 0.25

    with_ledger(database_url, tmp_path, scenario)


def test_a_record_that_cannot_be_stored_keeps_no_other_back(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = module.log_row

    def poisoned(found: Record, *arguments: Any) -> dict[str, Any]:
        if found.number == 2:
            raise OverflowError("of a test")
        return original(found, *arguments)

    monkeypatch.setattr(module, "log_row", poisoned)

    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        for number in range(1, 6):
            journal.append(encode(record(number)))
        await ledger.drain(journal, own=True)
        assert await count(store, tables.spend_logs) == 4
        assert await total(store, tables.keys) == 1.0

    with_ledger(database_url, tmp_path, scenario)
    assert "call-2" in caplog.text


def test_a_line_that_is_no_record_is_logged(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        journal.append(b'{"number": "none"}')
        journal.append(encode(record(1)))
        await ledger.drain(journal, own=True)
        assert await count(store, tables.spend_logs) == 1

    with_ledger(database_url, tmp_path, scenario)
    assert "is no record" in caplog.text


def test_holders_that_are_gone_and_names_that_databases_dislike(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        odd = "'; DROP TABLE keys; -- \x00 \u202e \U0001f600"
        journal.append(
            encode(record(1, key="deleted", user="gone", team="gone", customer=odd, tags=(odd,), session=odd))
        )
        await ledger.drain(journal, own=True)
        async with store.reading() as connection:
            [row] = await rows.find_all(connection, tables.spend_logs)
            [customer] = await rows.find_all(connection, tables.customers)
        assert row["end_user"] == customer["user_id"] == odd.replace("\x00", "\ufffd")
        assert await total(store, tables.keys) == 0.0

    with_ledger(database_url, tmp_path, scenario)


def test_an_answer_s_id_that_is_taken(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        journal.append(encode(record(1, answer_id="same")))
        await ledger.drain(journal, own=True)
        for number in (2, 3):
            journal.append(encode(record(number, answer_id="same")))
        journal.append(encode(record(4, answer_id="other")))
        journal.append(encode(record(5, answer_id="other")))
        await ledger.drain(journal, own=True)
        async with store.reading() as connection:
            ids = {row["request_id"] for row in await rows.find_all(connection, tables.spend_logs)}
        assert ids == {"same", "call-2", "call-3", "other", "call-5"}

    with_ledger(database_url, tmp_path, scenario)


def test_without_logs_sums_are_kept_once(database_url: str, tmp_path: Path) -> None:
    async def scenario(ledger: Ledger, journal: Journal, store: Store, accounts: Accounts) -> None:
        journal.append(encode(record(1)))
        content = journal.path.read_bytes()
        await ledger.drain(journal, own=True)
        journal.close()
        journal.path.write_bytes(content)
        [found] = abandoned(journal.path.parent)
        await ledger.drain(found, own=False)
        assert await count(store, tables.spend_logs) == 0
        assert await total(store, tables.keys) == 0.25

    with_ledger(database_url, tmp_path, scenario, keeps_logs=False)
