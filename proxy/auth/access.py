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


class ModelBudget(msgspec.Struct, frozen=True):
    """What a key may spend on one model: an entry of its ``model_max_budget``."""

    name: str
    """Of the entry."""
    limit: float | None
    """US dollars a period; ``None``: no limit."""
    period: str | None
    """``30d``; ``None``: for ever."""
    account: Account

    @property
    def is_spent(self) -> bool:
        """Whether more than the limit was spent in the running period (F.md, F8)."""
        if not self.limit:
            return False
        self.account.end_period()
        return self.account.spend > self.limit


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
    model_budgets: dict[str, ModelBudget] = {}

    def model_budget(self, *names: str) -> ModelBudget | None:
        """The key's budget for a model by its names, the first that has one; providers' prefixes may be left out."""
        for name in names:
            found = self.model_budgets.get(name) or self.model_budgets.get(name.rpartition("/")[2])
            if found is not None:
                return found
        return None


class Customer(msgspec.Struct, frozen=True):
    """Whom a client calls for."""

    holder: Holder
    blocked: bool
    has_budget: bool
    """Whether it has one of its own, so that the default one is not its."""
    region: str | None = None
    """That its calls must stay in."""
