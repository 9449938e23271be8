"""Stand-in for the FastAPI names that users' files import."""

from http import HTTPStatus
from types import SimpleNamespace

from proxy.compat.exceptions import HTTPException
from proxy.compat.requests import Request

__all__ = ["HTTPException", "Request", "status"]

#: ``status.HTTP_401_UNAUTHORIZED`` and its like.
status = SimpleNamespace(**{f"HTTP_{code.value}_{code.name}": code.value for code in HTTPStatus})
