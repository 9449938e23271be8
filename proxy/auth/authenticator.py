"""Admission: who is calling, and may they?"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from proxy.call import Identity

ADMIN = Identity(is_admin=True, is_master=True, user_id=None, role="proxy_admin")


class Caller(msgspec.Struct):
    """What authentication sees of a request."""

    headers: Mapping[bytes, bytes]
    """By lower-case name."""
    scope: Any
    """Of ASGI."""
    body: Callable[[], Awaitable[bytes]]
    """Reads the body, once however often it is called."""


class Authenticator(Protocol):
    """One way of telling who calls."""

    async def authenticate(self, caller: Caller) -> Identity:
        """The caller.

        Raises:
            GatewayError: 400 or 401, with the reference's body.
        """
