"""``general_settings.pass_through_endpoints``: routes of the operator's own."""

import logging
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.references import PREFIX, variable
from proxy.errors import GatewayError
from proxy.passthrough.addresses import Base, base_of, below, check, merged, path_of, with_query
from proxy.passthrough.members import GATEWAYS
from proxy.passthrough.target import METHODS, NONE, Asked, Target, unset

log = logging.getLogger(__name__)

KEY = "general_settings.pass_through_endpoints"
STRIPPED = GATEWAYS | {"metadata"}
#: Hosts whose answers tell tokens, with whose prices count.
VENDORS = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gemini",
    "api.mistral.ai": "mistral",
    "api.cohere.com": "cohere",
}
_LANGFUSE = ("LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as it may be written."""

    path: str
    target: str
    id: str | None = None
    headers: dict[str, Any] = {}
    forward_headers: bool = False
    merge_query_params: bool = False
    """Accepted; the queries of client and target are always merged."""
    default_query_params: dict[str, Any] = {}
    include_subpath: bool | None = None
    methods: tuple[str, ...] | None = None
    auth: bool | None = None
    cost_per_request: float | None = None
    guardrails: Any = None
    is_stored: bool = False
    """Whether it is of the database."""


class EndpointRoute:
    """One entry: ``path`` and, unless it says otherwise, everything below it lead to ``target``.

    Raises:
        ConfigError: it cannot be served as written.
    """

    def __init__(self, settings: Settings, key: str) -> None:
        self.name = _path(settings.path, key)
        self.path = path_of(self.name)
        self.methods = _methods(settings.methods, key)
        self._settings = settings
        self.is_stored = settings.is_stored
        self._base = _base(settings.target, key)
        self._headers, self._problem = _resolved(settings.headers)
        self.vendor = VENDORS.get(urlsplit(self._base.origin).hostname or "", "")
        """That it leads to, if it is one of those."""
        _check_headers(self._headers, key)
        if settings.guardrails:
            raise ConfigError(
                "guardrails of pass-through endpoints are not available in this version; remove them", key=key
            )
        if self._problem:
            log.warning("%s: %s: %s; its calls will be refused", key, self.path, self._problem)
        if settings.auth is False:
            log.warning("%s: %s needs no key, since it says auth: false", key, self.path)

    def serves(self, rest: str) -> bool:
        """Sub-paths too, unless ``include_subpath`` is false."""
        return not rest or self._settings.include_subpath is not False

    def is_public(self, rest: str) -> bool:
        """Only the path itself, and only where ``auth: false`` is written."""
        return not rest and self._settings.auth is False

    def presented(self, headers: Mapping[bytes, bytes], query: str) -> Mapping[bytes, bytes]:  # noqa: ARG002
        """Where every other route looks too."""
        return headers

    def described(self) -> dict[str, Any]:
        """What the management shows of it: no header's value."""
        settings = self._settings
        return {
            "id": settings.id or self.name,
            "path": self.name,
            "target": self._base.shown,
            "headers": dict.fromkeys(settings.headers, "***"),
            "default_query_params": settings.default_query_params,
            "include_subpath": settings.include_subpath is not False,
            "cost_per_request": settings.cost_per_request or 0.0,
            "auth": settings.auth is not False,
            "guardrails": None,
            "is_from_config": True,
            "methods": sorted(self.methods),
        }

    def address(self, rest: str) -> str:
        """Where a path below it leads. Raises GatewayError: 400, nowhere."""
        return below(self._base, rest)

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        if self._problem:
            raise unset(f"{KEY}: {self.path}: {self._problem}")
        settings = self._settings
        address = self.address(asked.rest)
        return Target(
            url=with_query(address, merged(asked.query, self._base.query, settings.default_query_params)),
            shown=address,
            headers=self._headers,
            forwarded=None if settings.forward_headers else NONE,
            stripped=STRIPPED,
            vendor=self.vendor,
            cost=settings.cost_per_request,
        )


def endpoint_routes(entries: Sequence[Mapping[str, Any]]) -> list[EndpointRoute]:
    """The routes of the config, the most specific first; of two for the same path and method the first counts.

    Raises:
        ConfigError: an entry cannot be served as written.
    """
    routes: list[EndpointRoute] = []
    taken: set[tuple[str, str]] = set()
    for index, entry in enumerate(entries):
        key = f"{KEY}[{index}]"
        try:
            route = EndpointRoute(msgspec.convert(entry, Settings, strict=False), key)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{error}; correct it", key=key) from error
        double = sorted(method for method in route.methods if (route.path, method) in taken)
        if double:
            log.warning("%s: %s is there already for %s; the first entry counts", key, route.path, ", ".join(double))
        taken.update((route.path, method) for method in route.methods)
        routes.append(route)
    return sorted(routes, key=lambda route: len(route.path), reverse=True)


def _path(path: str, key: str) -> str:
    cleaned = "/" + path.strip("/")
    if not path.startswith("/") or cleaned == "/":
        raise ConfigError("path must begin with / and name something; write /custom/api", key=key)
    try:
        check(cleaned[1:])
    except GatewayError as error:
        raise ConfigError("path holds `.` or `..` segments; write it without them", key=key) from error
    return cleaned


def _methods(methods: Sequence[str] | None, key: str) -> frozenset[str]:
    if methods is None:
        return METHODS
    named = frozenset(method.upper() for method in methods)
    if not named or not named <= METHODS:
        raise ConfigError(f"methods must be some of {', '.join(sorted(METHODS))}; correct them", key=key)
    return named


def _base(target: str, key: str) -> Base:
    try:
        return base_of(target)
    except ValueError as error:
        raise ConfigError(f"target: {error}", key=key) from error


def _resolved(headers: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The headers with what variables say, and what is wrong with them, if something is."""
    resolved: dict[str, str] = {}
    problem = ""
    for name, value in headers.items():
        text = "" if value is None else str(value)
        before, reference, source = text.partition(PREFIX)
        found = variable(source) if reference else None
        if value is None or (reference and found is None):
            which = f"environment variable {source}" if reference else "its environment variable"
            problem = problem or f"header {name} has no value, since {which} is not set; set it"
        resolved[name] = before + (found or "") if reference else text
    if any(name in resolved for name in _LANGFUSE):
        public, secret = (resolved.pop(name, "") for name in _LANGFUSE)
        resolved["Authorization"] = f"Basic {b64encode(f'{public}:{secret}'.encode()).decode()}"
    return resolved, problem


def _check_headers(headers: Mapping[str, str], key: str) -> None:
    for name, value in headers.items():
        if not name.isascii() or not name.strip() or not (name + value).isprintable():
            raise ConfigError(f"header {name!r} holds characters that no header may hold; correct it", key=key)
