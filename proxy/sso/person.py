"""Who signed in: claims of an identity provider as a user of the gateway, with a role and teams."""

import ast
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from proxy.auth.permissions import Role
from proxy.errors import DetailError, GatewayError
from proxy.sso.provider import Claims
from proxy.sso.settings import Environment, Provider, allowed_domains

#: From the highest down: a person in groups of several has the first.
RANKED: Final = (Role.ADMIN, Role.ADMIN_VIEWER, Role.INTERNAL_USER, Role.INTERNAL_USER_VIEWER)
ROLES: Final = frozenset(role.value for role in Role)
_DOT: Final = re.compile(r"(?<!\\)\.")


class Person(msgspec.Struct, kw_only=True):
    """What the provider says of somebody. The fields are those of the reference's ``OpenID``, which users' functions read."""

    id: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    display_name: str | None = None
    picture: str | None = None
    provider: str | None = None
    team_ids: list[str] = []
    user_role: str | None = None
    extra_fields: dict[str, Any] | None = None

    @property
    def user_id(self) -> str | None:
        """The id; without one the names, without those the address."""
        return self.id or f"{self.first_name or ''}{self.last_name or ''}" or self.email


class RoleMapping(msgspec.Struct, frozen=True, kw_only=True):
    """Which groups have which role (``role_mappings`` of the SSO settings)."""

    group_claim: str
    roles: dict[str, list[str]] = {}
    default_role: str | None = None
    provider: str = "generic"

    def role_of(self, claims: Claims) -> str | None:
        """The highest role of somebody's groups, else the default one."""
        groups = set(texts_at(claims, self.group_claim))
        ranked = (role.value for role in RANKED if groups.intersection(self.roles.get(role, ())))
        return next(ranked, self.default_role)


class Mappings(msgspec.Struct, frozen=True, kw_only=True):
    """What claims mean here, beside the attributes."""

    roles: RoleMapping | None = None
    team_fields: tuple[str, ...] = ()
    """Claims that hold ids of teams."""


def role_mapping(environment: Environment, stored: Any) -> RoleMapping | None:
    """The mapping of the environment, else the stored one.

    Raises:
        GatewayError: 500, the environment's is not written as it must be.
    """
    text = environment.get("GENERIC_ROLE_MAPPINGS_ROLES")
    if text is None:
        mapping = msgspec.convert(stored, RoleMapping) if stored else None
        return mapping if mapping is not None and mapping.provider.lower() in ("generic", "okta") else None
    try:
        return msgspec.convert(
            {
                "roles": ast.literal_eval(text),
                "group_claim": environment.get("GENERIC_ROLE_MAPPINGS_GROUP_CLAIM"),
                "default_role": environment.get("GENERIC_ROLE_MAPPINGS_DEFAULT_ROLE"),
            },
            RoleMapping,
        )
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise GatewayError(
            500,
            "GENERIC_ROLE_MAPPINGS_ROLES must be an object of lists, such as {'proxy_admin': ['admins']}, and "
            "GENERIC_ROLE_MAPPINGS_GROUP_CLAIM the name of a claim",
            type="auth_error",
            param="GENERIC_ROLE_MAPPINGS_ROLES",
        ) from None


def person_of(provider: Provider, claims: Claims, mappings: Mappings) -> Person:
    """The person that claims describe.

    Raises:
        DetailError: 401, the address is not verified.
    """
    names = provider.attributes
    email = text_at(claims, names.email) or (text_at(claims, "mail") if provider.name == "microsoft" else None)
    if email is not None and not _is_verified(provider, claims):
        raise DetailError(401, _unverified(provider, email))
    role = mappings.roles.role_of(claims) if mappings.roles is not None else None
    return Person(
        id=text_at(claims, names.user_id),
        email=email and email.lower(),
        first_name=text_at(claims, names.first_name),
        last_name=text_at(claims, names.last_name),
        display_name=text_at(claims, names.display_name),
        picture=text_at(claims, "picture"),
        provider=provider.name if names.provider is None else text_at(claims, names.provider),
        team_ids=teams_of(claims, mappings),
        user_role=role or (role_named(value_at(claims, names.role)) if names.role is not None else None),
        extra_fields={name: value_at(claims, name) for name in names.extra} or None,
    )


def teams_of(claims: Claims, mappings: Mappings) -> list[str]:
    """Ids of teams, each once, in the order of the claims."""
    return list(dict.fromkeys(team for field in mappings.team_fields for team in texts_at(claims, field)))


def role_named(value: Any) -> str | None:
    """A role, however it is capitalised; of a list the first; ``None`` when it is none."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value.lower() if isinstance(value, str) and value.lower() in ROLES else None


def check_domain(person: Person, environment: Environment) -> None:
    """Refuse who has no address of ``ALLOWED_EMAIL_DOMAINS``, if that is set.

    Raises:
        DetailError: 401.
    """
    allowed = allowed_domains(environment)
    if allowed is None:
        return
    domain = person.email.rpartition("@")[2] if person.email and "@" in person.email else None
    if domain not in allowed:
        raise DetailError(
            401,
            {
                "message": f"The email domain={domain}, is not an allowed email domain={allowed}. "
                "Contact your admin to change this."
            },
        )


def value_at(claims: Claims, path: str) -> Any:
    r"""The claim of that name, else what the path leads to: dots go into objects, ``\.`` is a dot of a name."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in _DOT.split(path):
        name = part.replace("\\.", ".")
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value


def text_at(claims: Claims, path: str) -> str | None:
    """A text; numbers, which some providers have for ids, are written out."""
    value = value_at(claims, path)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.replace("\x00", "") or None if isinstance(value, str) else None


def texts_at(claims: Claims, path: str) -> Iterable[str]:
    """Texts: a list of them, or one text with commas."""
    value = value_at(claims, path)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list):
        return [str(item) for item in value if isinstance(item, str | int)]
    return [] if value is None else [str(value)]


def _is_verified(provider: Provider, claims: Claims) -> bool:
    verified = claims.get("email_verified")
    if provider.name == "google":
        return verified is True or verified == "true"
    return provider.allow_unverified_email or verified not in (False, "false")


def _unverified(provider: Provider, email: str) -> str:
    if provider.name == "google":
        return f"User {email} is not verified with Google"
    return (
        f"The identity provider has not verified the address {email}. Verify it there, or set "
        "GENERIC_ALLOW_UNVERIFIED_EMAIL=true if the provider vouches for addresses in another way"
    )
