"""The wire log of both sides that a failure report ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx
import msgspec

from contracts.harness.exchange import Exchange, Frame
from contracts.harness.journal import Journal, UpstreamCall

LIMIT = 2000


def render(exchanges: Sequence[Exchange]) -> str:
    """What the client exchanged with the gateway, and the upstreams' last journal."""
    lines = [line for exchange in exchanges if not exchange.is_control for line in _exchange(exchange)]
    journals = [exchange for exchange in exchanges if exchange.is_journal and exchange.status == 200]
    if journals:
        lines += [line for call in Journal(journals[-1]) for line in _call(call)] or ["(no upstream was called)"]
    return "\n".join(lines)


def _exchange(exchange: Exchange) -> list[str]:
    request = exchange.request
    lines = [f"client > {request.method} {request.url}   (label {exchange.label})"]
    lines += _headers("client >", request.headers) + _body("client >", request.body)
    lines.append(
        f"client < {exchange.status} in {exchange.seconds:.3f} s, end: {exchange.end} {exchange.reason}".rstrip()
    )
    lines += _headers("client <", exchange.headers)
    if exchange.taped:
        return [*lines, *(_frame(frame) for frame in exchange.frames)]
    return [*lines, *_body("client <", exchange.body)]


def _call(call: UpstreamCall) -> list[str]:
    query = f"?{msgspec.json.encode(call.query).decode()}" if call.query else ""
    lines = [f"upstream < {call.method} {call.path}{query}", *_headers("upstream <", call.headers)]
    return lines if call.body is None else [*lines, *_body("upstream <", msgspec.json.encode(call.body))]


def _headers(side: str, headers: Mapping[str, str]) -> list[str]:
    items = headers.multi_items() if isinstance(headers, httpx.Headers) else headers.items()
    return [f"{side}   {name}: {value}" for name, value in items]


def _body(side: str, body: bytes) -> list[str]:
    text = body.decode(errors="replace")
    if not text:
        return []
    more = f" ... ({len(text)} characters)" if len(text) > LIMIT else ""
    return [f"{side} | {line}" for line in (text[:LIMIT] + more).splitlines()]


def _frame(frame: Frame) -> str:
    text = frame.data.decode(errors="replace")
    return f"client {frame.direction} +{frame.at * 1000:.0f} ms {'binary ' if frame.binary else ''}{text[:LIMIT]}"
