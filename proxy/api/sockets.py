"""WebSocket requests on their way to an endpoint. What serves them is imported with the first one."""

from collections.abc import Mapping

from litestar.types import ASGIApp, Receive, Scope, Send

from proxy.gateway import Gateway


class Sockets:
    """ASGI application for WebSockets."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._endpoints: Mapping[str, ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a session; 403 for a path that has none, as in the reference."""
        from proxy.api.realtime import refuse, socket_endpoints

        if self._endpoints is None:
            self._endpoints = socket_endpoints(self._gateway)
        await self._endpoints.get(scope["path"], refuse)(scope, receive, send)
