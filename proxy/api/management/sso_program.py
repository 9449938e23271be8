"""A command line program that waits for somebody to sign in for it."""

import os
from typing import Any, Final

from proxy.api.management.operation import Asked
from proxy.api.management.validation import Query
from proxy.errors import DetailError
from proxy.management.keys import create_key
from proxy.sso.pending import Program, look, take
from proxy.sso.users import session_key
from proxy.store.rows import find, find_all
from proxy.store.tables import teams, users

PREFIX: Final = "sk-"
HOURS: Final = 24
"""How long the key lasts unless ``LITELLM_CLI_JWT_EXPIRATION_HOURS`` says otherwise."""


class PollQuery(Query):
    """Of ``/sso/cli/poll/{key}``."""

    team_id: str | None = None


async def poll(asked: Asked, query: PollQuery) -> dict[str, Any]:
    """Whether somebody has signed in for the program; then a key, once. Who is in several teams must choose one first."""
    name = asked.path["key_id"]
    if not name.startswith(PREFIX):
        raise DetailError(400, "Invalid key ID format")
    if asked.gateway.store is None:
        return {"status": "pending"}
    async with asked.store.reading() as connection:
        found = await look(connection, "program", name, Program)
        details = await _details(connection, found.teams) if found is not None else []
    if found is None:
        return {"status": "pending"}
    ready = {"status": "ready", "user_id": found.user_id, "teams": found.teams, "team_details": details}
    if query.team_id is None and len(found.teams) > 1:
        return {**ready, "requires_team_selection": True}
    if query.team_id is not None and query.team_id not in found.teams:
        raise DetailError(403, f"User does not belong to team: {query.team_id}. Available teams: {found.teams}")
    team_id = query.team_id or next(iter(found.teams), None)
    config = asked.gateway.snapshot.config
    async with asked.store.writing("access") as connection:
        user = await find(connection, users, user_id=found.user_id)
        if await take(connection, "program", name, Program) is None or user is None:
            return {"status": "pending"}
        values = session_key(config, user, seconds=_hours() * 3600) | {"team_id": team_id}
        key, _ = await create_key(connection, values, author=None)
    return {**ready, "key": key, "team_id": team_id}


async def _details(connection: Any, ids: list[str]) -> list[dict[str, Any]]:
    rows = await find_all(connection, teams, teams.c.team_id.in_(ids), order=[teams.c.team_id]) if ids else []
    return [{"team_id": row["team_id"], "team_alias": row["team_alias"]} for row in rows]


def _hours() -> int:
    text = os.environ.get("LITELLM_CLI_JWT_EXPIRATION_HOURS", "")
    return int(text) if text.isdecimal() and int(text) else HOURS
