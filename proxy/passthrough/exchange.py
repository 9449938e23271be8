"""One pass-through call upstream: sent, and its answer as clients get it."""

from collections.abc import Awaitable
from urllib.parse import urlsplit

from proxy.call import Call, Usage, Write
from proxy.errors import DetailError, GatewayError
from proxy.passthrough.headers import upward
from proxy.passthrough.prices import VendorPrices
from proxy.passthrough.target import Asked, Target
from proxy.passthrough.usage import Meter
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

TIMEOUTS = Timeouts(connect=10.0, first_byte=600.0, idle=600.0, total=None)
"""Seconds; 600 is the reference's (A.md, A1)."""
MAX_ERROR = 1_000_000
"""Bytes of a vendor's error that are quoted."""
EMPTY = (204, 304)
"""Statuses of answers without a body (RFC 9110, 6.4.1)."""
UNKNOWN = "unknown"
"""The model of calls that do not say it; the reference's word."""


async def sent(target: Target, asked: Asked, body: bytes | Upload, client: UpstreamClient) -> UpstreamResponse:
    """The answer, as soon as its head has come.

    Raises:
        GatewayError: 500, the vendor cannot be reached; 502, it broke off; 504, it took too long.
    """
    headers = upward(asked.headers, target.headers, forwarded=target.forwarded, kept_back=asked.private)
    try:
        return await client.send(asked.method, target.url, headers, body, TIMEOUTS)
    except UpstreamError as error:
        raise failed(error, target) from error


def failed(error: UpstreamError, target: Target) -> GatewayError:
    """What a client hears of a call that brought no answer. The address says whom the gateway could not reach."""
    host = urlsplit(target.url).netloc
    if isinstance(error, ConnectFailed):
        return GatewayError(500, f"Cannot connect to host {host}: {error}")
    if isinstance(error, TimedOut):
        return GatewayError(504, f"{host} did not answer in time: {error}")
    return GatewayError(502, f"{host} gave no whole answer: {error}")


async def refusal(response: UpstreamResponse, target: Target) -> GatewayError:
    """A vendor's error, or redirect, as the reference words it: the vendor's text within the gateway's error.

    A status that is neither, nor good, is the vendor's fault: 502.
    """
    try:
        text = await response.read(MAX_ERROR)
    except TooLarge:
        text = b"(an answer too long to be quoted)"
    except UpstreamError:
        text = b""
    finally:
        await response.aclose()
    if not 300 <= response.status < 600:
        return GatewayError(
            502, f"{urlsplit(target.url).netloc} answered with status {response.status}, which HTTP does not have"
        )
    waits = [header for header in response.headers if header[0] == "retry-after"]
    quoted = text.decode(errors="replace")
    if target.detailed:
        return DetailError(response.status, {"error": quoted}, headers=waits)
    return GatewayError(response.status, quoted, headers=waits)


class Relay:
    """Hands a body down as it comes, no faster than the client reads, and counts its tokens on the way."""

    def __init__(self, response: UpstreamResponse, meter: Meter | None) -> None:
        self._response = response
        self._meter = meter

    async def __call__(self, write: Write) -> None:
        """Write the whole body.

        Raises:
            UpstreamError: it broke off.
        """
        awaited: Awaitable[None] | None = None
        over = False

        def take(part: bytes) -> bool:
            nonlocal awaited, over
            if not part:
                over = True
                return True
            if self._meter is not None:
                self._meter.feed(part)
            awaited = write(part)
            return awaited is not None

        try:
            while not over:
                await self._response.forward(take)
                if awaited is not None:
                    await awaited
                    awaited = None
        finally:
            await self._response.aclose()


def account(call: Call, target: Target, meter: Meter | None, prices: VendorPrices) -> None:
    """Usage and cost of an answered call, and whose they are."""
    usage = Usage() if meter is None else meter.usage
    model = (target.model if meter is None else meter.model) or UNKNOWN
    outcome = call.outcome
    outcome.usage = usage
    outcome.deployment = target.deployment or prices.model_of(target.vendor or "pass-through", model)
    if target.cost is not None:
        outcome.cost = target.cost
    elif target.deployment is not None:
        outcome.cost = call.snapshot.prices.cost_of(target.deployment, usage).final
    else:
        outcome.cost = prices.cost(target.vendor, model, usage)
