"""The pages: Swagger UI and Redoc, from files of this package, so that they work without the internet."""

import gzip
from html import escape
from importlib.resources import files
from typing import Final

import msgspec

from proxy.api.openapi.settings import TITLE
from proxy.api.root_path import root_path

#: What each page loads, from the package.
SCRIPTS: Final = {
    "swagger": ("swagger-ui-bundle.js", "start-swagger.js"),
    "redoc": ("redoc.standalone.js", "start-redoc.js"),
}
STYLES: Final = {"swagger": ("swagger-ui.css",), "redoc": ()}
TYPES: Final = {"js": "text/javascript", "css": "text/css", "png": "image/png"}
COMPRESSED: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js")
ASSETS: Final = frozenset((*(name for names in SCRIPTS.values() for name in names), "swagger-ui.css", "favicon.png"))
#: Nothing from elsewhere and no script in the page itself. Both libraries write styles into it, Redoc works in a blob.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


class Asset(msgspec.Struct, frozen=True):
    """A file that a page loads."""

    content: bytes
    media_type: str
    headers: dict[str, str]


def page(kind: str, title: str = TITLE) -> bytes:
    """A page of :data:`SCRIPTS`, below the path that a reverse proxy shows the gateway under."""
    base = escape(root_path(), quote=True)
    styles = "".join(f'<link rel="stylesheet" href="{base}/swagger/{name}">\n' for name in STYLES[kind])
    scripts = "".join(f'<script src="{base}/swagger/{name}"></script>\n' for name in SCRIPTS[kind])
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" href="{base}/swagger/favicon.png">\n{styles}'
        f'</head>\n<body>\n<div id="page" data-document="{base}/openapi.json"></div>\n{scripts}</body>\n</html>\n'
    ).encode()


def load_asset(name: str, *, compressed: bool) -> Asset | None:
    """A file as the client takes it; ``None``: no page loads one of that name."""
    if name not in ASSETS:
        return None
    packed = name in COMPRESSED
    content = (files("proxy.api.openapi") / "assets" / (f"{name}.gz" if packed else name)).read_bytes()
    headers = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}
    if packed:
        headers["vary"] = "accept-encoding"
        if compressed:
            headers["content-encoding"] = "gzip"
        else:
            content = gzip.decompress(content)
    return Asset(content, TYPES[name.rpartition(".")[2]], headers)
