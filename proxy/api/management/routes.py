"""The table of operations as Litestar's routes."""

from typing import Any

from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from proxy.api.management.operation import Operation, answer
from proxy.api.management.table import OPERATIONS
from proxy.api.plain import guarded
from proxy.auth.permissions import Group


def management_routes() -> list[HTTPRouteHandler]:
    """One handler an operation. Nothing that an operation needs is imported yet."""
    return [_handler(operation) for operation in OPERATIONS]


def _handler(operation: Operation) -> HTTPRouteHandler:
    guards = [] if Group.PUBLIC in operation.groups else [guarded(operation.groups)]

    @route(
        [_typed(path) for path in operation.paths],
        http_method=HttpMethod(operation.method),
        guards=guards,
        status_code=200,
        opt={"name": operation.function.rpartition(".")[2]},
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
