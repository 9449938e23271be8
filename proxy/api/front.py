"""The outermost layer: CORS, and the shortest way to the model endpoints.

Every model call would pay 25 us for Litestar's middleware and routing (a tenth of its CPU; measured with tools/bench), so
POST requests to model endpoints are answered here; also those whose path names the model, since Litestar 2.25 cannot route
``@asgi`` handlers with parameters. Everything else is Litestar's.
"""

import re
from collections.abc import Mapping

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from proxy.api.google import model_and_verb
from proxy.api.passthrough import PassThroughEndpoint

METHODS = (b"DELETE", b"GET", b"HEAD", b"OPTIONS", b"PATCH", b"POST", b"PUT", b"QUERY")
PREFLIGHT_SECONDS = b"600"
ASKED = b", ".join(
    (
        b"Origin",
        b"Access-Control-Request-Method",
        b"Access-Control-Request-Headers",
        b"Access-Control-Request-Private-Network",
    )
)
"""What the answer to a preflight depends on."""
_NAMES_MODEL = re.compile(
    r"/(?:engines|openai/deployments)/(?P<model>.+?)(?P<path>/(?:chat/completions|completions|embeddings))"
)


class FrontDoor:
    """ASGI application around the others.

    Args:
        app: for everything that is no exact path of ``endpoints``.
        endpoints: of ``POST`` requests, by path.
        google: of those in Google's format, by the verb at the end of the path.
        passthrough: for what it finds a route.
        sockets: for WebSockets.
    """

    def __init__(
        self,
        app: ASGIApp,
        endpoints: Mapping[str, ASGIApp],
        google: Mapping[str, ASGIApp],
        passthrough: PassThroughEndpoint,
        sockets: ASGIApp,
    ) -> None:
        self._app = app
        self._endpoints = endpoints
        self._google = google
        self._passthrough = passthrough
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == ScopeType.HTTP:
            if scope["method"] == "POST":
                app = self._endpoints.get(scope["path"]) or self._of_model(scope) or self._other(scope)
            elif _NAMES_MODEL.fullmatch(scope["path"]) or model_and_verb(scope["path"]):
                app = _not_allowed
            else:
                app = self._other(scope)
            origin = _header(scope, b"origin")
            if origin is not None:
                asked = _header(scope, b"access-control-request-method") if scope["method"] == "OPTIONS" else None
                if asked is not None:
                    await _preflight(scope, origin, asked, send)
                    return
                send = _allowing(origin, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            app = self._sockets
        await app(scope, receive, send)

    def _other(self, scope: HTTPScope) -> ASGIApp:
        return self._passthrough.find(scope) or self._app

    def _of_model(self, scope: HTTPScope) -> ASGIApp | None:
        """The endpoint of a path such as ``/openai/deployments/{model}/embeddings`` or ``/v1beta/models/{model}:countTokens``."""
        match = _NAMES_MODEL.fullmatch(scope["path"])
        if match is not None:
            scope["path_params"] = {"model": match["model"]}
            return self._endpoints[match["path"]]
        asked = model_and_verb(scope["path"])
        if asked is None:
            return None
        scope["path_params"] = {"model": asked[0]}
        return self._google[asked[1]]


async def _not_allowed(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    body = b'{"detail":"Method Not Allowed"}'
    headers = [(b"allow", b"POST"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _header(scope: HTTPScope, name: bytes) -> bytes | None:
    for given, value in scope["headers"]:
        if given == name:
            return value
    return None


def _allowed(origin: bytes) -> list[tuple[bytes, bytes]]:
    """Any page may call, as with the reference: a key is needed all the same."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    ]


def _allowing(origin: bytes, send: Send) -> Send:
    async def send_allowing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_allowed(origin)]
        await send(message)

    return send_allowing


async def _preflight(scope: HTTPScope, origin: bytes, method: bytes, send: Send) -> None:
    status, body = (200, b"OK") if method in METHODS else (400, b"Disallowed CORS method")
    headers = [
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", ASKED),
        (b"access-control-allow-methods", b", ".join(METHODS)),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
    ]
    wanted = _header(scope, b"access-control-request-headers")
    if wanted is not None:
        headers.append((b"access-control-allow-headers", wanted))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
