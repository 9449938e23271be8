"""What only admins of an organization may do, each in its own."""

from typing import Final

from proxy.auth.permissions import Role
from proxy.call import Identity
from proxy.errors import GatewayError

#: Paths for which the request must name an organization that the caller is an admin of.
ONLY_ADMINS: Final = frozenset(
    ("/organization/info", "/organization/delete", "/organization/member_add", "/organization/member_update")
)
NEW_ORGANIZATION: Final = "/organization/new"
NEW_TEAM: Final = "/team/new"
CHECKED: Final = ONLY_ADMINS | {NEW_ORGANIZATION, NEW_TEAM}


def check_organization(caller: Identity, path: str, organization_id: str | None) -> None:
    """Let a caller through who is a user, as far as organizations are concerned.

    Args:
        path: one of ``CHECKED``.
        organization_id: that the request names.

    Raises:
        GatewayError: 401, in the reference's words.
    """
    user = None if caller.access is None else caller.access.user
    if caller.is_admin or user is None:
        return
    if path == NEW_ORGANIZATION:
        raise _refused(f"Only proxy admins can create new organizations. You are {user['user_role']}", "user_role")
    roles = caller.access.roles if caller.access is not None else {}
    if path == NEW_TEAM:
        if roles:
            _check_new_team(roles, organization_id)
    else:
        _check_only_admins(roles, path, organization_id)


def _check_new_team(roles: dict[str, str | None], organization_id: str | None) -> None:
    if organization_id is None:
        raise _refused(
            "Passed organization_id is None, please specify the organization_id in your request. You are part of multiple "
            f"organizations: {list(roles)}",
            "organization_id",
        )
    role = roles.get(organization_id)
    if role != Role.ORG_ADMIN:
        raise _refused(
            f"You do not have the required role to call {NEW_TEAM}. Your role is {role} in Organization {organization_id}",
            "user_role",
        )


def _check_only_admins(roles: dict[str, str | None], path: str, organization_id: str | None) -> None:
    if organization_id is None:
        raise _refused(
            "Passed organization_id is None, please pass an organization_id in your request", "organization_id"
        )
    if organization_id not in roles:
        raise _refused(
            f"You do not have a role within the selected organization. Passed organization_id: {organization_id}. Please "
            "contact the organization admin to request access.",
            "organization_id",
        )
    role = roles[organization_id]
    if role != Role.ORG_ADMIN:
        raise _refused(
            f"You do not have the required role to perform {path} in Organization {organization_id}. Your role is {role} in "
            f"Organization {organization_id}",
            "user_role",
        )


def _refused(why: str, param: str) -> GatewayError:
    return GatewayError(401, why, type="auth_error", param=param)
