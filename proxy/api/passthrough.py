"""Pass-through calls: raw ASGI, since bodies flow through in both directions."""

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from proxy.api.admitting import admit_passed, check_uncounted
from proxy.api.client import ClientGone, deliver
from proxy.api.headers import JSON, Pairs, value
from proxy.api.llm import OVERLOADED, unexpected
from proxy.api.upload import ClientBody
from proxy.auth.authenticator import Caller
from proxy.auth.keys import check_single, key_headers, own_header
from proxy.call import Answer, Call, Write
from proxy.errors import DetailError, GatewayError
from proxy.gateway import Gateway
from proxy.logs import call_id
from proxy.passthrough.exchange import EMPTY, Relay, account, failed, refusal, sent
from proxy.passthrough.headers import downward, joined
from proxy.passthrough.members import MemberFilter
from proxy.passthrough.routes import Found
from proxy.passthrough.target import Asked, Target
from proxy.passthrough.usage import MAX_READ, Meter
from proxy.upstream.client import UpstreamError, UpstreamResponse

log = logging.getLogger(__name__)

Native = Callable[[str, str], bool]
"""Whether the gateway itself serves a path with a method."""
COOKIES = frozenset((b"cookie",))
"""They are the gateway's own, and would tell a vendor who is logged in here."""


class PassThroughEndpoint:
    """Every pass-through route of the current snapshot.

    Args:
        native: what these routes must leave alone.
    """

    def __init__(self, gateway: Gateway, native: Native) -> None:
        self._gateway = gateway
        self._native = native
        for route in gateway.snapshot.passthrough.endpoints:
            taken = sorted(method for method in route.methods if native(route.path, method))
            if taken:
                log.warning("pass_through_endpoints: %s is the gateway's own for %s", route.path, ", ".join(taken))

    def find(self, scope: HTTPScope) -> ASGIApp | None:
        """What serves a request, if it is one of these."""
        found = self._gateway.snapshot.passthrough.find(_raw_path(scope), scope["method"])
        if found is None or self._native(scope["path"], scope["method"]):
            return None
        return partial(self._serve, found)

    async def _serve(self, found: Found, scope: Scope, receive: Receive, send: Send) -> None:
        """One call, from its head to its last byte."""
        assert scope["type"] == ScopeType.HTTP
        gateway = self._gateway
        call = Call(gateway.snapshot, found.route.name, joined(scope["headers"]))
        call_id.set(call.id)
        call.path, client = scope["path"], scope["client"]
        call.client_ip = client[0] if client else None
        gateway.admit(call)
        body = ClientBody(receive, call.headers, gateway.max_request_bytes)
        try:
            await deliver(await self._answered(call, found, scope, body), scope, send)
        except ClientGone:
            call.outcome.ending = "client-closed"
        except UpstreamError as error:
            # the client sees a body that ends too early, as the gateway did
            call.outcome.error = str(error)
            log.warning("%s: the vendor's answer broke off: %s", found.route.name, error)
        except asyncio.CancelledError:
            call.outcome.ending = "client-closed"
            if body.watch is None or not body.watch.gone:
                raise
        finally:
            if body.watch is not None:
                body.watch.stop()
            await call.end()

    async def _answered(self, call: Call, found: Found, scope: HTTPScope, body: ClientBody) -> Answer:
        target: Target | None = None
        try:
            if scope["method"] not in found.route.methods:
                raise DetailError(405, "Method Not Allowed", [("allow", ", ".join(sorted(found.route.methods)))])
            asked = await self._admitted(call, found, scope, body)
            target = await found.route.target(asked)
            return await self._passed(call, asked, target, body)
        except GatewayError as error:
            return _refused(call, error, target)
        except UpstreamError as error:
            assert target is not None
            return _refused(call, failed(error, target), target)
        except ClientGone:
            raise
        except Exception:
            return _refused(call, unexpected(), target)

    async def _admitted(self, call: Call, found: Found, scope: HTTPScope, body: ClientBody) -> Asked:
        if self._gateway.full:
            raise GatewayError(429, OVERLOADED)
        query = scope["query_string"].decode("latin-1")
        own = own_header(call.snapshot.config.general_settings)
        check_single(scope["headers"], own)
        presented = call.headers if own is not None else found.route.presented(call.headers, query)
        if not found.route.is_public(found.rest):
            caller = Caller(presented, scope, body)
            call.identity = await call.snapshot.authenticator.authenticate(caller)
            models = await admit_passed(call, found.route, scope["method"], body)
            check_uncounted(call, found, scope["method"], self._gateway.limiter)
            if self._gateway.limiter.concerns(call):
                await self._gateway.limiter.admit(call, models)
        return Asked(
            method=scope["method"],
            rest=found.rest,
            query=query,
            headers=call.headers,
            private=key_headers(presented, call.headers, own) | COOKIES,
            read=body,
            router=call.snapshot.router,
            client=self._gateway.client,
        )

    async def _passed(self, call: Call, asked: Asked, target: Target, body: ClientBody) -> Answer:
        going = target.body if target.body is not None else await body.sent(_filter(asked, target))
        began = time.perf_counter()
        response = await sent(target, asked, going, self._gateway.client)
        body.ended()
        call.outcome.upstream_seconds = time.perf_counter() - began
        if not 200 <= response.status < 300 and response.status not in EMPTY:
            raise await refusal(response, target)
        return await self._answer(call, target, response)

    async def _answer(self, call: Call, target: Target, response: UpstreamResponse) -> Answer:
        call.outcome.status, call.outcome.api_base = response.status, str(target.shown)
        given = dict(response.headers)
        content_type = given.get("content-type", "")
        meter = Meter(content_type, target.model) if target.vendor else None
        streams = content_type.startswith("text/event-stream") or "stream" in target.url.partition("?")[0]
        headers = downward(response.headers) + _own_headers(call, target, streams=streams)
        length = int(given["content-length"]) if given.get("content-length", "").isdigit() else None
        relay = Relay(response, meter)
        finish = partial(_account, call, target, meter)
        if response.status in EMPTY or (length is not None and length <= MAX_READ and not streams):
            parts: list[bytes] = []
            await relay(parts.append)
            finish()
            call.outcome.ending = "done"
            self._gateway.settle(call)
            return Answer(response.status, headers, b"".join(parts))
        call.outcome.first_token_seconds = call.outcome.upstream_seconds if streams else None

        async def relayed(write: Write) -> None:
            try:
                await relay(write)
                call.outcome.ending = "done"
            finally:
                finish()
                if call.outcome.ending == "done":
                    self._gateway.settle(call)

        return Answer(response.status, headers, relayed, length)


