"""From what a client asked for to the address that is called: always on the configured host, below the configured path."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import msgspec

from proxy.errors import GatewayError

MAX_ENCODINGS = 4
"""How often a path may be percent-encoded; more has no honest use."""
_AS_IT_CAME = "!$%&'()*+,/:;=@[]~"
_version = re.compile(r"v\d+\w*")
_control = re.compile(r"[\x00-\x1f\x7f]")


class Base(msgspec.Struct, frozen=True):
    """Where a pass-through leads: what its operator wrote, in pieces."""

    origin: str
    """``https://host:port``."""
    path: str
    """Without a slash at its end; may be empty."""
    query: str = ""

    @property
    def shown(self) -> str:
        """The address as the operator knows it, without its query, which may hold a key."""
        return self.origin + self.path


def base_of(url: str) -> Base:
    """An operator's address.

    Raises:
        ValueError: it is no ``http(s)`` address with a host, or it holds credentials.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address; write https://HOST/PATH")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a name or password; write them as a header")
    _ = parts.port  # raises for what is no port
    return Base(f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/"), parts.query)


def below(base: Base, rest: str) -> str:
    """The address of ``rest`` (percent-encoded, as the client wrote it) below ``base``, without any query.

    Raises:
        GatewayError: 400, it would leave the base, or a server could take it so.
    """
    if not rest:
        return base.shown
    check(rest)
    return f"{base.shown}/{quote(rest.encode('latin-1'), safe=_AS_IT_CAME)}"


def below_vendor(base: Base, rest: str) -> str:
    """As :func:`below`, for a vendor: a version that both name is there once.

    ``https://host/v1`` and ``v1/models`` are ``https://host/v1/models``.

    Raises:
        GatewayError: as :func:`below`.
    """
    before, _, last = base.path.rpartition("/")
    is_there_twice = last == rest.partition("/")[0] and _version.fullmatch(last)
    return below(Base(base.origin, before) if is_there_twice else base, rest)


def path_of(written: str) -> str:
    """A path that an operator wrote, percent-encoded as clients send it."""
    return quote(written, safe=_AS_IT_CAME)


def check(rest: str) -> None:
    """Refuse a path with ``.`` or ``..`` segments, backslashes or control characters, however often encoded.

    Raises:
        GatewayError: 400.
    """
    text = rest
    for _ in range(MAX_ENCODINGS):
        if "\\" in text or _control.search(text) or any(map(_leads_elsewhere, text.split("/"))):
            break
        plain = unquote(text, "latin-1")
        if plain == text:
            return
        text = plain
    raise GatewayError(
        400,
        "The path holds `.` or `..` segments, backslashes or control characters, or is encoded more than "
        f"{MAX_ENCODINGS - 1} times: it could leave its pass-through endpoint. Send it without them",
        type="invalid_request_error",
        param="path",
    )


def _leads_elsewhere(segment: str) -> bool:
    """Some servers cut parameters off before they look (``..;a=b``), some blanks."""
    return segment.partition(";")[0].strip() in (".", "..")


def merged(asked: str, configured: str, defaults: Mapping[str, Any]) -> str:
    """One query string: the client's as it came, before it what the address and the defaults say of other names."""
    if not configured and not defaults:
        return asked
    of_client = names(asked)
    kept = [pair for pair in parse_qsl(configured, keep_blank_values=True) if pair[0] not in of_client]
    taken = of_client | names(configured)
    pairs = [(name, str(item)) for name, value in defaults.items() if name not in taken for item in _items(value)]
    return "&".join(part for part in (urlencode([*pairs, *kept]), asked) if part)


def replaced(query: str, values: Mapping[str, str]) -> str:
    """The query with ``values`` in place of what it says of their names."""
    kept = [
        part for part in query.split("&") if part and unquote(part.partition("=")[0].replace("+", " ")) not in values
    ]
    return "&".join([*kept, urlencode(values)])


def names(query: str) -> frozenset[str]:
    """The names in a query string."""
    return frozenset(name for name, _ in parse_qsl(query, keep_blank_values=True))


def with_query(url: str, query: str) -> str:
    """The address with its query."""
    return f"{url}?{query}" if query else url


def _items(value: Any) -> Sequence[Any] | Iterable[Any]:
    return value if isinstance(value, list | tuple) else [value]
