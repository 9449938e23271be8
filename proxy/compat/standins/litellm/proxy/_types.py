"""Stand-in for the reference's records and errors."""

from proxy.compat.exceptions import ProxyErrorTypes, ProxyException
from proxy.compat.identity import GenerateKeyRequest, LitellmUserRoles, UserAPIKeyAuth, hash_token
from proxy.compat.sso_values import SSOUserDefinedValues

__all__ = [
    "GenerateKeyRequest",
    "LitellmUserRoles",
    "ProxyErrorTypes",
    "ProxyException",
    "SSOUserDefinedValues",
    "UserAPIKeyAuth",
    "hash_token",
]
