"""The ASGI application: routes and life cycle."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response, asgi
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from proxy.api import fallbacks, health, messages, metrics, model_info, models, root
from proxy.api.front import FrontDoor
from proxy.api.llm import ModelEndpoint
from proxy.api.plain import error_response, json_response
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
PLAIN_ROUTES = (
    root.about,
    root.test,
    health.options,
    health.alive,
    health.ready,
    health.health,
    models.list_models,
    models.get_model,
    fallbacks.get_fallback,
    model_info.model_info,
    model_info.model_group_info,
    messages.count_tokens,
    metrics.metrics,
)


def build_app(gateway: Gateway, around: Callable[[Gateway], AbstractAsyncContextManager[None]]) -> FrontDoor:
    """The application that serves ``gateway``; ``around`` is entered once it has started, and left before it stops."""

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await gateway.start()
        try:
            async with around(gateway):
                yield
        finally:
            await gateway.stop()

    endpoints = {name: ModelEndpoint(gateway, name) for name in PATHS}
    litestar = Litestar(
        [*_model_routes(endpoints), *PLAIN_ROUTES],
        lifespan=[lifespan],
        state=State({"gateway": gateway}),
        exception_handlers={GatewayError: error_response, HTTPException: _http_error, Exception: _unexpected},
        openapi_config=None,
        logging_config=None,
    )
    exact = {path: endpoints[name] for name, paths in PATHS.items() for path in paths}
    return FrontDoor(litestar, exact)


def _model_routes(endpoints: dict[str, ModelEndpoint]) -> list[Any]:
    """Litestar's share of the model endpoints: to know their paths, and so to refuse other methods."""
    return [asgi(list(paths), copy_scope=False)(endpoints[name]) for name, paths in PATHS.items()]


def _http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Litestar's own errors in the reference's words."""
    if isinstance(error, NotFoundException):
        return json_response({"detail": "Not Found"}, 404)
    if isinstance(error, MethodNotAllowedException):
        return json_response({"detail": "Method Not Allowed"}, 405)
    return json_response({"detail": error.detail}, error.status_code)


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("unexpected error", exc_info=error)
    return error_response(request, GatewayError(500, "Internal server error"))
