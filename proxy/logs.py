"""Log lines: one JSON object a line, or text for people; with the id of the call, and without secrets.

A record that no level lets through is never formatted, and no line is written for an ordinary call above ``debug``.
"""

import logging
import re
import sys
import traceback
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import msgspec

from proxy.config.errors import one_line
from proxy.config.model import ProxyConfig
from proxy.config.redact import MASK, is_secret_name

call_id: ContextVar[str | None] = ContextVar("call_id", default=None)
"""Of the call that the current task serves."""

TRACE: Final = 5
"""Below ``debug``: the server's own messages."""
_SHORTEST_SECRET: Final = 6
_SECRETS: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[^\s'\",;)}\]]+"), rf"\1 {MASK}"),
    (re.compile(r"\bsk-[\w-]{3,}"), f"sk-{MASK}"),
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]+@"), rf"\1{MASK}@"),
    (
        re.compile(
            r"(?i)((?:api|access|secret|master|private)[-_]?key|authorization|passw(?:or)?d|secret|credentials?"
            r"|(?:access|auth|refresh|id|session)_token)((?:['\"])?\s*[:=,]\s*(?:b?['\"])?)(?!(?:bearer|basic)\s)[^\s'\",;)}\]]+"
        ),
        rf"\1\2{MASK}",
    ),
)


class Redactor:
    """Takes secrets out of text: what looks like one, and the ``known`` ones wherever they stand."""

    def __init__(self, known: Collection[str] = ()) -> None:
        longest_first = sorted((word for word in known if len(word) >= _SHORTEST_SECRET), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text with ``***`` in place of each."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern, replacement in _SECRETS:
            text = pattern.sub(replacement, text)
        return text


class JsonLines(logging.Formatter):
    """``timestamp``, ``level``, ``logger``, ``message``; where there is one, ``call_id`` and ``stacktrace``."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._redact(record.getMessage()),
        }
        current = call_id.get()
        if current is not None:
            line["call_id"] = current
        stack = _stack(record)
        if stack:
            line["stacktrace"] = self._redact(stack)
        return msgspec.json.encode(line).decode()


class TextLines(logging.Formatter):
    """For people. A message is one line, whatever a client put into it; a traceback follows on lines of its own."""

    def __init__(self, redact: Redactor) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        message = one_line(self._redact(record.getMessage()))
        current = call_id.get()
        call = "" if current is None else f" [{current}]"
        line = f"{_time(record).astimezone():%H:%M:%S} {record.levelname:<8} {record.name}: {message}{call}"
        stack = _stack(record)
        return f"{line}\n{self._redact(stack)}" if stack else line


def configure(level: str, config: ProxyConfig, stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream`` (standard error).

    JSON unless a person watches; ``litellm_settings.json_logs: true`` makes it JSON there too.

    Args:
        level: a name as ``info``. Below ``info`` it holds for the gateway and its server; libraries stay at ``info``.
    """
    stream = sys.stderr if stream is None else stream
    redact = Redactor(secrets_of(config))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines(redact) if stream.isatty() and not config.settings.json_logs else JsonLines(redact))
    logging.addLevelName(TRACE, "TRACE")
    wanted = TRACE if level == "trace" else getattr(logging, level.upper())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(wanted, logging.INFO))
    for name in ("proxy", "uvicorn"):
        logging.getLogger(name).setLevel(wanted)
    logging.captureWarnings(True)


def secrets_of(config: ProxyConfig) -> set[str]:
    """Every secret that a config holds, at any depth."""
    return set(_secrets(config, ""))


def _secrets(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, str):
        if is_secret_name(name.replace("-", "_")) or name.lower() == "authorization":
            yield value
    elif isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _secrets(getattr(value, field), field)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _secrets(item, str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item, name)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _stack(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[1] is not None:
        return "".join(traceback.format_exception(record.exc_info[1])).rstrip()
    return record.stack_info or ""
