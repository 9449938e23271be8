"""Keys of the database: who calls with one, or why it is refused."""

import time
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from proxy.auth.authenticator import ADMIN, Caller
from proxy.auth.directory import Directory
from proxy.auth.keys import own_header, presented_key, same_key
from proxy.auth.lookups import StoreAway
from proxy.auth.rows import FoundKey
from proxy.call import Identity
from proxy.config.model import GeneralSettings
from proxy.errors import GatewayError

PREFIX = "sk-"
LET_IN = Identity(token="failed-to-connect-to-db", user_id="default_user_id")  # noqa: S106
"""Who calls with an unknown key while the database is away and ``allow_requests_on_db_unavailable`` is set."""


class VirtualKeys:
    """The master key first, then the keys of the database."""

    def __init__(self, settings: GeneralSettings, directory: Directory) -> None:
        self._master_key = settings.master_key
        self._own = own_header(settings)
        self._directory = directory
        self._lenient = str(settings.other.get("allow_requests_on_db_unavailable", "")).lower() == "true"

    async def authenticate(self, caller: Caller) -> Identity:
        """See :class:`proxy.auth.authenticator.Authenticator`."""
        key = presented_key(caller.headers, self._own)
        if self._master_key is None or same_key(key, self._master_key):
            return ADMIN
        return await self.identity(key)

    async def identity(self, key: str) -> Identity:
        """Who calls with a key that is not the master key.

        Raises:
            GatewayError: 400 or 401: it is unknown, blocked or expired; 503: the database is away.
        """
        if not key.startswith(PREFIX):
            shown = f"{key[:4]}****{key[-4:]}" if len(key) > 8 else "****"
            raise refused(f"LiteLLM Virtual Key expected. Received={shown}, expected to start with 'sk-'.")
        token = sha256(key.encode()).hexdigest()
        entry = self._directory.keys.known(token)
        try:
            found = await self._directory.keys.get(token) if entry is None else entry.value
        except StoreAway:
            if self._lenient:
                return LET_IN
            raise
        if found is None:
            raise _unknown(key, token)
        return _usable(found)


def _usable(found: FoundKey) -> Identity:
    identity = found.identity
    assert identity.access is not None
    row = identity.access.key
    if row["blocked"]:
        raise refused("Key is blocked. Update via `/key/unblock` if you're admin.")
    expires: datetime | None = row["expires"]
    if expires is not None and expires.timestamp() < time.time():
        raise _expired(identity.token or "", expires)
    return identity


def _unknown(key: str, token: str) -> GatewayError:
    return GatewayError(
        401,
        f"Authentication Error, Invalid proxy server token passed. Received API Key = {abbreviated(key)}, Key Hash (Token) "
        f"={token}. Unable to find token in cache or `LiteLLM_VerificationTokenTable`",
        type="token_not_found_in_db",
        param="key",
    )


def _expired(token: str, expires: datetime) -> GatewayError:
    return GatewayError(
        400,
        f"Authentication Error - Expired Key. Key Expiry time {expires} and current time {datetime.now(UTC)}",
        type="expired_key",
        param=abbreviated(token),
    )


def abbreviated(key: str) -> str:
    """A key as errors may show it."""
    return f"sk-...{key[-4:]}"


def refused(why: str, **fields: Any) -> GatewayError:
    """401, as the reference says it of keys."""
    return GatewayError(401, f"Authentication Error, {why}", type="auth_error", **fields)
