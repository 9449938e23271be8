"""A sign-in from its beginning to who it was: what OpenID Connect and the config have to say on the way."""

import asyncio
import secrets
from typing import Any, Final

import msgspec

from proxy.config.model import ProxyConfig
from proxy.errors import DetailError, GatewayError
from proxy.sso import id_token as id_tokens
from proxy.sso import microsoft
from proxy.sso.microsoft import Group
from proxy.sso.pending import SignIn
from proxy.sso.person import Person, person_of, role_named, teams_of, value_at
from proxy.sso.provider import (
    Claims,
    Documents,
    Grant,
    Secrets,
    authorization_url,
    endpoints_of,
    exchange,
    new_client,
    userinfo,
)
from proxy.sso.settings import Provider
from proxy.sso.stored import Known

DOCUMENTS: Final = Documents()
RESTRICTED: Final = "restricted_sso_group"
ADMIN_ONLY: Final = "admin_only"
ADMINS: Final = ("proxy_admin", "proxy_admin_viewer")
#: Claims of a token about itself.
OF_THE_TOKEN: Final = frozenset({"iss", "aud", "exp", "iat", "nbf", "nonce", "azp", "at_hash", "c_hash", "jti"})


class Begun(msgspec.Struct, frozen=True):
    """A sign-in that is to be remembered."""

    location: str
    """Where the browser is sent."""
    ticket: str
    """What the browser alone is given to show when it comes back."""
    sign_in: SignIn


class Identified(msgspec.Struct, frozen=True):
    """Who signed in."""

    person: Person
    claims: Claims
    """What the provider said."""
    groups: list[Group] = []
    """That are to be teams."""


async def begin(
    provider: Provider, *, redirect_uri: str, return_to: str | None = None, program: str | None = None
) -> Begun:
    """Begin a sign-in.

    Raises:
        DetailError: 400, ``return_to`` leads elsewhere; 502, the provider's endpoints cannot be had.
    """
    if return_to is not None and not is_own_path(return_to):
        raise DetailError(400, "return_to must be a path on this gateway, such as /ui/")
    async with await asyncio.to_thread(new_client) as client:
        endpoints = await endpoints_of(client, provider, DOCUMENTS)
    own = Secrets.new(provider.fixed_state)
    sign_in = SignIn(own=own, redirect_uri=redirect_uri, return_to=return_to, program=program)
    location = authorization_url(provider, endpoints, redirect_uri=redirect_uri, own=own)
    return Begun(location, secrets.token_urlsafe(32), sign_in)


def is_own_path(path: str) -> bool:
    """Whether a browser that follows it stays here: no other host, no line breaks."""
    return path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable() and "\\" not in path


async def identify(known: Known, provider: Provider, sign_in: SignIn, code: str) -> Identified:
    """Who came back with a code.

    Raises:
        DetailError: 401, the provider says nobody, or somebody else than this sign-in may bring; 502, it does not answer.
        GatewayError: 500, the extra ``oidc`` is not installed.
    """
    async with await asyncio.to_thread(new_client) as client:
        endpoints = await endpoints_of(client, provider, DOCUMENTS)
        grant = await exchange(
            client, provider, endpoints, code=code, redirect_uri=sign_in.redirect_uri, own=sign_in.own
        )
        proven: Claims = {}
        if endpoints.keys is not None and "openid" in provider.scope.split():
            if grant.id_token is None:
                raise DetailError(401, "The identity provider gave no ID token; does the client's scope have openid?")
            proven = await id_tokens.verified(
                client, provider, endpoints, DOCUMENTS, token=grant.id_token, nonce=sign_in.own.nonce
            )
        said = await userinfo(client, provider, endpoints, grant.access_token)
        if proven and said.get("sub", proven["sub"]) != proven["sub"]:
            raise DetailError(401, "The identity provider speaks of two people in one sign-in; sign in again")
        if provider.name == "microsoft":
            person = person_of(provider, said, known.mappings)
            person.team_ids, groups = await microsoft.groups_of(client, known.environment, grant.access_token)
            person.user_role = microsoft.role_of(proven or id_tokens.unverified(grant.id_token))
            return Identified(person, said, groups)
    claims = {name: value for name, value in proven.items() if name not in OF_THE_TOKEN} | said
    person = person_of(provider, claims, known.mappings)
    _look_into_access_token(known, provider, person, grant)
    return Identified(person, claims)


def check_access(known: Known, found: Identified) -> None:
    """Refuse who is not of the group that ``ui_access_mode`` restricts sign-ins to.

    Raises:
        GatewayError: 403.
    """
    mode = known.access_mode
    if not isinstance(mode, dict) or mode.get("type") != RESTRICTED:
        return
    group = mode.get(RESTRICTED)
    if group not in found.person.team_ids:
        raise GatewayError(
            403,
            f"User is not in the restricted SSO group: {group}. User groups: {found.person.team_ids}. "
            f"Received SSO response: {found.claims}",
            type="auth_error",
            param=RESTRICTED,
        )


def check_role(known: Known, role: str | None) -> None:
    """Refuse who is no admin where ``ui_access_mode`` is ``admin_only``.

    Raises:
        DetailError: 401.
    """
    if known.access_mode == ADMIN_ONLY and role not in ADMINS:
        raise DetailError(
            401, {"error": f"User not allowed to access proxy. User role={role}, proxy mode={known.access_mode}"}
        )


def master_key_of(config: ProxyConfig) -> str:
    """What sessions are signed by.

    Raises:
        GatewayError: 500, there is none.
    """
    key = config.general_settings.master_key
    if key is None:
        raise GatewayError(
            500,
            "Master Key not set for Proxy. Please set Master Key to use Admin UI. Set `LITELLM_MASTER_KEY` in .env or set "
            "general_settings:master_key in config.yaml.  https://docs.litellm.ai/docs/proxy/virtual_keys. If set, use "
            "`--detailed_debug` to debug issue.",
            type="auth_error",
            param="master_key",
        )
    return key


def _look_into_access_token(known: Known, provider: Provider, person: Person, grant: Grant) -> None:
    """Some providers say roles and groups in their access token alone."""
    said: dict[str, Any] = {}
    if person.user_role is None or not person.team_ids:
        said = id_tokens.unverified(grant.access_token)
    if person.user_role is None and said:
        roles, attribute = known.mappings.roles, provider.attributes.role
        mapped = roles.role_of(said) if roles is not None else None
        person.user_role = mapped or (role_named(value_at(said, attribute)) if attribute is not None else None)
    person.team_ids = person.team_ids or teams_of(said, known.mappings)
