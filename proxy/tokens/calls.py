"""The tokens of a call before it is made, for whoever decides where it goes."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Final

import msgspec

from proxy.call import Usage
from proxy.tokens import encodings
from proxy.tokens.count import A_MESSAGE, THE_ANSWER, count_messages, count_text
from proxy.tokens.errors import Uncountable

LONG: Final = 20_000
"""Bytes above which a thread counts; what is shorter takes 4 ms at the most."""
COUNTED: Final = ("messages", "prompt", "input")
"""What the client sent: the first of them that is there."""
IMAGE: Final = b"image"
AROUND: Final = A_MESSAGE + 1 + THE_ANSWER
"""Tokens of what stands around a prompt, at most."""

Body = Mapping[str, msgspec.Raw]


def at_most(body: Body) -> int:
    """What :func:`estimate` cannot exceed, known at once: a token is a byte at least, but for those of images."""
    given = bytes(_given(body))
    return sys.maxsize if IMAGE in given else len(given) + AROUND


async def counting(body: Body) -> Callable[[], int]:
    """:func:`estimate` of the call, as something to ask that does not hold up the event loop.

    What is long is counted now, in a thread; what is short is counted once, if somebody asks.
    """
    if len(bytes(_given(body))) <= LONG and encodings.is_loaded(encodings.CL100K):
        return cache(partial(estimate, body))
    tokens = await asyncio.to_thread(estimate, body)
    return lambda: tokens


async def used(body: Body, model: str, said: str) -> Usage:
    """What a call used that was answered so, for a vendor that does not tell; off the event loop when it is long."""
    size = len(bytes(_given(body))) + len(said)
    if size <= LONG and encodings.is_loaded(encodings.encoding_of(model)):
        return _used(body, model, said)
    return await asyncio.to_thread(_used, body, model, said)


def _used(body: Body, model: str, said: str) -> Usage:
    sent = _sent(body, model)
    written = count_text(said, model)
    return Usage(sent, written, sent + written)


def estimate(body: Body) -> int:
    """The tokens that a call's client sends, whoever the model is: of ``messages``, else ``prompt``, else ``input``.

    0 when they cannot be counted. Blocks.
    """
    return _sent(body, "")


def _sent(body: Body, model: str) -> int:
    """A prompt is taken for a message, as in the reference."""
    try:
        given = msgspec.json.decode(_given(body))
        if "messages" in body:
            return count_messages(given, model)
        if "prompt" in body and not _has_tokens(given):
            return count_messages([{"role": "user", "content": given}], model)
        return _inputs(given, model)
    except (Uncountable, msgspec.DecodeError, RecursionError):
        return 0


def _given(body: Body) -> msgspec.Raw:
    return next((body[name] for name in COUNTED if name in body), msgspec.Raw())


def _has_tokens(prompt: Any) -> bool:
    return isinstance(prompt, list) and not all(isinstance(item, str) for item in prompt)


def _inputs(value: Any, model: str) -> int:
    """A text or a list of them; token numbers count themselves."""
    if isinstance(value, str):
        return count_text(value, model)
    if isinstance(value, list):
        return sum(1 if isinstance(item, int) else _inputs(item, model) for item in value)
    if isinstance(value, dict):  # items of the Responses API
        return _inputs(value.get("content", value.get("text", "")), model)
    raise Uncountable(f"no input: {value!r:.100}")
