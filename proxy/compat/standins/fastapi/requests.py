"""Stand-in for the request."""

from proxy.compat.requests import Request

__all__ = ["Request"]
