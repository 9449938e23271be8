"""Gemini's live API on Vertex AI: the client speaks it itself, the gateway lends it the account (A.md, A6)."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.call import Call
from proxy.errors import GatewayError, Headers
from proxy.passthrough.vertex import VertexAccounts, vertex_host
from proxy.providers.google.auth import CredentialsError, access_token
from proxy.realtime.client import ClientSocket
from proxy.realtime.relay import Relay, ended_well, told_to_client
from proxy.realtime.usage import LiveUsage
from proxy.upstream.client import UpstreamClient, UpstreamError
from proxy.upstream.websocket import Closed, SessionClosed, SessionRefused

PATH = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
DEFAULT_LOCATION = "us-central1"
OPENING_SECONDS = 10.0
VENDOR = "vertex_ai"
GLOBAL = "global"
_OWN = frozenset((b"x-goog-user-project", b"x-goog-api-key"))


class LiveAsked(msgspec.Struct, frozen=True):
    """What the client's query says."""

    model: str | None = None
    project: str | None = None
    location: str | None = None


class LiveSession:
    """One session. ``idle`` and ``max_message`` as for :class:`proxy.realtime.session.RealtimeSession`."""

    def __init__(
        self,
        call: Call,
        asked: LiveAsked,
        client: ClientSocket,
        upstreams: UpstreamClient,
        *,
        idle: float,
        max_message: int,
    ) -> None:
        self._call = call
        self._asked = asked
        self._upstreams = upstreams
        self._max_message = max_message
        self._usage = LiveUsage()
        self._relay = Relay(client, heard=self._usage.heard, said=self._usage.said, idle=idle)

    async def run(self) -> None:
        """From an accepted handshake to the end, for which ``call.outcome`` is set."""
        outcome = self._call.outcome
        outcome.ending = "client-closed"
        try:
            left = await self._relay.run(self._serve())
            if outcome.status == 200 and outcome.ending == "client-closed" and ended_well(left):
                outcome.ending = "done"
        finally:
            model = self._usage.model or self._asked.model or ""
            prices = self._call.snapshot.passthrough.prices
            outcome.usage, outcome.deployment = self._usage.total, prices.model_of(VENDOR, model or "unknown")
            outcome.cost = prices.cost(VENDOR, model, outcome.usage)

    async def _serve(self) -> Closed:
        outcome = self._call.outcome
        try:
            url, headers = await self._target()
        except CredentialsError as error:
            self._failed(502, f"no access token for Vertex AI: {error}")
            return Closed(1011, "Vertex AI authentication failed")
        except GatewayError as error:
            self._failed(error.status, error.message)
            return Closed(1008, error.message)
        try:
            upstream = await self._upstreams.open_socket(
                url, headers, seconds=OPENING_SECONDS, max_message=self._max_message
            )
        except SessionRefused as error:
            self._failed(error.status, str(error))
            return Closed(1011, "Upstream connection rejected")
        except UpstreamError as error:
            self._failed(502, str(error))
            return Closed(1011, "WebSocket passthrough error")
        try:
            await self._relay.begin(upstream)
        except SessionClosed as ended:
            self._failed(502, str(ended))
            return told_to_client(ended.closed)
        outcome.status = 200
        outcome.first_token_seconds = outcome.upstream_seconds = time.perf_counter() - self._call.started
        closed = await self._relay.follow()
        if ended_well(closed):
            outcome.ending = "done"
        else:
            self._failed(200, f"the upstream ended the session: {closed.code} {closed.reason}")
        return closed

    def _failed(self, status: int, what: str) -> None:
        outcome = self._call.outcome
        outcome.ending, outcome.status, outcome.error = "failed", status, what

    async def _target(self) -> tuple[str, Headers]:
        """Where the session is opened, and as whom.

        Raises:
            CredentialsError: there is no token to be had.
            GatewayError: 400, the location is none.
        """
        asked, snapshot = self._asked, self._call.snapshot
        accounts = VertexAccounts(snapshot.config.sections, snapshot.router.groups.deployments)
        account = accounts.find(asked.project, asked.location)
        location = asked.location or (account.location if account else None) or DEFAULT_LOCATION
        if asked.model and _is_global_only(snapshot.passthrough.prices.facts(VENDOR, asked.model)):
            location = GLOBAL
        url = f"https://{vertex_host(location)}{PATH}"
        token, own_project = await access_token(account.credentials if account else None, self._upstreams)
        headers = [("authorization", f"Bearer {token}"), ("content-type", "application/json")]
        project = asked.project or (account.project if account else None) or own_project
        if project:
            headers.append(("x-goog-user-project", project))
        return url, headers + _googles(self._call.headers)


def _is_global_only(facts: Mapping[str, Any]) -> bool:
    """As the reference tells it: from the regions of the packaged table."""
    return GLOBAL in (facts.get("supported_regions") or ())


def _googles(headers: Mapping[bytes, bytes]) -> Headers:
    """The client's headers that go on."""
    return [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in headers.items()
        if name.startswith(b"x-goog-") and name not in _OWN
    ]
