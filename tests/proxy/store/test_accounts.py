"""What a process knows of spend: the database's word, and what it has not been told."""

import pytest

from proxy.store import accounts as module
from proxy.store.accounts import Accounts


def test_pending_moves_to_what_is_stored() -> None:
    accounts = Accounts()
    account = accounts.learn("key", "k", 1.0)
    accounts.charge("key", "k", 0.5)
    assert (account.stored, account.pending, account.spend) == (1.0, 0.5, 1.5)
    accounts.written("key", "k", 0.5)
    assert (account.stored, account.pending) == (1.5, 0.0)


def test_what_was_charged_before_anybody_asked_counts() -> None:
    accounts = Accounts()
    accounts.charge("customer", "c", 0.5)
    assert accounts.learn("customer", "c", 2.0).spend == 2.5


def test_names_that_nobody_asks_for_are_not_kept() -> None:
    accounts = Accounts()
    for number in range(100):
        accounts.charge("customer", f"c{number}", 0.1)
        accounts.written("customer", f"c{number}", 0.1)
    assert accounts._accounts == {}


def test_there_is_an_end_to_those_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    accounts = Accounts()
    accounts.charge("key", "owing", 1.0)
    for number in range(100):
        accounts.learn("key", f"k{number}", 0.0)
    assert len(accounts._accounts) <= 11
    assert accounts.learn("key", "owing", 0.0).pending == 1.0
