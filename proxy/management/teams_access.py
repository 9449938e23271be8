"""Who may do what to which team.

Admins, and who acts for them, may do everything, admins of an organization what concerns its teams, admins of a team what
concerns its members and models. The team of sessions is the admins' alone: to see its keys is to see everybody's.
"""

from collections.abc import Mapping
from typing import Any

from proxy.auth.permissions import UI_TEAM
from proxy.call import Identity
from proxy.config.model import ProxyConfig
from proxy.errors import DetailError
from proxy.management.keys_access import ADMIN_VIEWER, administers_team, membership

MEMBERS_REFUSED = "Call not allowed. User not proxy admin OR team admin. route={route}, team_id={team_id}"


def may_manage(caller: Identity, team: Mapping[str, Any]) -> bool:
    """Whether the caller may change everything of a team."""
    return caller.acts_for_admin or (team["team_id"] != UI_TEAM and team["organization_id"] in caller.administers)


def check_manager(caller: Identity, team: Mapping[str, Any]) -> None:
    """As :func:`may_manage`, for admins of the team itself too.

    Raises:
        DetailError: 403.
    """
    if not (may_manage(caller, team) or administers_team(caller, team)):
        raise DetailError(403, {"error": f"User={caller.user_id} not authorized to manage this team={team['team_id']}"})


def check_members(caller: Identity, team: Mapping[str, Any], route: str) -> None:
    """Whether the caller may change the members of a team.

    Args:
        route: that the refusal names.

    Raises:
        DetailError: 403.
    """
    if not (may_manage(caller, team) or administers_team(caller, team)):
        raise DetailError(403, {"error": MEMBERS_REFUSED.format(route=route, team_id=team["team_id"])})


def check_models(caller: Identity, team: Mapping[str, Any]) -> None:
    """Whether the caller may change the models of a team. Raises DetailError, 403."""
    if not (may_manage(caller, team) or administers_team(caller, team)):
        raise DetailError(403, {"error": "Only proxy admin or team admin can modify team models"})


def check_seen(caller: Identity, team: Mapping[str, Any]) -> None:
    """Whether the caller may look at a team: one of its members, and who may manage it.

    Raises:
        DetailError: 403.
    """
    team_id = team["team_id"]
    if caller.role == ADMIN_VIEWER or may_manage(caller, team) or caller.team_id == team_id != UI_TEAM:
        return
    if membership(caller, team) is not None:
        return
    if caller.user_id is not None:
        why = f"User={caller.user_id} not authorized to access this team={team_id}"
    elif caller.team_id is not None:
        why = f"Team key for team={caller.team_id} not authorized to access this team={team_id}"
    else:
        why = f"API key not authorized to access this team={team_id}. No user_id or team_id associated with this key."
    raise DetailError(403, {"error": why})


def available_teams(config: ProxyConfig) -> list[str] | None:
    """Teams that every user may join: ``available_teams`` of ``default_internal_user_params``."""
    defaults = config.settings.other.get("default_internal_user_params")
    listed = defaults.get("available_teams") if isinstance(defaults, Mapping) else None
    return [str(team_id) for team_id in listed] if isinstance(listed, list | tuple) else None
