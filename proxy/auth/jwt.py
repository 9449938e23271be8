"""``general_settings.enable_jwt_auth``: tokens of an identity provider in place of keys, their claims as users and teams."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from proxy.auth.authenticator import Authenticator, Caller
from proxy.auth.directory import Directory, name_of
from proxy.auth.jwks import Claims, SignedTokens, is_jwt
from proxy.auth.jwt_settings import JwtSettings
from proxy.auth.keys import own_header, presented_key
from proxy.auth.permissions import UI_TEAM, Role
from proxy.auth.rows import Person
from proxy.auth.virtual_keys import refused
from proxy.call import Identity
from proxy.config.model import GeneralSettings
from proxy.errors import GatewayError

TEAM_HEADER = b"x-litellm-team-id"
_NO_ROUTES = ("none",)
"""Matches no path: an empty list would allow all."""


class JwtAuthenticator:
    """Takes what looks like a JWT for one; everything else is the other authenticator's."""

    def __init__(
        self, settings: GeneralSettings, claims: JwtSettings, directory: Directory, then: Authenticator
    ) -> None:
        self._own = own_header(settings)
        self._settings = claims
        self._directory = directory
        self._then = then
        self._tokens = SignedTokens(claims.public_key_ttl)
        permissions = settings.other.get("role_permissions")
        self._permissions = permissions if isinstance(permissions, list) else []

    async def authenticate(self, caller: Caller) -> Identity:
        """See :class:`proxy.auth.authenticator.Authenticator`. Raises GatewayError, 403, besides."""
        token = presented_key(caller.headers, self._own)
        if not is_jwt(token):
            return await self._then.authenticate(caller)
        claims = await self._tokens.claims(token)
        role = self._role(claims)
        if self._settings.enforce_rbac and role is None:
            raise _forbidden(
                "Unmatched token passed in. enforce_rbac is set to True. Token must belong to a proxy admin, team, or user."
            )
        if role == Role.ADMIN and self._is_admin(claims):
            return self._admin(claims)
        found = self._narrowed(await self._identity(claims, caller, role), claims, role)
        routes = self._settings.team_allowed_routes
        if routes is None or found.team_id is None or found.allowed_routes:
            return found
        return msgspec.structs.replace(found, allowed_routes=routes or _NO_ROUTES)

    def _is_admin(self, claims: Claims) -> bool:
        return self._settings.admin_jwt_scope in _scopes(claims)

    def _admin(self, claims: Claims) -> Identity:
        settings = self._settings
        return Identity(
            user_id=_text(claims, settings.user_id_jwt_field),
            organization_id=_text(claims, settings.org_id_jwt_field),
            is_admin=True,
            role=Role.ADMIN,
            allowed_routes=settings.admin_allowed_routes,
        )

    async def _identity(self, claims: Claims, caller: Caller, role: str | None) -> Identity:
        settings = self._settings
        email = _text(claims, settings.user_email_jwt_field)
        self._check_domain(email)
        user_id = _text(claims, settings.user_id_jwt_field) or email
        object_id = _text(claims, settings.object_id_jwt_field)
        if role == Role.INTERNAL_USER and object_id:
            user_id = object_id
        team_id = object_id if role == Role.TEAM and object_id else await self._team(claims, caller)
        organization_id = _text(claims, settings.org_id_jwt_field)
        alias = _text(claims, settings.org_alias_jwt_field)
        if organization_id is None and alias is not None:
            organization_id = await self._directory.organization_of_alias(alias)
        person = Person(user_id, team_id, organization_id)
        found = await self._known(person)
        if user_id is not None:
            found = await self._synced(found, person, email, claims)
        customer = _text(claims, settings.end_user_id_jwt_field)
        return msgspec.structs.replace(found, customer=customer) if customer else found

    async def _known(self, person: Person) -> Identity:
        is_known = person.team_id != UI_TEAM  # which opens what sessions may see, and has no members
        found = await self._directory.people.get(name_of(person)) if is_known else None
        if found is None and is_known and person.team_id is not None and self._settings.team_id_upsert:
            await self._directory.add_team(person.team_id)
            found = await self._directory.people.get(name_of(person))
        if found is None:
            raise GatewayError(
                404,
                f"Team doesn't exist in db. Team={person.team_id}. Create team via `/team/new` call.",
                type="auth_error",
            )
        return found

    async def _synced(self, found: Identity, person: Person, email: str | None, claims: Claims) -> Identity:
        """With the user that a token is about, added or given the role it says, where that is wanted."""
        settings, user_id = self._settings, person.user_id
        user = found.access.user if found.access is not None else None
        role = self._mapped_role(claims)
        assert user_id is not None
        if user is None:
            if not settings.user_id_upsert:
                return found
            await self._directory.add_user(user_id, email, role or Role.INTERNAL_USER)
        elif settings.sync_user_role_and_teams and role is not None and user["user_role"] != role:
            await self._directory.change_role(user_id, role)
        else:
            return found
        return await self._known(person)

    async def _team(self, claims: Claims, caller: Caller) -> str | None:
        """The team that the client names of its own, the one that the token names, else the first that may do this."""
        settings = self._settings
        several = _texts(claims, settings.team_ids_jwt_field)
        one = _text(claims, settings.team_id_jwt_field) or settings.team_id_default
        named = caller.headers.get(TEAM_HEADER, b"").decode("latin-1")
        if named:
            allowed = [*several, *([one] if one else [])]
            if named not in allowed:
                raise _forbidden(
                    f"Team '{named}' from x-litellm-team-id header is not in your JWT's allowed teams. Allowed teams: "
                    f"{allowed}"
                )
            return named
        alias = _text(claims, settings.team_alias_jwt_field)
        if one is None and alias is not None:
            one = await self._directory.team_of_alias(alias)
        if one is not None:
            return one
        if settings.team_id_jwt_field is not None or settings.team_alias_jwt_field is not None:
            raise refused(
                f"No team found in token. Checked team_id field '{settings.team_id_jwt_field}' and team_alias field "
                f"'{settings.team_alias_jwt_field}'"
            )
        return await self._first_team(several, caller)

    async def _first_team(self, teams: Sequence[str], caller: Caller) -> str | None:
        if not teams:
            if self._settings.enforce_team_based_model_access:
                raise _forbidden(
                    "No teams found in token. `enforce_team_based_model_access` is set to True. Token must belong to a team."
                )
            return None
        model = _model(await caller.body())
        for team_id in teams:
            found = await self._directory.people.get(name_of(Person(None, team_id, None)))
            if found is not None and (model is None or self._team_has(found, model)):
                return team_id
        if model is None:
            return None
        raise _forbidden(
            f"No team has access to the requested model: {model}. Checked teams={list(teams)}. Check `/models` to see all "
            "available models."
        )

    def _team_has(self, found: Identity, model: str) -> bool:
        team = found.access.team if found.access is not None else None
        models = [] if team is None else team["models"]
        return not models or (self._directory.models is not None and self._directory.models.covers(models, model))

    def _check_domain(self, email: str | None) -> None:
        domain = self._settings.user_allowed_email_domain
        if domain is not None and (email is None or email.rpartition("@")[2] != domain):
            raise GatewayError(
                403,
                f"Email domain not allowed. User email: {email}. Allowed domain: {domain}",
                type="auth_error",
                param="user_email",
            )

    def _role(self, claims: Claims) -> str | None:
        """Whose token it is: an admin's, a team's or a user's."""
        settings = self._settings
        if self._is_admin(claims):
            return Role.ADMIN
        if _text(claims, settings.team_id_jwt_field) or settings.team_id_default:
            return Role.TEAM
        if _text(claims, settings.user_id_jwt_field):
            return Role.INTERNAL_USER
        if set(_texts(claims, settings.user_roles_jwt_field)) & set(settings.user_allowed_roles or ()):
            return Role.INTERNAL_USER
        roles = _texts(claims, settings.roles_jwt_field)
        return next((mapping.internal_role for mapping in settings.role_mappings if mapping.role in roles), None)

    def _mapped_role(self, claims: Claims) -> str | None:
        roles = _texts(claims, self._settings.roles_jwt_field)
        maps = self._settings.jwt_litellm_role_map
        return next((it.litellm_role for it in maps for role in roles if fnmatchcase(role, it.jwt_role)), None)

    def _narrowed(self, identity: Identity, claims: Claims, role: str | None) -> Identity:
        """Limited to what ``role_permissions`` and ``scope_mappings`` allow."""
        models, routes = list[str](), list[str]()
        if self._settings.enforce_rbac:
            for entry in self._permissions:
                if isinstance(entry, dict) and entry.get("role") == role:
                    models += map(str, entry.get("models") or ())
                    routes += map(str, entry.get("routes") or ())
        if self._settings.enforce_scope_based_access:
            granted = [it for it in self._settings.scope_mappings if it.scope in _scopes(claims)]
            models += [model for it in granted for model in it.models]
            routes += [route for it in granted for route in it.routes]
            if not granted:
                raise _forbidden("None of the token's scopes is in litellm_jwtauth.scope_mappings")
        if not (models or routes) or identity.access is None:
            return identity
        access = msgspec.structs.replace(identity.access, key={**identity.access.key, "models": tuple(models)})
        return msgspec.structs.replace(identity, access=access, models=tuple(models), allowed_routes=tuple(routes))


def _claim(claims: Claims, path: str | None) -> Any:
    """The value of a claim, or of a member of one (``resource.roles``)."""
    value: Any = claims
    for name in (path or "").split(".") if path else ():
        value = value.get(name) if isinstance(value, dict) else None
    return value if path else None


def _text(claims: Claims, path: str | None) -> str | None:
    value = _claim(claims, path)
    return str(value) if isinstance(value, str | int) and value != "" else None


def _texts(claims: Claims, path: str | None) -> list[str]:
    value = _claim(claims, path)
    return [str(item) for item in value] if isinstance(value, list) else [value] if isinstance(value, str) else []


def _scopes(claims: Claims) -> list[str]:
    scope = claims.get("scope")
    return scope.split() if isinstance(scope, str) else _texts(claims, "scope")


def _model(body: bytes) -> str | None:
    try:
        return msgspec.json.decode(body, type=_Named).model
    except (msgspec.DecodeError, RecursionError):
        return None


class _Named(msgspec.Struct):
    model: str | None = None


def _forbidden(why: str) -> GatewayError:
    return GatewayError(403, why, type="auth_error")
