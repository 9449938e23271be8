"""Stand-in for the reference's records and errors."""

from proxy.compat.exceptions import ProxyErrorTypes, ProxyException
from proxy.compat.identity import GenerateKeyRequest, LitellmUserRoles, UserAPIKeyAuth, hash_token

__all__ = [
    "GenerateKeyRequest",
    "LitellmUserRoles",
    "ProxyErrorTypes",
    "ProxyException",
    "UserAPIKeyAuth",
    "hash_token",
]
