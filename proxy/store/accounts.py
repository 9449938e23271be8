"""What keys, teams, users and others have spent: as the database says, and what it has not been told yet."""

import time
from typing import Literal

import msgspec

Kind = Literal["key", "user", "team", "team_member", "organization", "customer", "tag", "project", "key_model"]
"""Of a holder. The id of a ``team_member`` is a :func:`member_id`, that of a ``key_model`` is ``HASH/MODEL``."""


def member_id(team: str, user: str) -> str:
    """The id of a user's account in a team. Both ids may have slashes: the first one parts them, others are escaped."""
    return f"{team.replace('%', '%25').replace('/', '%2F')}/{user}"


def parts_of_member(name: str) -> tuple[str, str]:
    """Team and user of a :func:`member_id`."""
    team, _, user = name.partition("/")
    return team.replace("%2F", "/").replace("%25", "%"), user


def model_id(token: str, model: str) -> str:
    """The id of a key's account for a model."""
    return f"{token}/{model}"


class Account(msgspec.Struct):
    """US dollars that one holder has spent in its current period."""

    stored: float = 0.0
    """As last read from the database."""
    pending: float = 0.0
    """Spent by calls of this process, and not yet in the database."""
    learnt: bool = False
    """Whether somebody asks for it; names that only callers brought are not kept."""
    ends: float | None = None
    """When the period of what is stored ends, in seconds since the epoch; ``None``: by its row, which is read again then."""

    @property
    def spend(self) -> float:
        """Together."""
        return self.stored + self.pending

    def end_period(self) -> None:
        """What is stored counts no more, if its period is over."""
        if self.ends is not None and time.time() >= self.ends:
            self.stored, self.ends = 0.0, None


MOST = 20_000
"""Accounts; then those that owe nothing are dropped, and learnt again when somebody asks."""
NOTHING = 1e-12


class Accounts:
    """The accounts that this process has seen. Nothing here waits for the database."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[Kind, str], Account] = {}

    def learn(self, kind: Kind, holder: str, stored: float, ends: float | None = None) -> Account:
        """The holder's account, now that ``stored`` was read from its row, and when its period ends, if that stands there."""
        account = self._accounts.get((kind, holder))
        if account is None:
            if len(self._accounts) >= MOST:
                self.forget()
            account = self._accounts[kind, holder] = Account()
        account.stored, account.learnt, account.ends = stored, True, ends
        return account

    def charge(self, kind: Kind, holder: str, dollars: float) -> None:
        """A call has cost that much."""
        account = self._accounts.get((kind, holder))
        if account is None:
            account = self._accounts[kind, holder] = Account()
        account.pending += dollars

    def written(self, kind: Kind, holder: str, dollars: float) -> None:
        """That much of what was pending is in the database now."""
        account = self._accounts.get((kind, holder))
        if account is not None:
            account.end_period()
            account.pending -= dollars
            account.stored += dollars
            if not account.learnt and abs(account.pending) <= NOTHING:
                del self._accounts[kind, holder]

    def forget(self) -> None:
        """Drop the accounts with nothing pending; they are learnt again when somebody asks."""
        self._accounts = {name: account for name, account in self._accounts.items() if abs(account.pending) > NOTHING}
