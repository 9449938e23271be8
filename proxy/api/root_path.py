"""``SERVER_ROOT_PATH``: the prefix under which a reverse proxy shows the gateway, and which it may leave in paths."""

import os

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

VARIABLE = "SERVER_ROOT_PATH"


def root_path() -> str:
    """Without the slash at its end; empty: there is none."""
    return os.environ.get(VARIABLE, "").rstrip("/")


def below_root(app: ASGIApp) -> ASGIApp:
    """``app`` itself, or where there is a prefix, one that answers with and without it."""
    prefix = root_path()
    if not prefix:
        return app

    async def unprefixed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in (ScopeType.HTTP, ScopeType.WEBSOCKET) and scope["path"].startswith(f"{prefix}/"):
            raw = scope.get("raw_path") or b""
            scope = {**scope, "path": scope["path"][len(prefix) :]}  # type: ignore[assignment]
            if raw.startswith(prefix.encode()):
                scope["raw_path"] = raw[len(prefix.encode()) :]
        await app(scope, receive, send)

    return unprefixed
