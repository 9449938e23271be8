"""Who may do what to which team."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from proxy.auth.authenticator import ADMIN
from proxy.call import Identity
from proxy.config.model import ProxyConfig, Settings
from proxy.errors import DetailError
from proxy.management.teams_access import (
    available_teams,
    check_manager,
    check_members,
    check_models,
    check_seen,
)

TEAM: dict[str, Any] = {
    "team_id": "team",
    "organization_id": "org",
    "members_with_roles": [
        {"user_id": "head", "user_email": None, "role": "admin"},
        {"user_id": "member", "user_email": None, "role": "user"},
        {"user_id": None, "user_email": "only@an.address", "role": "admin"},
    ],
}
CALLERS = {
    "admin": ADMIN,
    "head": Identity(user_id="head", role="internal_user"),
    "member": Identity(user_id="member", role="internal_user"),
    "stranger": Identity(user_id="stranger", role="internal_user", administers=frozenset({"other"})),
    "org-admin": Identity(user_id="org-admin", role="internal_user", administers=frozenset({"org"})),
    "viewer": Identity(user_id="viewer", role="proxy_admin_viewer"),
    "key-of-team": Identity(team_id="team"),
    "key-of-other-team": Identity(team_id="other"),
    "key-of-nobody": Identity(),
    "delegate": Identity(is_delegate=True),
    "key-of-nobody-for-a-beginning": Identity(allowed_routes=("/team/*", "llm_api_routes")),
    "key-of-nobody-for-groups": Identity(allowed_routes=("management_routes", "self_managed_routes")),
    "key-of-nobody-that-reads": Identity(allowed_routes=("info_routes",)),
    "key-of-nobody-for-both": Identity(allowed_routes=("/team/new", "info_routes")),
    "delegate-of-a-user": Identity(user_id="stranger", allowed_routes=("management_routes",)),
}
MANAGERS = {"admin", "head", "org-admin", "delegate"}
CHECKS: dict[str, tuple[Callable[[Identity, Mapping[str, Any]], None], set[str]]] = {
    "manager": (check_manager, MANAGERS),
    "members": (lambda caller, team: check_members(caller, team, "/team/member_add"), MANAGERS),
    "models": (check_models, MANAGERS),
    "seen": (check_seen, MANAGERS | {"member", "viewer", "key-of-team"}),
}


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("check", CHECKS)
def test_the_table_of_rights(check: str, name: str) -> None:
    function, allowed = CHECKS[check]
    if name in allowed:
        function(CALLERS[name], TEAM)
    else:
        with pytest.raises(DetailError) as refusal:
            function(CALLERS[name], TEAM)
        assert refusal.value.status == 403


def test_nobody_is_the_member_without_an_id() -> None:
    with pytest.raises(DetailError):
        check_members(Identity(user_id=None, role="internal_user"), TEAM, "/team/member_add")


@pytest.mark.parametrize("given", [None, [], {"available_teams": None}, {"available_teams": "open"}, "open"])
def test_no_team_is_open_by_mistake(given: Any) -> None:
    settings = Settings(other={"default_internal_user_params": given})
    assert available_teams(ProxyConfig(folder=Path(), settings=settings)) is None


def test_a_team_without_an_organization_has_no_organization_admin() -> None:
    team = {**TEAM, "organization_id": None}
    with pytest.raises(DetailError):
        check_manager(CALLERS["org-admin"], team)


def test_the_team_of_sessions_is_the_admins() -> None:
    sessions = {**TEAM, "team_id": "litellm-dashboard"}
    allowed = {"admin", "delegate", "viewer"}
    for name, caller in {**CALLERS, "session": Identity(user_id="head", team_id="litellm-dashboard")}.items():
        if name in allowed:
            check_seen(caller, sessions)
            continue
        for check, _ in CHECKS.values():
            with pytest.raises(DetailError):
                check(caller, sessions)
