"""``/v1/realtime`` and ``/vertex_ai/live``: WebSocket sessions, from the handshake to the end. Raw ASGI."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast
from urllib.parse import parse_qsl

import msgspec
from litestar.enums import ScopeType
from litestar.types import Receive, Scope, Send

from proxy.api.admitting import admitted_model, depends_on_model
from proxy.api.wishes import add_wishes
from proxy.auth.authenticator import Caller
from proxy.call import NO_FIELDS, Call
from proxy.errors import GatewayError
from proxy.gateway import Gateway
from proxy.logs import call_id
from proxy.realtime.client import DIRECT, ClientLeft, ClientSocket, Direct
from proxy.realtime.limits import max_message_bytes
from proxy.realtime.live import LiveAsked, LiveSession
from proxy.realtime.session import RealtimeSession, closed_by
from proxy.routing.request import RouteRequest
from proxy.routing.router import DEFAULT_RETRIES
from proxy.upstream.websocket import Closed

log = logging.getLogger(__name__)

PATHS = ("/v1/realtime", "/realtime")
LIVE_PATH = "/vertex_ai/live"
PROTOCOL = "realtime"
KEY_PROTOCOL = "openai-insecure-api-key."
"""How browsers, which can set no header, send their key."""
GOES_ON = ("intent",)
"""Query parameters that the vendor is told; ``model`` besides."""

Query = Mapping[str, str]


class SocketEndpoint:
    """A kind of session: admission is the same for all.

    Args:
        endpoint: as calls name it.
        needs_model: whether the query must name one.
        serve: carries an accepted session.
    """

    def __init__(
        self,
        gateway: Gateway,
        endpoint: str,
        serve: Callable[[Gateway, Call, ClientSocket, Query], Awaitable[None]],
        *,
        needs_model: bool,
    ) -> None:
        self._gateway = gateway
        self._endpoint = endpoint
        self._serve = serve
        self._needs_model = needs_model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One session."""
        assert scope["type"] == ScopeType.WEBSOCKET
        gateway = self._gateway
        query = dict(reversed(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)))
        call = Call(gateway.snapshot, self._endpoint, with_key(dict(scope["headers"]), scope["subprotocols"]))
        call_id.set(call.id)
        call.path, call.client_ip = scope["path"], scope["client"][0] if scope["client"] else None
        call.stream = True
        gateway.admit(call)
        client = ClientSocket(receive, send, _direct(scope))  # type: ignore[arg-type]
        try:
            if await self._admit(call, scope, query):
                await client.accept(PROTOCOL if PROTOCOL in scope["subprotocols"] else None)
                await self._serve(gateway, call, client, query)
            else:
                await client.refuse()
        except ClientLeft:
            call.outcome.ending = "client-closed"
        except asyncio.CancelledError:
            call.outcome.ending = "client-closed"
            raise
        except Exception:
            log.exception("unexpected error")
            call.outcome.status, call.outcome.error = 500, "Internal server error"
            await client.close(Closed(1011, "Internal server error"))
        finally:
            await call.end()

    async def _admit(self, call: Call, scope: Scope, query: Query) -> bool:
        """Whether the caller is let in. Refusals are a mere 403, as in the reference; ``call.outcome`` says why."""
        call.model = query.get("model", "")

        async def body() -> bytes:
            return msgspec.json.encode({"model": call.model})

        try:
            if self._gateway.full:
                raise GatewayError(429, "general_settings.global_max_parallel_requests")
            like_http = {**scope, "type": "http", "method": "GET", "headers": list(call.headers.items())}
            call.identity = await call.snapshot.authenticator.authenticate(Caller(call.headers, like_http, body))
            if self._needs_model and not call.model:
                raise GatewayError(400, "the query names no model")
            call.model = await admitted_model(call, NO_FIELDS, call.model or None) or ""
            if not self._needs_model:
                _check_any_model(call)
            if self._gateway.limiter.concerns(call):
                await self._gateway.limiter.admit(call)
        except GatewayError as error:
            call.outcome.status, call.outcome.error = error.status, error.message
            return False
        return True


def _check_any_model(call: Call) -> None:
    """Refuse a session that names its model only after it has begun to a key that may not call every model alike.

    Raises:
        GatewayError: 403.
    """
    if depends_on_model(call):
        raise GatewayError(403, "What this key may do depends on the model, and a live session may name any")


def _direct(scope: Scope) -> Direct | None:
    extensions: Mapping[str, object] = scope.get("extensions") or {}
    return cast("Direct | None", extensions.get(DIRECT))


def with_key(headers: Mapping[bytes, bytes], subprotocols: Sequence[str]) -> dict[bytes, bytes]:
    """The headers, with the key that stands among the subprotocols unless there is another."""
    found = next((name for name in subprotocols if name.startswith(KEY_PROTOCOL)), None)
    if found is None:
        return dict(headers)
    key = found.removeprefix(KEY_PROTOCOL).encode()
    shown = b", ".join(name.encode() for name in subprotocols if name != found)
    return {b"authorization": b"Bearer " + key, **headers, b"sec-websocket-protocol": shown}


async def serve_realtime(gateway: Gateway, call: Call, client: ClientSocket, query: Query) -> None:
    """A session in OpenAI's dialect."""
    router, settings = call.snapshot.router, call.snapshot.config.general_settings
    if not (router.groups.knows(call.model) or router.groups.wildcards):
        told = (
            f"Invalid model name passed in model={call.model}. Call `/v1/models` to view available models for your key."
        )
        error = GatewayError(400, told)
        call.outcome.status, call.outcome.error = error.status, error.message
        await client.close(closed_by(error))
        return
    retries = router.settings.num_retries
    route = RouteRequest(
        model=call.model,
        num_retries=DEFAULT_RETRIES if retries is None else retries,
        max_fallbacks=router.max_fallbacks,
        priority=router.settings.default_priority,
    )
    if router.reads_wishes:
        add_wishes(route, call, NO_FIELDS)
    session = RealtimeSession(
        call,
        route,
        client,
        gateway.client,
        query={name: query[name] for name in GOES_ON if name in query},
        idle=settings.realtime_idle_timeout,
        max_message=max_message_bytes(settings),
    )
    await session.run()


async def serve_live(gateway: Gateway, call: Call, client: ClientSocket, query: Query) -> None:
    """A session in Gemini's own dialect."""
    settings = call.snapshot.config.general_settings
    asked = LiveAsked(
        query.get("model") or None, query.get("vertex_project") or None, query.get("vertex_location") or None
    )
    session = LiveSession(
        call,
        asked,
        client,
        gateway.client,
        idle=settings.realtime_idle_timeout,
        max_message=max_message_bytes(settings),
    )
    await session.run()


async def refuse(_: Scope, receive: Receive, send: Send) -> None:
    """Serve a path that has no sessions."""
    await ClientSocket(receive, send).refuse()  # type: ignore[arg-type]


def socket_endpoints(gateway: Gateway) -> dict[str, SocketEndpoint]:
    """Every WebSocket endpoint, by path."""
    realtime = SocketEndpoint(gateway, "realtime", serve_realtime, needs_model=True)
    live = SocketEndpoint(gateway, "vertex_live", serve_live, needs_model=False)
    return {**dict.fromkeys(PATHS, realtime), LIVE_PATH: live}
