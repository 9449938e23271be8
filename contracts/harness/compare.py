"""Compares what a gateway did with what the reference was recorded doing.

Both sides are first brought to a comparable form in which only the values listed here, which no two runs can share, are
replaced. Everything else is compared to the letter; in JSON the order of keys is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import httpx
import msgspec

from contracts.harness.exchange import Direction, Exchange

ALWAYS_COMPARED = ("content-type",)

# Headers of answers whose value belongs to the run; their presence is compared when a case chooses them.
VOLATILE_HEADERS = (
    "date",
    "content-length",
    "x-litellm-call-id",
    "x-litellm-*duration-ms",
    "llm_provider-date",
    "llm_provider-server",
    "llm_provider-content-length",
    "sec-websocket-accept",
)

# Headers of upstream requests that belong to the HTTP client a gateway uses. All others are compared.
CLIENT_HEADERS = (
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-stainless-*",
)

# Those that configs and cases name themselves are shorter, or words in lower case, and stay readable.
GENERATED_KEY = re.compile(r"\bsk-(?=[a-z_-]{0,21}[A-Z0-9])[A-Za-z0-9_-]{22}(?![\w-])")
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
VOLATILE_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(_UUID), "<uuid>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sha256>"),
    # A generated key; what a recording has in its place; its last four characters, as `key_name` shows them.
    (GENERATED_KEY, "<generated key>"),
    (re.compile(r"\bsk-generated-\d+\b"), "<generated key>"),
    (re.compile(r"\bsk-\.\.\.[A-Za-z0-9_-]{4}(?![\w-])"), "<key name>"),
    # Ids of responses say in a secret way, or in base64, which deployment made them and for whom.
    (re.compile(r"\bresp_(?:bGl0ZWxsbTpj[A-Za-z0-9+/]{48,}|[A-Za-z0-9_-]{60,})=*"), "<response id>"),
    # Signatures of AWS hold the day, and x-amz-date the second.
    (re.compile(r"(?<=/)\d{8}(?=/[a-z0-9-]+/[a-z]+/aws4_request)"), "<day>"),
    (re.compile(r"\b\d{8}T\d{6}Z\b"), "<time>"),
    # What a sign-in is known by between browser, gateway and identity provider.
    (re.compile(r"(?<=[?&]state=)[0-9a-f]{32}\b"), "<state>"),
    (re.compile(r"(?<=\bcode_verifier=)[\w.~-]{43,128}"), "<verifier>"),
    (re.compile(r"(?<=Limit resets at: )20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "<time>"),
    (re.compile(r"(?<=time taken=)\d+(\.\d+)?(?= seconds)"), "<seconds>"),
)

# Fields that hold a moment (with everything that ends in `_at`) or a day, in the reference's tables and answers. In them
# a moment since 2025 becomes its spelling, `<time T.mmmZ>`, so that a client that can read the one can read the other.
MOMENTS = (
    "*_at",
    "completionStartTime",
    "date",
    "endTime",
    "end_time",
    "expires",
    "last_active",
    "last_health_check",
    "last_updated",
    "startTime",
    "start_time",
)
_MOMENT = re.compile(r"20(?:2[5-9]|[3-9]\d)-\d\d-\d\d(?:([T ])(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d| UTC)?)?")
_SHORT_DAY = re.compile(r"[A-Z][a-z]{2} \d\d")
_DAY = re.compile(r"\b20(?:2[5-9]|[3-9]\d)-\d\d-\d\d\b")
_FRACTION = re.compile(r"\.m+")

# Objects whose texts the reference encrypts before it stores, and shows, them: with a nonce, so never the same twice.
ENCRYPTED = ("litellm_params", "credential_values")
_CIPHER = re.compile(r"[A-Za-z0-9_-]{54,}={0,2}")

# Fields that hold how long something took.
DURATIONS = ("*_duration_ms", "*_time_ms")

# The gateway's clock; the fixtures' own `created` values are older constants.
_CLOCK_SINCE = 1_735_689_600
CLOCK = "<clock>"


class Difference(msgspec.Struct, frozen=True):
    """One place where the two sides differ; `absent` stands for a value that one side does not have."""

    path: str
    expected: Any
    got: Any

    def render(self) -> str:
        """Three lines, like a unified diff."""
        return f"  {self.path}\n    - {_show(self.expected)}\n    + {_show(self.got)}"


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT = _Absent()


def differences(
    recorded: Exchange, live: Exchange, *, headers: Sequence[str] = (), ignore: Sequence[str] = ()
) -> list[Difference]:
    """Where `live` differs from `recorded` in status, body or stream events, ending, content-type and chosen headers.

    `ignore` holds paths as they are shown in a difference (`body.error.message`), in which `*` stands for anything.
    """
    expected = comparable(recorded, headers)
    got = comparable(live, headers)
    return [found for found in _walk("", expected, got) if not _is_ignored(found.path, ignore)]


def journal_differences(recorded: Exchange, live: Exchange, *, ignore: Sequence[str] = ()) -> list[Difference]:
    """Where two journals differ: method, path, query, body and headers of each upstream call, and their order."""
    expected, got = comparable_journal(recorded), comparable_journal(live)
    found = _walk("journal", expected, got)
    return [difference for difference in found if not _is_ignored(difference.path, ignore)]


def all_differences(one: Exchange, other: Exchange) -> list[Difference]:
    """Where two recordings of the same exchange differ: request, answer with all its headers, or journal."""
    requests = [
        {"method": side.request.method, "url": side.request.url, "headers": request_headers(side.request.headers)}
        for side in (one, other)
    ]
    found = [*_walk("request", *requests), *same_body(one.request.body, other.request.body)]
    if one.is_journal and other.is_journal:
        return [*found, *journal_differences(one, other)]
    return [*found, *differences(one, other, headers=sorted({*one.headers, *other.headers}))]


def comparable(exchange: Exchange, headers: Sequence[str] = ()) -> dict[str, Any]:
    """The form in which an answer is compared."""
    chosen = {name: comparable_header(exchange.headers, name) for name in (*ALWAYS_COMPARED, *map(str.lower, headers))}
    form: dict[str, Any] = {"status": exchange.status, "headers": chosen, "end": exchange.end}
    if exchange.is_socket and exchange.status == 101:
        form["reason"] = steady(exchange.reason)
        form["messages"] = [
            {"binary": frame.binary, "data": steady(_decoded(frame.data))}
            for frame in exchange.messages(Direction.RECEIVED)
        ]
    elif exchange.is_stream:
        form["events"] = [
            {"event": event.event, "data": steady(event.json)} if event.event else steady(event.json)
            for event in exchange.sse
        ]
    else:
        form["body"] = steady(_decoded(exchange.body))
    return form


def comparable_journal(exchange: Exchange) -> list[Any]:
    """The form in which a journal is compared."""
    calls = exchange.json["calls"] if exchange.status == 200 else []
    return [
        {**{key: steady(value) for key, value in call.items()}, "headers": request_headers(call.get("headers") or {})}
        for call in calls
    ]


def comparable_header(headers: httpx.Headers, name: str) -> Any:
    """A header's value; several values of one name as a list; a volatile one only as being there."""
    values = [value for key, value in headers.multi_items() if key.lower() == name]
    if not values:
        return ABSENT
    if _matches(name, VOLATILE_HEADERS):
        return "<present>"
    steadied = [steady(value) for value in values]
    return steadied[0] if len(steadied) == 1 else steadied


