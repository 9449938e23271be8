"""Lists of keys: pages that do not overlap, and no reading of what is not shown."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from proxy.auth.authenticator import ADMIN
from proxy.management.keys_listing import SORTABLE, UI_TEAM, Asking, aliases, list_keys
from proxy.store.store import Store
from proxy.store.tables import keys
from proxy.store.types import now
from tests.proxy.management.test_keys import using

COUNT = 25


async def fill(store: Store) -> None:
    moment = now()
    async with store.writing() as connection:
        for number in range(COUNT):
            values = {
                "token": f"{number:02}",
                "key_alias": f"alias-{number % 5}" if number % 3 else None,
                "max_budget": None if number % 2 else float(number % 4),
                "spend": float(number % 3),
                "created_at": moment - timedelta(seconds=number // 2),
            }
            await connection.execute(insert(keys).values(**values))
        await connection.execute(insert(keys).values(token="session", team_id=UI_TEAM))


@pytest.mark.parametrize("order", [None, *SORTABLE])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_have_each_key_once(database_url: str, order: str | None, direction: str) -> None:
    async def scenario(store: Store) -> None:
        await fill(store)
        seen: list[str] = []
        async with store.reading() as connection:
            for number in range(1, 5):
                asking = Asking({}, sort_by=order, sort_order=direction, page=number, size=7)
                page = await list_keys(connection, ADMIN, asking, None, whole=number % 2 == 0)
                assert page.total == COUNT
                seen += [row["token"] for row in page.rows]
        assert sorted(seen) == [f"{number:02}" for number in range(COUNT)]

    using(database_url, scenario)


def test_sessions_of_the_dashboard_have_no_alias_either(database_url: str) -> None:
    async def scenario(store: Store) -> None:
        await fill(store)
        async with store.writing() as connection:
            await connection.execute(insert(keys).values(token="other", team_id=UI_TEAM, key_alias="of a session"))
            assert await aliases(connection) == [f"alias-{number}" for number in range(5)]

    using(database_url, scenario)


def test_a_page_is_read_from_an_index_alone(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        visible = "FROM keys WHERE team_id IS NULL OR team_id != 'x'"
        statement = f"SELECT token {visible} ORDER BY created_at DESC, token DESC LIMIT 100"
        counting = f"SELECT count(*) {visible}"
        async with store.reading() as connection:
            for query in (statement, counting):
                plan = str((await connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))).all())
                assert "COVERING INDEX" in plan
                assert "TEMP B-TREE" not in plan

    using(f"sqlite:///{tmp_path}/keys.db", scenario)
