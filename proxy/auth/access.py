"""What a database knows of a key: its row, its holders, and what each may spend."""

from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.store.accounts import Account, Kind

Row = Mapping[str, Any]
"""Of a table, by column."""


class Holder(msgspec.Struct, frozen=True):
    """A key, a team, a user, ...: whom a call is charged to, and whose limits it has to keep."""

    kind: Kind
    id: str
    account: Account
    max_budget: float | None = None
    """US dollars a period; ``None``: no limit."""
    soft_budget: float | None = None
    """US dollars; beyond them somebody is told."""
    budget_duration: str | None = None
    rpm_limit: int | None = None
    """Requests a minute."""
    tpm_limit: int | None = None
    """Tokens a minute."""
    max_parallel_requests: int | None = None


class Access(msgspec.Struct, frozen=True):
    """A key with everything it belongs to; its row has that of its budget as ``litellm_budget_table``."""

    key: Row
    holders: tuple[Holder, ...]
    """The key first, then in the order in which their budgets are looked at."""
    team: Row | None = None
    user: Row | None = None
    organization: Row | None = None
    project: Row | None = None
    roles: dict[str, str | None] = {}
    """Of the user in its organizations, by their ids."""
    granted: tuple[str, ...] = ()
    """Models that access groups of the database add to the key's own."""
    granted_to_team: tuple[str, ...] = ()


class Customer(msgspec.Struct, frozen=True):
    """Whom a client calls for."""

    holder: Holder
    blocked: bool
    has_budget: bool
    """Whether it has one of its own, so that the default one is not its."""
    region: str | None = None
    """That its calls must stay in."""
