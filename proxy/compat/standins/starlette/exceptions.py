"""Stand-in for the exception that carries a status."""

from proxy.compat.exceptions import HTTPException

__all__ = ["HTTPException"]
