"""``general_settings.litellm_jwtauth``: what the claims of a token mean."""

from typing import Any

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.model import GeneralSettings

KEY = "general_settings.litellm_jwtauth"


class RoleMapping(msgspec.Struct, frozen=True):
    """A role of the identity provider, and what it is here."""

    role: str
    internal_role: str


class RoleMap(msgspec.Struct, frozen=True):
    """A pattern of roles of the identity provider, and the role that their users have here."""

    jwt_role: str
    litellm_role: str


class ScopeMapping(msgspec.Struct, frozen=True):
    """What a scope allows."""

    scope: str
    models: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()


class JwtSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of claims may be paths, ``resource.roles``."""

    admin_jwt_scope: str = "litellm_proxy_admin"
    admin_allowed_routes: tuple[str, ...] = (
        "management_routes",
        "spend_tracking_routes",
        "global_spend_tracking_routes",
        "info_routes",
    )
    team_id_jwt_field: str | None = None
    team_id_upsert: bool = False
    team_ids_jwt_field: str | None = None
    team_alias_jwt_field: str | None = None
    team_allowed_routes: tuple[str, ...] | None = None
    """Paths or names of groups of routes, for tokens of a team; ``None``: what the role may call."""
    team_id_default: str | None = None
    org_id_jwt_field: str | None = None
    org_alias_jwt_field: str | None = None
    user_id_jwt_field: str | None = None
    user_email_jwt_field: str | None = None
    user_allowed_email_domain: str | None = None
    user_roles_jwt_field: str | None = None
    user_allowed_roles: tuple[str, ...] | None = None
    user_id_upsert: bool = False
    end_user_id_jwt_field: str | None = None
    public_key_ttl: float = 600.0
    """Seconds."""
    enforce_rbac: bool = False
    roles_jwt_field: str | None = None
    role_mappings: tuple[RoleMapping, ...] = ()
    object_id_jwt_field: str | None = None
    scope_mappings: tuple[ScopeMapping, ...] = ()
    enforce_scope_based_access: bool = False
    enforce_team_based_model_access: bool = False
    jwt_litellm_role_map: tuple[RoleMap, ...] = ()
    sync_user_role_and_teams: bool = False


def jwt_settings(settings: GeneralSettings) -> JwtSettings | None:
    """What ``enable_jwt_auth`` asks for; ``None``: nothing.

    Raises:
        ConfigError: a setting is unknown, or of another type.
    """
    if settings.other.get("enable_jwt_auth") is not True:
        return None
    given: Any = settings.other.get("litellm_jwtauth") or {}
    try:
        found = msgspec.convert(given, JwtSettings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"cannot be used: {error}", key=KEY) from None
    if (found.user_roles_jwt_field is None) != (found.user_allowed_roles is None):
        raise ConfigError("user_roles_jwt_field and user_allowed_roles go together: set both, or none", key=KEY)
    if found.object_id_jwt_field is not None and not found.role_mappings:
        raise ConfigError("object_id_jwt_field needs role_mappings, which tell users from teams", key=KEY)
    return found
