"""Plain routes: who may call them, and errors as their callers expect them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from proxy.auth.authenticator import Caller
from proxy.call import Identity
from proxy.errors import GatewayError
from proxy.gateway import Gateway


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard of every route that needs a key; leaves the caller's :class:`Identity` in the request's state.

    Raises:
        GatewayError: 400 or 401.
    """
    gateway: Gateway = connection.app.state.gateway
    caller = Caller(dict(connection.scope["headers"]), connection.scope, _no_body)
    connection.state.identity = await gateway.snapshot.authenticator.authenticate(caller)


async def _no_body() -> bytes:
    """Plain routes that a user's auth function guards show it no body: it belongs to the handler."""
    return b""


def identity(connection: ASGIConnection[Any, Any, Any, Any]) -> Identity:
    """The caller of a guarded route."""
    caller: Identity = connection.state.identity
    return caller


def error_response(_: Request[Any, Any, Any], error: GatewayError) -> Response[bytes]:
    """A gateway error on a plain route."""
    headers = dict(error.headers)
    return Response(error.body(), status_code=error.status, media_type="application/json", headers=headers)


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[bytes]:
    """Any value that msgspec encodes."""
    return Response(msgspec.json.encode(value), status_code=status, media_type="application/json", headers=headers)
