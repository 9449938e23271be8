"""``/metrics`` for Prometheus. Always served, while the reference serves it with its ``prometheus`` callback alone."""

import asyncio
from typing import Any

from litestar import Request, Response, get
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from proxy.api.plain import authenticated
from proxy.gateway import Gateway

CONTENT_TYPE = "text/plain; version=0.0.4"


async def _authenticated_if_asked(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """``litellm_settings.require_auth_for_metrics_endpoint`` demands a key."""
    gateway: Gateway = connection.app.state.gateway
    if gateway.snapshot.config.settings.other.get("require_auth_for_metrics_endpoint") is True:
        await authenticated(connection, handler)


@get("/metrics", guards=[_authenticated_if_asked])
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What this process has counted since it began. Several workers count each for itself."""
    gateway: Gateway = request.app.state.gateway
    return Response(await asyncio.to_thread(_text, gateway), media_type=CONTENT_TYPE)


def _text(gateway: Gateway) -> bytes:
    from proxy.metrics.exposition import Queued, exposition

    deployments, queue = gateway.snapshot.router.groups.deployments, gateway.queue
    queued = Queued(queue.depths(), queue.waits.copy())
    return exposition(gateway.recorder, gateway.cooldowns, deployments, gateway.calls, queued)