def _account(call: Call, target: Target, meter: Meter | None) -> None:
    if meter is not None:
        meter.finish()
    account(call, target, meter, call.snapshot.passthrough.prices)


def _raw_path(scope: HTTPScope) -> str:
    """Percent-encoded, as the client wrote it: a decoded one could hide where a segment ends."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


def _filter(asked: Asked, target: Target) -> MemberFilter | None:
    is_json = "json" in (asked.text(b"content-type") or "json").lower()
    return MemberFilter(target.stripped) if is_json and b"content-encoding" not in asked.headers else None


def _own_headers(call: Call, target: Target, *, streams: bool) -> Pairs:
    if target.bare:
        return []
    headers = [(b"x-litellm-call-id", call.id.encode())]
    return headers if streams else headers + _more(call, target)


def _more(call: Call, target: Target) -> Pairs:
    return [
        (b"x-litellm-model-api-base", value(target.shown)),
        (b"x-litellm-key-spend", repr(call.identity.spent).encode()),
    ]


def _refused(call: Call, error: GatewayError, target: Target | None) -> Answer:
    call.outcome.status, call.outcome.error = error.status, error.message
    headers: Pairs = [JSON]
    if target is not None and not target.bare:
        headers += [(b"x-litellm-call-id", call.id.encode()), *_more(call, target)]
    headers += [(value(name), value(text)) for name, text in error.headers]
    return Answer(error.status, headers, error.body())
