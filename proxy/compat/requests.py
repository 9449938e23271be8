"""The request that users' files see: the part of FastAPI's ``Request`` that makes sense before a call runs."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

Scope = MutableMapping[str, Any]


class Address(NamedTuple):
    """The peer of a connection."""

    host: str
    port: int


class Headers(Mapping[str, str]):
    """Header fields, looked up without regard to case; of a repeated field the first counts."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self.raw = raw
        self._items = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]

    def __getitem__(self, name: str) -> str:
        for key, value in self._items:
            if key == name.lower():
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._items))

    def __len__(self) -> int:
        return len({name for name, _ in self._items})

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == name.lower() for key, _ in self._items)

    def getlist(self, name: str) -> list[str]:
        """Every value of a repeated field."""
        return [value for key, value in self._items if key == name.lower()]


class QueryParams(Mapping[str, str]):
    """The query; of a repeated name the last value counts."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._items = parse_qsl(query, keep_blank_values=True)
        self._last = dict(self._items)

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def __str__(self) -> str:
        return self._query

    def multi_items(self) -> list[tuple[str, str]]:
        """Every pair, in order."""
        return list(self._items)

    def getlist(self, name: str) -> list[str]:
        """Every value of a repeated name."""
        return [value for key, value in self._items if key == name]


class URL:
    """An address with its parts."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def components(self) -> SplitResult:
        """The parts as ``urllib`` has them."""
        return urlsplit(self._url)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in {"scheme", "netloc", "path", "query", "fragment", "hostname", "port"}:
            raise AttributeError(name)
        return getattr(self.components, name)

    def __str__(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"URL({self._url!r})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self._url)


class Request:
    """One HTTP request, from its ASGI scope and its body: bytes, or a function that reads them once."""

    def __init__(self, scope: Scope, body: bytes | Callable[[], Awaitable[bytes]] = b"") -> None:
        self.scope = scope
        self.method: str = scope.get("method", "GET")
        self.headers = Headers(list(scope.get("headers", ())))
        self.query_params = QueryParams(scope.get("query_string", b"").decode("latin-1"))
        self.path_params: dict[str, Any] = scope.get("path_params") or {}
        self.state = SimpleNamespace()
        self._body = body

    @property
    def client(self) -> Address | None:
        """The peer's address."""
        peer = self.scope.get("client")
        return Address(*peer) if peer else None

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies sent."""
        return {name: morsel.value for name, morsel in SimpleCookie(self.headers.get("cookie", "")).items()}

    @property
    def base_url(self) -> URL:
        """Scheme and host, without a path."""
        host, port = self.scope.get("server") or ("localhost", None)
        netloc = self.headers.get("host") or (f"{host}:{port}" if port else str(host))
        return URL(f"{self.scope.get('scheme', 'http')}://{netloc}/")

    @property
    def url(self) -> URL:
        """The whole address that was asked for."""
        query = str(self.query_params)
        path = str(self.scope.get("path", "/"))
        return URL(f"{str(self.base_url).rstrip('/')}{path}{'?' + query if query else ''}")

    async def body(self) -> bytes:
        """The body's bytes."""
        if not isinstance(self._body, bytes):
            self._body = await self._body()
        return self._body

    async def json(self) -> Any:
        """The body decoded; raises msgspec.DecodeError (a ValueError) when it is no JSON."""
        return msgspec.json.decode(await self.body())
