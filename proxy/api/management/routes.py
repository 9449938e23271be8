"""The table of operations as Litestar's routes."""

from typing import Any

from litestar import Request, Response, route
from litestar.connection import ASGIConnection
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.handlers.base import BaseRouteHandler

from proxy.api.management.operation import Operation, answer
from proxy.api.management.table import OPERATIONS
from proxy.api.plain import authenticated, identity
from proxy.auth.permissions import Group, check_route


def management_routes() -> list[HTTPRouteHandler]:
    """One handler an operation. Nothing that an operation needs is imported yet."""
    return [_handler(operation) for operation in OPERATIONS]


def _handler(operation: Operation) -> HTTPRouteHandler:
    async def allowed(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        await authenticated(connection, handler)
        check_route(identity(connection), connection.scope["path"], operation.groups)

    guards = [] if Group.PUBLIC in operation.groups else [allowed]

    @route(
        [_typed(path) for path in operation.paths],
        http_method=HttpMethod(operation.method),
        guards=guards,
        status_code=200,
    )
    async def call(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await answer(operation, request)

    return call


def _typed(path: str) -> str:
    """``{name}`` as Litestar wants it, ``{name:str}``."""
    return "/".join(
        f"{part[:-1]}:str}}" if part.startswith("{") and part.endswith("}") and ":" not in part else part
        for part in path.split("/")
    )
