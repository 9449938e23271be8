"""Plain routes: who may call them, and errors as their callers expect them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Guard

from proxy.auth.authenticator import Caller
from proxy.auth.organizations import CHECKED, check_organization
from proxy.auth.permissions import Group, check_route, is_delegate
from proxy.call import Identity
from proxy.errors import GatewayError
from proxy.gateway import Gateway

REFUSES = "refuses"
"""Option of handlers that only say which methods a path has not."""
OF_A_TEMPLATE = "of-a-template"
"""Option of handlers whose paths a template among the routes stands for."""


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard of every route that needs a key; leaves the caller's :class:`Identity` in the request's state.

    Raises:
        GatewayError: 400 or 401.
    """
    gateway: Gateway = connection.app.state.gateway
    caller = Caller(dict(connection.scope["headers"]), connection.scope, _no_body)
    connection.state.identity = await gateway.snapshot.authenticator.authenticate(caller)


def guarded(groups: Group) -> Guard:
    """Guard of a route of these groups: the caller is known, and may call it.

    Raises (when called):
        GatewayError: 400, 401 or 403.
    """

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        await authenticated(connection, handler)
        await check_allowed(connection, groups)

    return guard


async def check_allowed(connection: ASGIConnection[Any, Any, Any, Any], groups: Group) -> None:
    """Whether an authenticated caller may call the route, as far as that can be told without its function.

    Raises:
        GatewayError: 401 or 403; 400 when a key has spent what it may, and the route is one for models.
    """
    caller, scope = identity(connection), connection.scope
    path, method = scope["path"], str(scope.get("method", "GET"))
    gateway: Gateway = connection.app.state.gateway
    others = gateway.snapshot.config.general_settings.other
    if path in (others.get("admin_only_routes") or ()) and not caller.is_admin:
        why = f"user not allowed to access this route. Route={path} is an admin only route"
        raise GatewayError(403, why, type="auth_error")
    organization_id = await _organization_id(connection) if caller.administers or path in CHECKED else None
    if path in CHECKED:
        check_organization(caller, path, organization_id)
    if gateway.snapshot.admission is not None:
        await gateway.snapshot.admission.check_caller(caller, budgets=Group.LLM in groups)
    check_route(caller, path, groups, method, organization_id)
    if is_delegate(caller, path):
        connection.state.identity = msgspec.structs.replace(caller, is_delegate=True)


async def _organization_id(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """That the query or the body names."""
    given = connection.query_params.get("organization_id")
    if given is None and isinstance(connection, Request) and connection.method != "GET":
        try:
            given = msgspec.json.decode(await connection.body(), type=_Organization).organization_id
        except (msgspec.DecodeError, RecursionError):
            return None
    return given if isinstance(given, str) else None


class _Organization(msgspec.Struct):
    organization_id: Any = None


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
