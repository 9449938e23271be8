"""What a batch asks for: its requests, and the tokens of their messages. Its file is read as it comes, never held."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec

from proxy.errors import GatewayError
from proxy.tokens.count import count_messages
from proxy.tokens.errors import Uncountable

BLOCK: Final = 262_144
"""Bytes of lines that are counted at once, in a thread."""


class Counted(msgspec.Struct):
    """What was found."""

    requests: int = 0
    tokens: int = 0


class _Asked(msgspec.Struct):
    model: Any = None
    messages: list[Any] | None = None


class _Line(msgspec.Struct):
    body: _Asked | None = None


async def count(parts: AsyncIterator[bytes], *, tokens: bool, longest: int) -> Counted:
    """Count a batch file; empty lines are none.

    Args:
        tokens: whether they matter to anybody.
        longest: bytes of a line.

    Raises:
        GatewayError: 400, a line is no request of a batch; the message says which.
    """
    found = Counted()
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
            await asyncio.to_thread(_count, found, lines, number, tokens)
            number += len(lines)
            size, lines = 0, []
    await asyncio.to_thread(_count, found, [*lines, bytes(rest)], number, tokens)
    return found


def _count(found: Counted, lines: Sequence[bytes], before: int, tokens: bool) -> None:
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            continue
        try:
            asked = msgspec.json.decode(line, type=_Line).body
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _malformed(number, str(error)) from error
        found.requests += 1
        if tokens and asked is not None and asked.messages is not None:
            found.tokens += _tokens(asked)


def _tokens(asked: _Asked) -> int:
    """Of its messages; of those that nobody can count (audio, say) none, as the vendor may still take them."""
    try:
        return count_messages(asked.messages, asked.model if isinstance(asked.model, str) else "")
    except Uncountable:
        return 0


def _malformed(number: int, why: str) -> GatewayError:
    each = "Each line must be a JSON object with custom_id, method, url and body"
    message = f"The input file is no batch: line {number}: {why}. {each}"
    return GatewayError(400, message, type="invalid_request_error", param="input_file_id")
