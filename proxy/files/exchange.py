"""One question to a vendor about files or batches, asked again when that may help."""

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from proxy.errors import GatewayError
from proxy.files.accounts import Account
from proxy.providers.secrecy import secrets_of, without
from proxy.upstream.client import (
    ConnectFailed,
    TimedOut,
    Timeouts,
    TooLarge,
    Upload,
    UpstreamClient,
    UpstreamError,
    UpstreamResponse,
)

RETRIES: Final = 2
"""As often as OpenAI's own client, which the reference uses."""
FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 8.0
LONGEST_TOLD: Final = 60.0
"""Seconds; the first doubles, the last bounds what a vendor may ask for."""
PASSING: Final = frozenset((408, 409, 429))
"""Statuses below 500 that may be others soon."""
TIMEOUTS: Final = Timeouts(connect=10.0, first_byte=600.0, idle=600.0, total=None)
MAX_ANSWER: Final = 20_000_000
MAX_ERROR: Final = 1_000_000
_random = random.Random()  # noqa: S311 - spreads waits


class Undone(GatewayError):
    """The vendor has done nothing: it refused, or was never told."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a vendor is asked."""

    method: str
    url: str
    content_type: str | None = None
    body: Callable[[], tuple[str | None, bytes | Upload]] = lambda: (None, b"")
    """Makes what is sent, anew for each time, with its content type."""


def json_body(value: Mapping[str, Any]) -> Callable[[], tuple[str | None, bytes | Upload]]:
    """Sends an object."""
    whole = msgspec.json.encode(value)
    return lambda: ("application/json", whole)


async def ask(account: Account, question: Question, client: UpstreamClient) -> UpstreamResponse:
    """The vendor's good answer, not read yet.

    Raises:
        Undone: the vendor refused, in its words; 500, it cannot be reached.
        GatewayError: the same after a try that it may have taken; 500, 502, it broke off; 504, it took too long.
    """
    kind: type[GatewayError] = Undone
    for tries in range(RETRIES + 1):
        last = tries == RETRIES
        try:
            response = await _sent(account, question, client)
        except UpstreamError as error:
            kind = kind if _is_unsent(error) else GatewayError
            if last:
                raise _failed(error, question, kind) from error
            told = None
        else:
            if 200 <= response.status < 300:
                return response
            if last or (response.status < 500 and response.status not in PASSING):
                raise await _refusal(account, response, kind)
            told = dict(response.headers).get("retry-after")
            await response.aclose()
        await asyncio.sleep(_wait(tries, told))
    raise AssertionError("unreachable")


async def answered(account: Account, question: Question, client: UpstreamClient) -> dict[str, Any]:
    """The object that a vendor answers with. Raises as :func:`ask`; 502, it is none."""
    response = await ask(account, question, client)
    try:
        return msgspec.json.decode(await response.read(MAX_ANSWER), type=dict[str, Any])
    except UpstreamError as error:
        raise _failed(error, question) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise GatewayError(502, f"{urlsplit(question.url).netloc} answered with something that is no object") from error


async def _sent(account: Account, question: Question, client: UpstreamClient) -> UpstreamResponse:
    made, body = question.body()
    content_type = made or question.content_type
    headers = [*account.headers.items(), *([("content-type", content_type)] if content_type else [])]
    return await client.send(question.method, question.url, headers, body, TIMEOUTS)


def _wait(tries: int, told: str | None) -> float:
    """Seconds; what the vendor tells counts where it is sensible."""
    try:
        seconds = float(told or "")
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= LONGEST_TOLD:
        return seconds
    return min(FIRST_WAIT * 2.0**tries, LONGEST_WAIT) * (1 - 0.25 * _random.random())


def _is_unsent(error: UpstreamError) -> bool:
    return isinstance(error, ConnectFailed) or (isinstance(error, TimedOut) and error.phase == "connect")


def _failed(error: UpstreamError, question: Question, kind: type[GatewayError] = GatewayError) -> GatewayError:
    host = urlsplit(question.url).netloc
    if isinstance(error, TimedOut):
        return kind(504, f"{host} did not answer in time: {error}")
    if isinstance(error, TooLarge):
        return kind(502, f"{host} answered with more than {error.limit} bytes")
    return kind(500, f"Connection error. {host}: {error}")


async def _refusal(account: Account, response: UpstreamResponse, kind: type[GatewayError]) -> GatewayError:
    """The vendor's error in the words of OpenAI's client."""
    try:
        text = without(secrets_of(list(account.headers.items())), await response.read(MAX_ERROR))
    except UpstreamError:
        text = b""
    finally:
        await response.aclose()
    status = response.status if 400 <= response.status < 600 else 502
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return kind(status, f"Error code: {response.status}", type=None, param=None)
    if isinstance(found, dict):
        found = found.get("error", found)
    error = found if isinstance(found, dict) else {"message": found}
    said = error.get("message")
    message = f"Error code: {response.status}" + (f" - {said}" if said else "")
    waits = [header for header in response.headers if header[0] == "retry-after"]
    return kind(status, message, type=_text(error.get("type")), param=_text(error.get("param")), headers=waits)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
