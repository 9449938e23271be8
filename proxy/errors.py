"""Errors as clients see them.

Two shapes, both the reference's (`../shared/reference/A.md`, CORE): the OpenAI-like ``{"error": {...}}`` of every model
route, and ``{"detail": ...}`` of plain routes.
"""

from typing import Any, Literal

import msgspec

Kind = Literal[
    "bad_request",
    "context_window",
    "content_policy",
    "authentication",
    "permission",
    "not_found",
    "timeout",
    "rate_limit",
    "server",
    "unavailable",
    "other",
]

Headers = list[tuple[str, str]]


class GatewayError(Exception):
    """An error that the gateway itself decided on: refused requests, unknown models, invalid bodies.

    ``type`` and ``param`` are the string ``"None"`` by default, as the reference writes them for errors that no upstream
    caused; errors that come from an upstream have JSON nulls there (:class:`Failure`).
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str | None = "None",  # noqa: A002
        param: str | None = "None",
        headers: Headers | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type
        self.param = param
        self.headers = headers or []

    def body(self) -> bytes:
        """The JSON body; ``code`` is the status as a string."""
        return _error_body(self.message, self.type, self.param, str(self.status))


class DetailError(GatewayError):
    """An error of a plain route: ``{"detail": ...}``."""

    def __init__(self, status: int, detail: Any, headers: Headers | None = None) -> None:
        super().__init__(status, str(detail), headers=headers)
        self.detail = detail

    def body(self) -> bytes:
        return msgspec.json.encode({"detail": self.detail})


class Failure(GatewayError):
    """An attempt that did not succeed; what the plan decides on, and what the client sees when the plan gives up."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: Kind,
        type: str | None = None,  # noqa: A002
        param: str | None = None,
        retry_after: float | None = None,
        headers: Headers | None = None,
        reached: bool = True,
    ) -> None:
        super().__init__(status, message, type=type, param=param, headers=headers)
        self.kind: Kind = kind
        self.retry_after = retry_after
        """Seconds, from the upstream's header."""
        self.reached = reached
        """False when no upstream was called or none could be connected to."""
        self.blames_deployment = True
        """False when the client brought it about: then the deployment's health does not suffer."""
        self.retries: tuple[int, int] | None = None
        """How many retries were made, of how many at the most."""

    def text(self) -> str:
        """The message with the retries made: how another failure quotes this one. Clients see ``message``."""
        if self.retries is None:
            return self.message
        made, most = self.retries
        return f"{self.message} LiteLLM Retried: {made} times, LiteLLM Max Retries: {most}"


def _error_body(message: str, type_: str | None, param: str | None, code: str) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": type_, "param": param, "code": code}})
