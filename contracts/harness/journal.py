"""What the simulated upstreams received for a case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from contracts.harness.exchange import Exchange


class UpstreamCall:
    """One request that an upstream received; `end` is `done`, `open` or `client-closed` (the gateway went away)."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.method: str = entry["method"]
        self.path: str = entry["path"]
        self.query: Any = entry.get("query")
        self.headers = httpx.Headers(entry.get("headers") or {})
        self.body: Any = entry.get("body")
        self.end: str = entry.get("end", "")
        self.entry = entry

    @property
    def model(self) -> str:
        """The model that the call named; empty when it named none."""
        return str(self.body.get("model", "")) if isinstance(self.body, dict) else ""

    def __repr__(self) -> str:
        return f"{self.method} {self.path} {self.body!r}"


class Journal(Sequence[UpstreamCall]):
    """The calls of a case in order of arrival."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.calls = [UpstreamCall(entry) for entry in exchange.json["calls"]]

    @property
    def models(self) -> list[str]:
        """The model of each call."""
        return [call.model for call in self.calls]

    @property
    def paths(self) -> list[str]:
        """The path of each call."""
        return [call.path for call in self.calls]

    @property
    def bodies(self) -> list[Any]:
        """The body of each call."""
        return [call.body for call in self.calls]

    def __getitem__(self, index: Any) -> Any:
        return self.calls[index]

    def __len__(self) -> int:
        return len(self.calls)

    def __iter__(self) -> Iterator[UpstreamCall]:
        return iter(self.calls)

    def __repr__(self) -> str:
        return f"Journal({self.calls!r})"
