"""What a pass-through call is asked, and where it goes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from proxy.deployment import Deployment
from proxy.errors import GatewayError
from proxy.passthrough.members import GATEWAYS
from proxy.routing.router import Router
from proxy.upstream.client import UpstreamClient

METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "PATCH"))
NONE: frozenset[str] = frozenset()


class Asked(msgspec.Struct):
    """A client's call."""

    method: str
    rest: str
    """Its path below the route's, percent-encoded as it came, without a slash at the beginning."""
    query: str
    """As it came."""
    headers: Mapping[bytes, bytes]
    """By lower-case name."""
    private: frozenset[bytes]
    """Names of the headers that hold the gateway's key."""
    read: Callable[[], Awaitable[bytes]]
    """The whole body, for routes that must look into it."""
    router: Router
    client: UpstreamClient

    def text(self, name: bytes) -> str | None:
        """A header."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class Target(msgspec.Struct, kw_only=True):
    """Where it goes, and what goes along."""

    url: str
    shown: str
    """The address without its query, for the client."""
    headers: Mapping[str, str]
    """Credentials and configured headers; the client's of the same names count nothing."""
    forwarded: frozenset[str] | None = NONE
    """Further headers of the client; ``None``: all."""
    stripped: frozenset[str] = GATEWAYS
    """Members of a JSON body that are the gateway's."""
    body: bytes | None = None
    """In place of the client's, which else goes along as it comes."""
    vendor: str = ""
    """Whose prices count; empty: tokens are not counted."""
    model: str = ""
    """As far as the request says."""
    deployment: Deployment | None = None
    """Of the config, that the call was sent to."""
    cost: float | None = None
    """US dollars a call; ``None``: what its tokens cost."""
    bare: bool = False
    """The answer carries the vendor's headers alone."""
    detailed: bool = False
    """Errors of the vendor are told as ``{"detail": {"error": ...}}``."""


class Route(Protocol):
    """Some paths, and where they lead."""

    path: str
    """What they begin with; without a slash at the end."""
    name: str
    """How metrics call it."""
    methods: frozenset[str]

    def serves(self, rest: str) -> bool:
        """Whether a path below ``path``, or ``path`` itself (empty), is served."""

    def is_public(self, rest: str) -> bool:
        """Whether it needs no key."""

    def presented(self, headers: Mapping[bytes, bytes], query: str) -> Mapping[bytes, bytes]:
        """The headers in which the caller's key is looked for."""

    async def target(self, asked: Asked) -> Target:
        """Where a call goes.

        Raises:
            GatewayError: nowhere; the message says what is wrong with the request, or which setting is missing.
        """


class VendorRoute:
    """What the vendors' own routes have in common."""

    methods = METHODS

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = f"{path}/{{path}}"

    def serves(self, rest: str) -> bool:
        """Only paths below it."""
        return bool(rest)

    def is_public(self, rest: str) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def presented(self, headers: Mapping[bytes, bytes], query: str) -> Mapping[bytes, bytes]:  # noqa: ARG002
        """Where every other route looks too."""
        return headers


def unset(what: str) -> GatewayError:
    """The gateway lacks a setting that the call needs. 401, as the vendor would say, and not a failure of the gateway."""
    return GatewayError(401, what, type="auth_error")
