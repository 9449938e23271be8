"""One call over HTTP to a vendor whose failures have names of their own."""

import time

from proxy.errors import Headers
from proxy.providers.base import Attempt
from proxy.providers.failure_tables import FailureTable
from proxy.providers.secrecy import secrets_of, without
from proxy.upstream.client import Broken, ConnectFailed, TimedOut, Timeouts, TooLarge, UpstreamClient, UpstreamResponse

CONNECT_SECONDS = 10.0
MAX_ERROR_BODY = 1_000_000


async def post(
    client: UpstreamClient, url: str, headers: Headers, body: bytes, attempt: Attempt, *, failures: FailureTable
) -> UpstreamResponse:
    """The head of a good answer.

    Raises:
        Failure: the vendor refused, failed or could not be reached.
    """
    seconds = attempt.timeout
    connect, total = min(CONNECT_SECONDS, seconds), None if attempt.stream else seconds
    started = time.perf_counter()
    try:
        response = await client.send("POST", url, headers, body, Timeouts(connect, seconds, seconds, total))
        if 200 <= response.status < 300:
            return response
        # some vendors repeat the key they refuse
        shown = without(secrets_of(headers), await response.read(MAX_ERROR_BODY))
    except TimedOut as error:
        taken = time.perf_counter() - started
        raise failures.timed_out(seconds, taken, attempt.deployment.params.timeout) from error
    except (ConnectFailed, Broken) as error:
        raise failures.unreachable() from error
    except TooLarge as error:
        raise failures.unreadable(f"The error is larger than {error.limit} bytes.") from error
    raise failures.refused(response.status, response.headers, shown)


async def read(response: UpstreamResponse, attempt: Attempt, *, failures: FailureTable) -> bytes:
    """The whole body of a good answer; raises as :func:`post`."""
    started = time.perf_counter()
    try:
        return await response.read(attempt.max_answer)
    except TimedOut as error:
        taken = time.perf_counter() - started
        raise failures.timed_out(attempt.timeout, taken, attempt.deployment.params.timeout) from error
    except Broken as error:
        raise failures.unreachable() from error
    except TooLarge as error:
        raise failures.unreadable(f"The answer is larger than {error.limit} bytes.") from error
