"""The load: clients that each ask again as soon as their answer is complete, and check every answer.

`python -m tools.impl.bench.load` reads one `Job` a line from standard input and prints one `Outcome` a line.
"""

import asyncio
import sys
from collections import Counter
from time import perf_counter
from typing import cast

import httptools
import msgspec
import uvloop

from tools.impl.bench.sessions import ANSWER_SECONDS as SESSION_SECONDS
from tools.impl.bench.sessions import PER_SECOND, ClientSession
from tools.impl.bench.workloads import MASTER_KEY, WORKLOADS, Workload

ANSWER_SECONDS = 60.0
_KINDS_OF_FAILURE = 5
_OTHER_FAILURES = "further kinds of failure"


class Job(msgspec.Struct, frozen=True):
    """`clients` ask the gateway on `port`, with `key`, for `seconds` or, when given, until `requests` were sent."""

    workload: str
    port: int
    clients: int
    seconds: float
    requests: int | None = None
    key: str = MASTER_KEY


class Outcome(msgspec.Struct, frozen=True):
    """`seconds` until the last answer; `latencies` and `first` (to the first body byte), of good answers, in seconds."""

    seconds: float
    latencies: list[float]
    first: list[float]
    failures: dict[str, int]


class Load:
    """One job while it runs."""

    def __init__(self, job: Job, workload: Workload) -> None:
        self.job = job
        self.workload = workload
        self.request = b"" if workload.sessions else workload.request(job.port, job.key)
        self.latencies: list[float] = []
        self.first: list[float] = []
        self.failures: Counter[str] = Counter()
        self._left = job.requests
        self._deadline = perf_counter() + job.seconds

    async def run(self) -> Outcome:
        started = perf_counter()
        if self.workload.sessions:
            await asyncio.gather(*(self._session(number) for number in range(self.workload.sessions)))
        else:
            await asyncio.gather(*(self._client(number) for number in range(self.job.clients)))
        return Outcome(perf_counter() - started, self.latencies, self.first, dict(self.failures))

    def take(self) -> bool:
        """Whether one more request is to be sent."""
        if self._left is None:
            return perf_counter() < self._deadline
        self._left -= 1
        return self._left >= 0

    def fail(self, reason: str) -> None:
        known = reason in self.failures or len(self.failures) < _KINDS_OF_FAILURE
        self.failures[reason if known else _OTHER_FAILURES] += 1

    async def _session(self, number: int) -> None:
        # Spread over the time between two messages.
        await asyncio.sleep(number / self.workload.sessions / PER_SECOND)
        loop = asyncio.get_running_loop()
        try:
            _, session = await loop.create_connection(
                lambda: ClientSession(self.job.port, self.take, self.latencies.append, self.fail),
                "127.0.0.1",
                self.job.port,
            )
        except OSError as error:
            self.fail(f"no connection: {error}")
            return
        try:
            await asyncio.wait_for(session.ended, self.job.seconds + 2 * SESSION_SECONDS)
        except TimeoutError:
            self.fail("a session did not end")

    async def _client(self, number: int) -> None:
        # Spread over the length of one answer: streams in lockstep would be served in bundles.
        await asyncio.sleep(self.workload.paced_seconds * number / self.job.clients)
        loop = asyncio.get_running_loop()
        more = True
        while more:
            try:
                _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.job.port)
            except OSError as error:
                self.fail(f"no connection: {error}")
                return
            more = await connection.ended


class Connection(asyncio.Protocol):
    """One kept-alive connection; `ended` tells whether its client goes on with another."""

    _transport: asyncio.Transport

    def __init__(self, load: Load) -> None:
        self._load = load
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[bool] = self._loop.create_future()
        self._waiting = False
        self._timeout: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._fail(f"connection closed before the answer was complete{f' ({exc})' if exc else ''}")
        self._end(more=True)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")
            self._end(more=True)

    def on_body(self, body: bytes) -> None:
        if not self._body:
            self._first_byte = perf_counter()
        self._body.append(body)

    def on_message_complete(self) -> None:
        now = perf_counter()
        self._waiting = False
        fault = self._load.workload.fault(self._parser.get_status_code(), b"".join(self._body))
        if fault:
            self._load.fail(fault)
        else:
            self._load.latencies.append(now - self._asked)
            self._load.first.append(self._first_byte - self._asked)
        if self._parser.should_keep_alive():
            # Not at once: the parser is still in the middle of its own call.
            self._loop.call_soon(self._ask)
        else:
            self._end(more=True)

    def _ask(self) -> None:
        if self._transport.is_closing():
            return
        if not self._load.take():
            self._end(more=False)
            return
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._waiting = True
        self._asked = self._first_byte = perf_counter()
        self._transport.write(self._load.request)
        if self._timeout is None:
            self._timeout = self._loop.call_later(ANSWER_SECONDS, self._check_time)

    def _check_time(self) -> None:
        """One timer a connection, not one a request: it wakes up and looks."""
        left = self._asked + ANSWER_SECONDS - perf_counter()
        if self._waiting and left <= 0:
            self._fail(f"no complete answer within {ANSWER_SECONDS:.0f} s")
            self._end(more=True)
        else:
            self._timeout = self._loop.call_later(max(left, 0.001), self._check_time)

    def _fail(self, reason: str) -> None:
        self._waiting = False
        self._load.fail(reason)

    def _end(self, *, more: bool) -> None:
        if self._timeout:
            self._timeout.cancel()
        if not self.ended.done():
            self.ended.set_result(more)
        self._transport.close()


def main() -> None:
    for line in sys.stdin.buffer:
        job = msgspec.json.decode(line, type=Job)
        outcome = uvloop.run(Load(job, WORKLOADS[job.workload]).run())
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
