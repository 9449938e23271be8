"""What a batch asks for: its requests, and the tokens that they send. Its file is read as it comes, never held."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

import msgspec

from proxy.errors import GatewayError
from proxy.tokens.count import A_MESSAGE, THE_ANSWER, Counter, count_messages, counter_of
from proxy.tokens.errors import Uncountable
from proxy.tokens.images import BASE, image_tokens

BLOCK: Final = 262_144
"""Bytes of lines that are counted at once, in a thread."""
PARTS: Final = (
    "text",
    "content",
    "refusal",
    "thinking",
    "summary",
    "function",
    "custom",
    "arguments",
    "input",
    "output",
)
"""Where the texts of parts and items are, of whatever kind they are."""
IMAGE: Final = "image_url"

Check: TypeAlias = Callable[[str | None], None]
"""Raises GatewayError for a model that the caller may not call; ``None``: a line names none."""


class Counted(msgspec.Struct):
    """What was found."""

    requests: int = 0
    tokens: int = 0


class _Asked(msgspec.Struct):
    model: Any = None
    messages: list[Any] | None = None
    prompt: Any = None
    input: Any = None
    instructions: Any = None


class _Line(msgspec.Struct):
    body: _Asked | None = None


class _Models:
    """Those of a batch, each looked at once.

    Args:
        check: ``None``: nobody minds which they are.
    """

    def __init__(self, check: Check | None) -> None:
        self._check = check
        self._lines: dict[str | None, int] = {}
        self._looked = 0

    def add(self, asked: _Asked | None, line: int) -> None:
        """That a line asks for."""
        if self._check is not None:
            model = None if asked is None else asked.model
            self._lines.setdefault(model if isinstance(model, str) else None, line)

    def look(self) -> None:
        """At those that are new. Raises what the check did, naming the first line."""
        if self._check is None:
            return
        for model, line in islice(self._lines.items(), self._looked, None):
            try:
                self._check(model)
            except GatewayError as error:
                told = f"The input file cannot be a batch of this caller: line {line}: {error.message}"
                raise GatewayError(error.status, told, type=error.type, param=error.param) from error
        self._looked = len(self._lines)


async def count(parts: AsyncIterator[bytes], *, tokens: bool, longest: int, check: Check | None = None) -> Counted:
    """Count a batch file; empty lines are none.

    Args:
        tokens: whether they matter to anybody.
        longest: bytes of a line.
        check: of the models that are asked for.

    Raises:
        GatewayError: 400, a line is no request of a batch; what ``check`` raised; the message says which line.
    """
    found, models = Counted(), _Models(check)
    lines: list[bytes] = []
    size, number, rest = 0, 0, bytearray()
    async for part in parts:
        *whole, end = part.split(b"\n")
        if whole:
            lines += [bytes(rest) + whole[0], *whole[1:]]
            rest = bytearray()
        rest += end
        if len(rest) > longest:
            raise _malformed(number + len(lines) + 1, f"it has more than {longest} bytes")
        size += len(part)
        if size >= BLOCK:
            await asyncio.to_thread(_count, found, models, lines, number, tokens)
            models.look()
            number += len(lines)
            size, lines = 0, []
    await asyncio.to_thread(_count, found, models, [*lines, bytes(rest)], number, tokens)
    models.look()
    return found


def _count(found: Counted, models: _Models, lines: Sequence[bytes], before: int, tokens: bool) -> None:
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            continue
        try:
            asked = msgspec.json.decode(line, type=_Line).body
            if tokens and asked is not None:
                found.tokens += _tokens(asked)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed(number, str(error)) from error
        models.add(asked, number)
        found.requests += 1


def _tokens(asked: _Asked) -> int:
    """Of all that it sends, for whichever endpoint."""
    model = asked.model if isinstance(asked.model, str) else ""
    tokens = 0 if asked.messages is None else _chat(asked.messages, model)
    others = [given for given in (asked.prompt, asked.input, asked.instructions) if given is not None]
    return tokens + _roughly(others, counter_of(model)) if others else tokens


def _chat(messages: list[Any], model: str) -> int:
    """As a chat counts; what nobody can count (audio, files) is estimated, as the vendor may still take it."""
    try:
        return count_messages(messages, model)
    except Uncountable:
        return THE_ANSWER + sum(_message(message, model) for message in messages)


def _message(message: Any, model: str) -> int:
    try:
        return count_messages([message], model) - THE_ANSWER
    except Uncountable:
        fields = list(message.values()) if isinstance(message, dict) else message
        return A_MESSAGE + _roughly(fields, counter_of(model))


def _roughly(given: Any, count: Counter) -> int:
    """The tokens of texts, however they are nested; tokens count themselves, what has no text is taken for an image."""
    if isinstance(given, str):
        return count(given)
    if isinstance(given, list):
        return sum(1 if type(item) is int else _roughly(item, count) for item in given)
    if not isinstance(given, dict):
        return 0
    parts = [given[name] for name in PARTS if name in given]
    if IMAGE in given or not parts:
        return _image(given) + _roughly(parts, count)
    return _roughly(parts, count)


def _image(part: dict[str, Any]) -> int:
    """In chats an object holds the address, else it stands beside its detail."""
    image = part.get(IMAGE)
    try:
        return image_tokens(image if isinstance(image, dict) else {"url": image, "detail": part.get("detail", "auto")})
    except Uncountable:
        return BASE


def _malformed(number: int, why: str) -> GatewayError:
    each = "Each line must be a JSON object with custom_id, method, url and body"
    message = f"The input file is no batch: line {number}: {why}. {each}"
    return GatewayError(400, message, type="invalid_request_error", param="input_file_id")
