"""Rows of users in the shapes that the endpoints of the reference answer with."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from proxy.management.keys_shown import new_key, record, shown_user, whole_row
from proxy.management.teams_shown import shown_team
from proxy.store.rows import Row
from proxy.store.tables import keys

#: Fields of the answer to ``/user/new`` that are the user's, not the key's.
_OF_USER: Final = (
    "user_id",
    "user_email",
    "user_alias",
    "user_role",
    "team_id",
    "max_budget",
    "budget_duration",
    "spend",
    "models",
    "metadata",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "allowed_cache_controls",
)
_HIDDEN: Final = ("token", "token_id", "created_by", "updated_by", "teams")
_NO_KEY: Final[dict[str, Any]] = {
    **dict.fromkeys(keys.c.keys()),
    "aliases": {},
    "config": {},
    "permissions": {},
    "allowed_routes": [],
}
_TEAMLESS: Final = "None"
"""The alias of the team of a key that has none, as the reference writes it."""


def new_user(user: Row, key: str | None, key_row: Row | None) -> dict[str, Any]:
    """The answer to ``/user/new``: the user, and the key that was made with it."""
    if key is None or key_row is None:
        shown = {**new_key("", _NO_KEY, None), "router_settings": None}
    else:
        shown = new_key(key, key_row, None)
    return {**shown, **{name: user[name] for name in _OF_USER}, **dict.fromkeys(_HIDDEN)}


def joined(membership: Row) -> Row:
    """A row of ``organization_memberships`` as answers have it."""
    return {name: value for name, value in membership.items() if name != "made_user"}


def whole_user(row: Row, memberships: Sequence[Row]) -> dict[str, Any]:
    """A user as ``/user/info`` answers it, with its memberships of organizations."""
    shown = [
        {**item, "user": None, "organization": None, "litellm_budget_table": None} for item in map(joined, memberships)
    ]
    return {**shown_user(row), "organization_memberships": shown}


def key_of_user(row: Row, budget: Row | None, permission: Row | None) -> dict[str, Any]:
    """A key as ``/user/info`` answers it, which adds the alias of its team."""
    expires: datetime | None = row["expires"]
    shown = whole_row(row, budget=budget, permission=permission)
    return {**shown, "expires": None if expires is None else expires.isoformat()}


def team_alias(key: Row, team: Row | None) -> str | None:
    """The alias of a key's team: ``None`` where the team is not there, a text where the key has none."""
    if key["team_id"] is None:
        return _TEAMLESS
    alias: str | None = None if team is None else team["team_alias"]
    return alias


def key_of_all(row: Row, team: Row | None) -> dict[str, Any]:
    """A key among everybody's, whose moments the reference writes without a zone."""
    return _zoneless({**record(row), "team_alias": team_alias(row, team)})


def team_of_all(row: Row) -> dict[str, Any]:
    """A team among everybody's."""
    return _zoneless(shown_team(row))


def _zoneless(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(tzinfo=None).isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
