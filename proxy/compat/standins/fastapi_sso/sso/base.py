"""Stand-in for the record of somebody who signed in."""

from proxy.compat.openid import OpenID

__all__ = ["OpenID"]
