"""Who may do what to which key."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.auth.authenticator import ADMIN
from proxy.call import Identity
from proxy.errors import DetailError, GatewayError
from proxy.management.keys_access import check_not_wider, check_update, may_change, may_see
from proxy.store.rows import Row, add
from proxy.store.store import Store
from proxy.store.tables import keys, teams
from tests.proxy.management.test_keys import using

USER = Identity(user_id="user", role="internal_user", token="of-user")
MEMBER = Identity(user_id="member", role="internal_user", token="of-member")
TEAM_ADMIN = Identity(user_id="team-admin", role="internal_user", token="of-team-admin")
ORG_ADMIN = Identity(user_id="org-admin", role="internal_user", administers=frozenset({"org"}), token="of-org-admin")
VIEWER = Identity(user_id="viewer", role="proxy_admin_viewer", token="of-viewer")
NOBODY = Identity(token="of-nobody")
CALLERS = {
    "admin": ADMIN,
    "user": USER,
    "member": MEMBER,
    "team-admin": TEAM_ADMIN,
    "org-admin": ORG_ADMIN,
    "viewer": VIEWER,
    "nobody": NOBODY,
}
KEYS: dict[str, dict[str, Any]] = {
    "users": {"user_id": "user"},
    "nobodys": {},
    "teams": {"team_id": "team"},
    "members": {"team_id": "team", "user_id": "member"},
    "orgs": {"organization_id": "org"},
    "lost": {"team_id": "no-such-team", "user_id": "user"},
}
CHANGE = {
    "users": {"admin", "user"},
    "nobodys": {"admin"},
    "teams": {"admin", "team-admin", "org-admin"},
    "members": {"admin", "team-admin", "org-admin", "member"},
    "orgs": {"admin", "org-admin"},
    "lost": {"admin"},
}
SEE = {
    "users": {"admin", "viewer", "user"},
    "nobodys": {"admin", "viewer"},
    "teams": {"admin", "viewer", "team-admin", "org-admin", "member"},
    "members": {"admin", "viewer", "team-admin", "org-admin", "member"},
    "orgs": {"admin", "viewer", "org-admin"},
    "lost": {"admin", "viewer", "user"},
}
#: A member may update keys of its own where the team lets it.
UPDATE = {**CHANGE, "teams": CHANGE["teams"] | {"member"}}


async def fill(store: Store) -> dict[str, Row]:
    members = [{"user_id": "member", "role": "user"}, {"user_id": "team-admin", "role": "admin"}]
    async with store.writing() as connection:
        team = {"team_id": "team", "organization_id": "org", "members_with_roles": members}
        await add(connection, teams, {**team, "team_member_permissions": ["/key/update"]})
        return {name: await add(connection, keys, {"token": name, **fields}) for name, fields in KEYS.items()}


def test_who_may_change_and_see_what(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        rows = await fill(store)
        async with store.reading() as connection:
            for name, row in rows.items():
                change = {who for who, caller in CALLERS.items() if await may_change(connection, caller, row)}
                see = {who for who, caller in CALLERS.items() if await may_see(connection, caller, row)}
                assert (name, change) == (name, CHANGE[name])
                assert (name, see) == (name, SEE[name])
            assert await may_see(connection, Identity(token="nobodys"), rows["nobodys"])

    using(f"sqlite:///{tmp_path}/keys.db", scenario)


def test_who_may_update_what(tmp_path: Path) -> None:
    async def scenario(store: Store) -> None:
        rows = await fill(store)
        async with store.reading() as connection:
            for name, row in rows.items():
                allowed = set()
                for who, caller in CALLERS.items():
                    try:
                        await check_update(connection, caller, row, {"key": name, "max_budget": 1})
                        allowed.add(who)
                    except GatewayError:
                        pass
                assert (name, allowed) == (name, UPDATE[name])

    using(f"sqlite:///{tmp_path}/keys.db", scenario)


KEY = {
    "models": ["a", "b"],
    "max_budget": 5.0,
    "tpm_limit": 10,
    "rpm_limit": None,
    "metadata": {"tags": ["t"], "model_rpm_limit": {"a": 1}},
    "expires": "some day",
    "blocked": True,
    "team_id": "team",
    "allowed_routes": ["/v1/models"],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"models": ["a", "b", "c"]},
        {"models": []},
        {"models": None},
        {"max_budget": 6},
        {"max_budget": None},
        {"tpm_limit": None},
        {"metadata": {}},
        {"metadata": None},
        {"metadata": {"model_rpm_limit": {"a": 2}}},
        {"duration": "1d"},
        {"duration": "-1"},
        {"blocked": False},
        {"team_id": "other"},
        {"team_id": None},
        {"allowed_routes": ["/v1/models", "/key/generate"]},
        {"allowed_routes": []},
        {"spend": 0},
        {"budget_id": "large"},
        {"temp_budget_increase": 100},
        {"permissions": {"get_spend_routes": True}},
    ],
    ids=str,
)
def test_a_key_does_not_get_more(changes: dict[str, Any]) -> None:
    with pytest.raises(DetailError) as refused:
        check_not_wider(KEY, changes)
    assert refused.value.status == 403
    assert next(iter(changes)) in str(refused.value.detail)


@pytest.mark.parametrize(
    "changes",
    [
        {"models": ["a"]},
        {"max_budget": 5},
        {"max_budget": 0},
        {"rpm_limit": 1},
        {"key_alias": "new"},
        {"tags": ["u"]},
        {"blocked": True},
        {"metadata": {"tags": ["u"], "model_rpm_limit": {"a": 1}}},
        {},
    ],
    ids=str,
)
def test_a_key_may_get_less(changes: dict[str, Any]) -> None:
    check_not_wider(KEY, changes)


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_models_of_a_key_only_become_fewer(known: list[str], wanted: list[str]) -> None:
    everything = set("abcd")
    reach = set(known) or everything
    try:
        check_not_wider({"models": known}, {"models": wanted})
    except DetailError:
        assert not (set(wanted) or everything) <= reach or not wanted
    else:
        assert (set(wanted) or everything) <= reach
