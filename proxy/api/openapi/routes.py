"""The routes of the document and its pages."""

import asyncio
from collections.abc import Collection
from typing import Any

from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from proxy.api.openapi.settings import ROOT, DocsSettings, docs_settings
from proxy.api.plain import json_response
from proxy.api.root import about
from proxy.config.errors import ConfigError
from proxy.errors import DetailError
from proxy.gateway import Gateway
from proxy.snapshot import Snapshot

READ = [HttpMethod.GET, HttpMethod.HEAD]
DOCUMENT = "/openapi.json"
ASSETS = "/swagger"


class Documents:
    """The document of the current snapshot, encoded once."""

    def __init__(self, settings: DocsSettings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._made: tuple[Snapshot, bytes] | None = None

    async def current(self, gateway: Gateway) -> bytes:
        """As JSON."""
        async with self._lock:
            snapshot = gateway.snapshot
            if self._made is None or self._made[0] is not snapshot:
                self._made = snapshot, await asyncio.to_thread(self._encoded, snapshot)
            return self._made[1]

    def _encoded(self, snapshot: Snapshot) -> bytes:
        from proxy.api.openapi.document import encoded_document

        return encoded_document(snapshot, self._settings)


def documentation_routes(taken: Collection[str]) -> list[HTTPRouteHandler]:
    """``/``, ``/openapi.json``, the pages and what they load.

    Args:
        taken: paths that no page may have.

    Raises:
        ConfigError: the environment wants a page where there is something else.
    """
    settings = docs_settings()
    for path in (*settings.swagger, settings.redoc):
        if path in (DOCUMENT, *taken):
            raise ConfigError(f"DOCS_URL or REDOC_URL is {path}, which is the gateway's own; choose another path")
    routes = [_document(settings), _root(settings), _asset()]
    routes += [_page(path, "swagger", settings) for path in settings.swagger if path != ROOT]
    if settings.redoc is not None:
        routes.append(_page(settings.redoc, "redoc", settings))
    return routes


def _document(settings: DocsSettings) -> HTTPRouteHandler:
    documents = Documents(settings)

    @route(DOCUMENT, http_method=READ)
    async def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The OpenAPI document; needs no key."""
        return Response(await documents.current(request.app.state.gateway), media_type="application/json")

    return openapi


def _root(settings: DocsSettings) -> HTTPRouteHandler:
    @route(ROOT, http_method=READ)
    async def root(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The page, or where to go from here; needs no key."""
        accepted = request.headers.get("accept", "")
        if ROOT in settings.swagger and ("application/json" not in accepted or "text/html" in accepted):
            return await _shown("swagger", settings)
        if settings.redirect is not None and ROOT not in settings.swagger:
            return Response(b"", status_code=307, headers={"location": settings.redirect})
        return json_response(about())

    return root


def _page(path: str, kind: str, settings: DocsSettings) -> HTTPRouteHandler:
    @route(path, http_method=READ, opt={"name": f"{kind}_page"})
    async def page() -> Response[bytes]:
        """Shows the document; needs no key."""
        return await _shown(kind, settings)

    return page


async def _shown(kind: str, settings: DocsSettings) -> Response[bytes]:
    from proxy.api.openapi.pages import HEADERS, page

    return Response(page(kind, settings.title), media_type="text/html", headers=HEADERS)


def _asset() -> HTTPRouteHandler:
    @route(f"{ASSETS}/{{name:str}}", http_method=READ)
    async def asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        """What the pages load; needs no key."""
        from proxy.api.openapi.pages import load_asset

        compressed = "gzip" in request.headers.get("accept-encoding", "")
        found = await asyncio.to_thread(load_asset, name, compressed=compressed)
        if found is None:
            raise DetailError(404, "Not Found")
        return Response(found.content, media_type=found.media_type, headers=found.headers)

    return asset
