"""What stands before authentication: ``allowed_ips``, ``allowed_routes`` and ``public_routes`` of ``general_settings``."""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import ip_address, ip_network

from proxy.auth.authenticator import Authenticator, Caller
from proxy.auth.permissions import Role, matches
from proxy.call import Identity
from proxy.config.model import GeneralSettings
from proxy.errors import GatewayError

FORWARDED_FOR = b"x-forwarded-for"


class Guarded:
    """Looks at where a request comes from and goes to; then the other authenticator has its turn."""

    def __init__(self, settings: GeneralSettings, then: Authenticator) -> None:
        other = settings.other
        ips = other.get("allowed_ips")
        self._ips = None if ips is None else frozenset(map(str, ips))
        self._settings = settings
        self._routes = settings.allowed_routes
        self._public = _names(other.get("public_routes"))
        self._then = then

    async def authenticate(self, caller: Caller) -> Identity:
        """See :class:`proxy.auth.authenticator.Authenticator`. Raises GatewayError, 403, besides."""
        path: str = caller.scope["path"]
        if self._ips is not None:
            address = address_of(self._settings, caller.headers, caller.scope["client"])
            if not covers(self._ips, address):
                raise _forbidden(f"Access forbidden: IP address {address} not allowed.")
        if self._routes is not None and path not in self._routes:
            raise _forbidden(f"Access forbidden: Route {path} not allowed")
        if any(matches(entry, path) for entry in self._public):
            return Identity(role=Role.INTERNAL_USER_VIEWER, allowed_routes=(path,))
        return await self._then.authenticate(caller)


def address_of(settings: GeneralSettings, headers: Mapping[bytes, bytes], client: tuple[str, int] | None) -> str:
    """Where a request comes from: the peer, or what ``x-forwarded-for`` says where that is believed."""
    forwarded = headers.get(FORWARDED_FOR) if settings.other.get("use_x_forwarded_for") is True else None
    if forwarded is not None:
        return forwarded.decode("latin-1")
    return client[0] if client else ""


def covers(allowed: Collection[str], address: str) -> bool:
    """Whether an address is listed, or is in a network that is."""
    if address in allowed:
        return True
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any("/" in entry and found in ip_network(entry, strict=False) for entry in allowed if _is_network(entry))


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry, strict=False)
    except ValueError:
        return False
    return True


def is_needed(settings: GeneralSettings) -> bool:
    """Whether any of the settings is there."""
    other = settings.other
    return settings.allowed_routes is not None or any(other.get(name) for name in ("allowed_ips", "public_routes"))


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, Iterable) and not isinstance(value, str) else []


def _forbidden(why: str) -> GatewayError:
    return GatewayError(403, why, type="auth_error")
