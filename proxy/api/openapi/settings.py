"""Where the document and its pages are shown: the reference's environment variables (D.md, D16)."""

import os

import msgspec

from proxy.config.errors import ConfigError

ROOT, DOCS, REDOC = "/", "/docs", "/redoc"
TITLE = "TianjiLLM gateway"
DESCRIPTION = "One address for the models of many providers, in the formats of OpenAI, Anthropic and Google."


class DocsSettings(msgspec.Struct, frozen=True):
    """Which paths show what."""

    swagger: tuple[str, ...]
    redoc: str | None
    redirect: str | None
    """Where ``/`` leads, where it shows no page."""
    title: str
    description: str
    filtered: bool
    """Only the model endpoints are listed."""


def docs_settings() -> DocsSettings:
    """What the environment says.

    Raises:
        ConfigError: a page's path is none.
    """
    moved = _path("DOCS_URL")
    if moved is not None:
        swagger: tuple[str, ...] = (moved,)
    else:
        swagger = () if _is_true("NO_DOCS") else (ROOT, DOCS)
    redoc = _path("REDOC_URL") or (None if _is_true("NO_REDOC") else REDOC)
    if redoc in swagger:
        raise ConfigError(f"REDOC_URL is {redoc}, where the other page of the API is; choose another path")
    return DocsSettings(
        swagger=swagger,
        redoc=redoc,
        redirect=os.environ.get("ROOT_REDIRECT_URL"),
        title=os.environ.get("DOCS_TITLE") or TITLE,
        description=os.environ.get("DOCS_DESCRIPTION") or DESCRIPTION,
        filtered=_is_true("DOCS_FILTERED"),
    )


def _path(variable: str) -> str | None:
    path = os.environ.get(variable)
    if not path:
        return None
    if not path.startswith("/") or "{" in path:
        raise ConfigError(f"{variable} is {path!r}, which is no path; write /docs")
    return path.rstrip("/") or ROOT


def _is_true(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() == "true"
