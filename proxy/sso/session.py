"""The session of somebody who signed in: a JWT that holds a virtual key of a day, in the cookie ``token``.

Its claims are the reference's, with ``iat`` and ``exp`` beside them. It is signed with a key derived from the master key by
scrypt: who holds a session cannot try out master keys at any useful speed.
"""

import hashlib
import os
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError

if TYPE_CHECKING:
    from joserfc.jwk import OctKey

COOKIE = "token"
SECONDS = 24 * 60 * 60
"""How long a session lasts; so does its key."""
TEAM = "litellm-dashboard"
"""Of the keys that sessions hold."""
ALGORITHM = "HS256"
_SALT = b"tianji session"
_COST, _BLOCK, _MEMORY = 2**14, 8, 64 * 2**20

LoginMethod = Literal["sso", "username_password"]


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a session; their names are the reference's."""

    user_id: str
    key: str
    """A virtual key: what is put into the header ``auth_header_name``."""
    user_email: str | None
    user_role: str
    login_method: LoginMethod
    premium_user: bool = False
    auth_header_name: str = "Authorization"
    disabled_non_admin_personal_key_creation: bool = False
    server_root_path: str = ""
    iat: int = 0
    exp: int = 0
    """Both in seconds since 1970, set by :func:`issue`."""


def new_session(
    config: ProxyConfig, *, user_id: str, key: str, user_email: str | None, user_role: str, login_method: LoginMethod
) -> Session:
    """A session with what the config says about all of them."""
    generation = config.settings.other.get("key_generation_settings") or {}
    personal = generation.get("personal_key_generation") or {}
    return Session(
        user_id=user_id,
        key=key,
        user_email=user_email,
        user_role=user_role,
        login_method=login_method,
        auth_header_name=config.general_settings.litellm_key_header_name or "Authorization",
        disabled_non_admin_personal_key_creation="proxy_admin" in (personal.get("allowed_user_roles") or ()),
        server_root_path=root_path(),
    )


def root_path() -> str:
    """Where clients see the gateway's paths begin: ``SERVER_ROOT_PATH``."""
    return os.environ.get("SERVER_ROOT_PATH", "").rstrip("/")


def issue(session: Session, master_key: str) -> str:
    """The signed token. Some 50 ms when it is the first of a process: call it in a thread.

    Raises:
        GatewayError: 500, the extra ``oidc`` is not installed.
    """
    key = _signing_key(master_key)
    from joserfc import jwt

    now = int(time.time())
    claims: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(session, iat=now, exp=now + SECONDS))
    return jwt.encode({"alg": ALGORITHM}, claims, key)


def read(token: str, master_key: str) -> Session | None:
    """The session of a token that was signed here and is not over, else ``None``. In a thread, as :func:`issue`.

    Raises:
        GatewayError: 500, the extra ``oidc`` is not installed.
    """
    key = _signing_key(master_key)
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        session = msgspec.convert(claims, Session)
    except (JoseError, ValueError):
        return None
    return session if session.exp > time.time() else None


def cookie(token: str, *, secure: bool) -> dict[str, Any]:
    """The attributes of the cookie that holds a session. ``secure``: clients reach the gateway by https.

    Scripts cannot read it (the reference's can be read); a page of the gateway asks ``GET /sso/session`` for what it says.
    """
    return {
        "key": COOKIE,
        "value": token,
        "path": "/",
        "max_age": SECONDS,
        "httponly": True,
        "samesite": "lax",
        "secure": secure,
    }


@lru_cache(maxsize=4)
def _signing_key(master_key: str) -> "OctKey":
    try:
        from joserfc.jwk import OctKey
    except ImportError:
        raise GatewayError(
            500, "Signing in needs the extra `oidc`; pip install 'tianji[oidc]'", type="auth_error", param="oidc"
        ) from None
    secret = master_key.encode("utf-8", "surrogatepass")
    derived = hashlib.scrypt(secret, salt=_SALT, n=_COST, r=_BLOCK, p=1, maxmem=_MEMORY, dklen=32)
    return OctKey.import_key(derived)
