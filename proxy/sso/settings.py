"""Where people sign in: the identity provider, as environment variables say (the reference's names, and a few of ours)."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from proxy.config.model import Section
from proxy.errors import GatewayError

Environment: TypeAlias = Mapping[str, str]
Name: TypeAlias = Literal["google", "microsoft", "generic"]

DISCOVERY: Final = "/.well-known/openid-configuration"
GOOGLE: Final = f"https://accounts.google.com{DISCOVERY}"
MICROSOFT: Final = "https://login.microsoftonline.com"
GRAPH: Final = "https://graph.microsoft.com/v1.0"
#: In the order in which the first wins whose client id is set.
CLIENT_IDS: Final[dict[Name, str]] = {
    "google": "GOOGLE_CLIENT_ID",
    "microsoft": "MICROSOFT_CLIENT_ID",
    "generic": "GENERIC_CLIENT_ID",
}
REQUIRED: Final[dict[Name, tuple[str, ...]]] = {
    "google": ("GOOGLE_CLIENT_SECRET",),
    "microsoft": ("MICROSOFT_CLIENT_SECRET", "MICROSOFT_TENANT"),
    "generic": ("GENERIC_CLIENT_SECRET",),
}
#: Needed by a generic provider unless it is asked for them (``GENERIC_DISCOVERY_URL``).
ENDPOINTS: Final = ("GENERIC_AUTHORIZATION_ENDPOINT", "GENERIC_TOKEN_ENDPOINT", "GENERIC_USERINFO_ENDPOINT")


class Attributes(Section, frozen=True, kw_only=True):
    """In which claims a person's data are; paths with dots reach into objects."""

    user_id: str
    email: str
    display_name: str
    first_name: str
    last_name: str
    provider: str | None = None
    role: str | None = None
    extra: tuple[str, ...] = ()


class Provider(Section, frozen=True, kw_only=True):
    """An identity provider, and what the gateway is to it. Its representation shows no secret."""

    name: Name
    client_id: str
    client_secret: str
    scope: str
    attributes: Attributes
    discovery_url: str | None = None
    """Of the document that names endpoints, issuer and keys; without one ID tokens cannot be verified."""
    authorization_endpoint: str | None = None
    """This and the two below win over the document's."""
    token_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    include_client_id: bool = False
    """Whether the client id is in the body of token requests too."""
    headers: dict[str, str] = {}  # noqa: RUF012 - msgspec copies it
    """Of requests for tokens and claims, beside the usual ones."""
    pkce: bool = True
    fixed_state: str | None = None
    """For providers that know one ``state`` alone."""
    allow_unverified_email: bool = False


def configured(environment: Environment) -> Name | None:
    """Which provider is configured."""
    return next((name for name, variable in CLIENT_IDS.items() if environment.get(variable)), None)


def missing(environment: Environment, name: Name) -> list[str]:
    """Variables that this provider needs and that are not set."""
    required = REQUIRED[name]
    if name == "generic" and not environment.get("GENERIC_DISCOVERY_URL"):
        required += ENDPOINTS
    return [variable for variable in required if not environment.get(variable)]


def provider_of(environment: Environment, name: Name) -> Provider:
    """The configured provider.

    Raises:
        GatewayError: 500, a variable that it needs is not set.
    """
    for variable in missing(environment, name):
        raise GatewayError(500, f"{variable} not set. Set it in .env file", type="auth_error", param=variable)
    return {"google": _google, "microsoft": _microsoft, "generic": _generic}[name](environment)


def _google(environment: Environment) -> Provider:
    return Provider(
        name="google",
        client_id=environment["GOOGLE_CLIENT_ID"],
        client_secret=environment["GOOGLE_CLIENT_SECRET"],
        scope="openid email profile",
        discovery_url=environment.get("GOOGLE_DISCOVERY_URL", GOOGLE),
        attributes=Attributes(
            user_id="sub", email="email", display_name="name", first_name="given_name", last_name="family_name"
        ),
    )


