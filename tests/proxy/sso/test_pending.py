"""Sign-ins that have begun: found by their secret alone, once, for ten minutes; on both databases."""

import asyncio
from datetime import timedelta

import pytest

from proxy.errors import DetailError
from proxy.sso import pending
from proxy.sso.pending import Program, SignIn, keep, look, take
from proxy.sso.provider import Secrets
from proxy.store.rows import change, find_all
from proxy.store.store import Store
from proxy.store.tables import sign_ins
from proxy.store.types import now
from tests.stores import using

ONE = SignIn(own=Secrets.new(), redirect_uri="https://g/sso/callback", return_to="/ui/")
PROGRAM = Program(name="sk-x", user_id="alice", teams=["a"])


def test_a_sign_in_is_found_once_by_its_secret(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await keep(connection, "browser", "secret", ONE)
        async with store.writing() as connection:
            assert await take(connection, "browser", "secre", SignIn) is None
            assert await take(connection, "program", "secret", Program) is None
            assert await take(connection, "browser", "secret", SignIn) == ONE
        async with store.writing() as connection:
            assert await take(connection, "browser", "secret", SignIn) is None

    using(database_url, scenario)


def test_only_one_of_many_gets_it(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await keep(connection, "browser", "secret", ONE)

        async def taken() -> bool:
            async with store.writing() as connection:
                return await take(connection, "browser", "secret", SignIn) is not None

        assert sorted(await asyncio.gather(*(taken() for _ in range(6)))) == [False] * 5 + [True]

    using(database_url, scenario)


def test_it_ends(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await keep(connection, "program", "sk-x", PROGRAM)
        async with store.reading() as connection:
            assert await look(connection, "program", "sk-x", Program) == PROGRAM
        async with store.writing() as connection:
            past = {"expires_at": now() - timedelta(seconds=1)}
            await change(connection, sign_ins, past)
        async with store.reading() as connection:
            assert await look(connection, "program", "sk-x", Program) is None
        async with store.writing() as connection:
            assert await take(connection, "program", "sk-x", Program) is None

    using(database_url, scenario)


def test_those_that_have_ended_leave_and_secrets_are_not_stored(tmp_path: object) -> None:
    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await keep(connection, "browser", "secret-1", ONE)
            await change(connection, sign_ins, {"expires_at": now() - timedelta(seconds=1)})
            await keep(connection, "browser", "secret-2", ONE)
        async with store.reading() as connection:
            [row] = await find_all(connection, sign_ins)
        assert "secret" not in row["id"]

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)


def test_there_is_an_end_to_their_number(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "MOST", 2)

    async def scenario(store: Store) -> None:
        async with store.writing() as connection:
            await keep(connection, "browser", "1", ONE)
            await keep(connection, "browser", "2", ONE)
            with pytest.raises(DetailError) as caught:
                await keep(connection, "browser", "3", ONE)
        assert caught.value.status == 429

    using(f"sqlite:///{tmp_path}/gateway.db", scenario)
