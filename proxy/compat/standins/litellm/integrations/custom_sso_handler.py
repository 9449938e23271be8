"""Stand-in for the reference's base class of sign-in handlers."""

from proxy.compat.openid import CustomSSOLoginHandler

__all__ = ["CustomSSOLoginHandler"]