def steady(value: Any, key: str = "") -> Any:
    """The value with everything volatile in it replaced."""
    if isinstance(value, dict):
        return _steady_mapping(value, key)
    if isinstance(value, list):
        return [steady(inner) for inner in value]
    if isinstance(value, str):
        return (_spelling(value) if _matches(key, MOMENTS) else None) or _steady_text(value)
    if key in ("created", "created_at") and isinstance(value, int) and value >= _CLOCK_SINCE:
        return CLOCK
    if isinstance(value, int | float) and _matches(key, DURATIONS):
        return "<duration>"
    return value


def _steady_text(text: str) -> str:
    for pattern, name in VOLATILE_TEXTS:
        text = pattern.sub(name, text)
    return text


def _steady_mapping(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Names may be volatile too: spend by key is a mapping of hashes."""
    steadied: dict[str, Any] = {}
    for name, value in mapping.items():
        new = _steady_text(name)
        while new in steadied:
            new += "'"
        is_cipher = key in ENCRYPTED and isinstance(value, str) and _CIPHER.fullmatch(value)
        steadied[new] = "<encrypted>" if is_cipher else steady(value, name)
    return steadied


def _spelling(text: str) -> str | None:
    """How a moment or a day is written; None for another text, and for one long ago, which is no run's."""
    if _SHORT_DAY.fullmatch(text):
        return "<short day>"
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    separator, clock, fraction, zone = found.groups(default="")
    if not separator:
        return "<day>"
    if clock.endswith(":00:00") and not fraction:  # as budgets are reset, and as no other moment is by chance
        return f"<{'midnight' if clock == '00:00:00' else 'full hour'} {separator}{zone}>"
    return f"<time {separator}{fraction and '.' + 'm' * (len(fraction) - 1)}{zone}>"


def same_url(one: str, other: str) -> bool:
    """Whether two requests went to the same place; their days are those of their runs (`Case.today`)."""
    return _DAY.sub("<day>", steady(one)) == _DAY.sub("<day>", steady(other))


def same_body(one: bytes, other: bytes) -> list[Difference]:
    """Where two request bodies differ."""
    return list(_walk("request.body", steady(_decoded(one)), steady(_decoded(other))))


def render(found: Iterable[Difference], limit: int = 20) -> list[str]:
    """The differences as lines; beyond the limit only their number."""
    lines = [difference.render() for difference in found]
    return lines if len(lines) <= limit else [*lines[:limit], f"  ... and {len(lines) - limit} more differences"]


def request_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers of a request that are compared."""
    return {
        name.lower(): steady(value) for name, value in headers.items() if not _matches(name.lower(), CLIENT_HEADERS)
    }


def _walk(path: str, expected: Any, got: Any) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for key in [*expected, *(key for key in got if key not in expected)]:
            inner = f"{path}.{key}" if path else str(key)
            yield from _walk(inner, expected.get(key, ABSENT), got.get(key, ABSENT))
    elif isinstance(expected, list) and isinstance(got, list):
        for index in range(max(len(expected), len(got))):
            pair = [side[index] if index < len(side) else ABSENT for side in (expected, got)]
            yield from _walk(f"{path}[{index}]", *pair)
    elif type(expected) is not type(got) or (expected != got and not _same_moment(expected, got)):
        yield Difference(path, expected, got)


def _same_moment(one: Any, other: Any) -> bool:
    """Whether one is spelled without its fraction and the other with it: a full second has none."""
    texts = [side for side in (one, other) if isinstance(side, str) and side.startswith("<time ")]
    with_fraction = [text for text in texts if _FRACTION.search(text)]
    return len(texts) == 2 and len(with_fraction) == 1 and len({_FRACTION.sub("", text) for text in texts}) == 1


def _decoded(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_ignored(path: str, ignore: Sequence[str]) -> bool:
    patterns = (".*".join(re.escape(part) for part in pattern.split("*")) for pattern in ignore)
    return any(re.fullmatch(rf"{pattern}([.\[].*)?", path) for pattern in patterns)


def _show(value: Any) -> str:
    return repr(value) if isinstance(value, (_Absent, str)) else msgspec.json.encode(value).decode()