def _microsoft(environment: Environment) -> Provider:
    tenant = environment["MICROSOFT_TENANT"]
    own = {
        field: environment.get(f"MICROSOFT_{field.upper()}")
        for field in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint")
    }
    # Endpoints of a national cloud are another issuer's than the document of the public one.
    discovery = None if any(own.values()) else f"{MICROSOFT}/{tenant}/v2.0{DISCOVERY}"
    public = f"{MICROSOFT}/{tenant}/oauth2/v2.0"
    return Provider(
        name="microsoft",
        client_id=environment["MICROSOFT_CLIENT_ID"],
        client_secret=environment["MICROSOFT_CLIENT_SECRET"],
        scope="openid User.Read email",
        discovery_url=environment.get("MICROSOFT_DISCOVERY_URL") or discovery,
        authorization_endpoint=own["authorization_endpoint"] or f"{public}/authorize",
        token_endpoint=own["token_endpoint"] or f"{public}/token",
        userinfo_endpoint=own["userinfo_endpoint"] or f"{GRAPH}/me",
        attributes=Attributes(
            user_id=environment.get("MICROSOFT_USER_ID_ATTRIBUTE", "id"),
            email=environment.get("MICROSOFT_USER_EMAIL_ATTRIBUTE", "userPrincipalName"),
            display_name=environment.get("MICROSOFT_USER_DISPLAY_NAME_ATTRIBUTE", "displayName"),
            first_name=environment.get("MICROSOFT_USER_FIRST_NAME_ATTRIBUTE", "givenName"),
            last_name=environment.get("MICROSOFT_USER_LAST_NAME_ATTRIBUTE", "surname"),
        ),
    )


def _generic(environment: Environment) -> Provider:
    def attribute(name: str, default: str) -> str:
        return environment.get(f"GENERIC_USER_{name}_ATTRIBUTE", default)

    discovery = environment.get("GENERIC_DISCOVERY_URL")
    if discovery and not discovery.endswith(DISCOVERY):
        discovery = discovery.rstrip("/") + DISCOVERY
    return Provider(
        name="generic",
        client_id=environment["GENERIC_CLIENT_ID"],
        client_secret=environment["GENERIC_CLIENT_SECRET"],
        scope=environment.get("GENERIC_SCOPE", "openid email profile"),
        discovery_url=discovery or None,
        authorization_endpoint=environment.get("GENERIC_AUTHORIZATION_ENDPOINT"),
        token_endpoint=environment.get("GENERIC_TOKEN_ENDPOINT"),
        userinfo_endpoint=environment.get("GENERIC_USERINFO_ENDPOINT"),
        include_client_id=is_true(environment.get("GENERIC_INCLUDE_CLIENT_ID")),
        headers=_pairs(environment.get("GENERIC_SSO_HEADERS", "")),
        pkce=environment.get("GENERIC_CLIENT_USE_PKCE", "").lower() != "false",
        fixed_state=environment.get("GENERIC_CLIENT_STATE") or None,
        allow_unverified_email=is_true(environment.get("GENERIC_ALLOW_UNVERIFIED_EMAIL")),
        attributes=Attributes(
            user_id=attribute("ID", "preferred_username"),
            email=attribute("EMAIL", "email"),
            display_name=attribute("DISPLAY_NAME", "sub"),
            first_name=attribute("FIRST_NAME", "first_name"),
            last_name=attribute("LAST_NAME", "last_name"),
            provider=attribute("PROVIDER", "provider"),
            role=attribute("ROLE", "role"),
            extra=tuple(_listed(environment.get("GENERIC_USER_EXTRA_ATTRIBUTES", ""))),
        ),
    )


def is_true(text: str | None) -> bool:
    """Whether a variable says yes."""
    return (text or "").lower() == "true"


def allowed_domains(environment: Environment) -> list[str] | None:
    """``ALLOWED_EMAIL_DOMAINS``, in lower case; ``None``: all."""
    text = environment.get("ALLOWED_EMAIL_DOMAINS")
    return None if text is None else [domain.lower() for domain in _listed(text)]


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _pairs(text: str) -> dict[str, str]:
    """``name=value,name=value``; a value may hold ``=``."""
    parts = (part.partition("=") for part in _listed(text))
    return {name.strip(): value for name, sign, value in parts if sign}
