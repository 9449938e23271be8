"""Accounts of users in teams: their ids may have slashes."""

import pytest

from proxy.store.accounts import member_id, parts_of_member


@pytest.mark.parametrize(
    ("team", "user"), [("a", "u"), ("a/b", "u"), ("a", "b/u"), ("a%2Fb", "u"), ("a/b%", "c/d"), ("", "u")]
)
def test_team_and_user_are_told_apart(team: str, user: str) -> None:
    assert parts_of_member(member_id(team, user)) == (team, user)


def test_two_members_share_no_account() -> None:
    assert member_id("a", "b/u") != member_id("a/b", "u")
