"""The ASGI application: routes and life cycle."""

import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Set
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, post, route
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from proxy.api import health, messages, metrics, model_info, models, responses, root
from proxy.api.background import Background
from proxy.api.batches import batch_routes
from proxy.api.files import file_routes
from proxy.api.front import FrontDoor
from proxy.api.google import google_endpoints
from proxy.api.llm import ModelEndpoint
from proxy.api.management.routes import management_routes
from proxy.api.native import NativePaths
from proxy.api.openapi.routes import documentation_routes
from proxy.api.passthrough import PassThroughEndpoint
from proxy.api.plain import REFUSES, error_response, json_response
from proxy.api.root_path import below_root
from proxy.api.sockets import Sockets
from proxy.errors import GatewayError
from proxy.gateway import Gateway

log = logging.getLogger(__name__)

#: Of each endpoint.
PATHS = {
    "chat": ("/chat/completions", "/v1/chat/completions"),
    "completions": ("/completions", "/v1/completions"),
    "embeddings": ("/embeddings", "/v1/embeddings"),
    "messages": ("/v1/messages",),
}
NOT_ALLOWED = {"detail": "Method Not Allowed"}
PLAIN_ROUTES = (
    root.test,
    health.options,
    health.alive,
    health.ready,
    health.health,
    models.list_models,
    models.get_model,
    model_info.model_info,
    model_info.model_group_info,
    messages.count_tokens,
    metrics.metrics,
)


def build_app(gateway: Gateway, around: Callable[[Gateway], AbstractAsyncContextManager[None]]) -> ASGIApp:
    """The application that serves ``gateway``; ``around`` is entered once it has started, and left before it stops."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await gateway.start()
        try:
            async with around(gateway):
                yield
        finally:
            await background.aclose()
            await gateway.stop()

    background = Background(gateway)
    endpoints = {name: ModelEndpoint(gateway, name) for name in PATHS}
    exact = {path: endpoints[name] for name, paths in PATHS.items() for path in paths}
    exact |= responses.model_endpoints(gateway, background)
    routes = [
        *(_model_route(endpoint, path) for path, endpoint in exact.items()),
        *responses.existing_routes(gateway, background),
        *file_routes(gateway),
        *batch_routes(gateway),
        *PLAIN_ROUTES,
        *management_routes(),
    ]
    routes += documentation_routes({path for handler in routes for path in handler.paths})
    litestar = Litestar(
        _with_refusals(routes),
        lifespan=[lifespan],
        state=State({"gateway": gateway}),
        exception_handlers={GatewayError: error_response, HTTPException: _http_error, Exception: _unexpected},
        openapi_config=None,
        logging_config=None,
    )
    passthrough = PassThroughEndpoint(gateway, NativePaths(routes))
    return below_root(FrontDoor(litestar, exact, google_endpoints(gateway), passthrough, Sockets(gateway)))


def _model_route(endpoint: ModelEndpoint, path: str) -> HTTPRouteHandler:
    """Litestar's share of a model endpoint: paths with a slash at the end, and knowing which methods to refuse."""

    @post(path, sync_to_thread=False)
    def call() -> ASGIApp:
        return endpoint

    return call


def _with_refusals(routes: Collection[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """The routes, and 405 for every method that a path does not have: by itself Litestar would answer OPTIONS."""
    methods: defaultdict[str, set[str]] = defaultdict(set)
    for handler in routes:
        for path in handler.paths:
            methods[path].update(handler.http_methods)
    refusals = [_refusal(path, allowed) for path, allowed in methods.items()]
    # Who answers OPTIONS comes first, or Litestar has added its own.
    return sorted([*routes, *refusals], key=lambda handler: HttpMethod.OPTIONS not in handler.http_methods)


def _refusal(path: str, allowed: Set[str]) -> HTTPRouteHandler:
    headers = {"allow": ", ".join(sorted(allowed))}
    others = [method for method in HttpMethod if method not in allowed]

    @route(path, http_method=others, status_code=405, sync_to_thread=False, opt={REFUSES: True})
    def refuse() -> Response[bytes]:
        return json_response(NOT_ALLOWED, 405, headers)

    return refuse


def _http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own errors in the reference's words."""
    if isinstance(error, NotFoundException):
        return json_response({"detail": "Not Found"}, 404)
    if isinstance(error, MethodNotAllowedException):
        return json_response(NOT_ALLOWED, 405)
    return json_response({"detail": error.detail}, error.status_code)


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("unexpected error", exc_info=error)
    return error_response(request, GatewayError(500, "Internal server error"))
