"""Stand-in for the names that users' hooks import from the reference's server."""

from proxy.compat.exceptions import HTTPException, ProxyException
from proxy.compat.identity import LitellmUserRoles, UserAPIKeyAuth
from proxy.compat.memory_cache import DualCache

__all__ = ["DualCache", "HTTPException", "LitellmUserRoles", "ProxyException", "UserAPIKeyAuth"]
