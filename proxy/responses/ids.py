"""Ids of responses: which deployment made one, and for whom.

They are formed as LiteLLM 1.81.14 forms them, so that each gateway understands the other's. What leads to the response is
written in base64; that, together with the owner, is encrypted (NaCl's secret box), where there is a key to do it with.
"""

import base64
import binascii
import hashlib
import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from proxy.call import Identity
from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError

if TYPE_CHECKING:
    from nacl.secret import SecretBox

PREFIX = "resp_"
SECURITY = "disable_responses_id_security"
ADMIN_USER = "default_user_id"
"""The user whom the reference takes the master key for."""
_KEYS = ("TIANJI_SALT_KEY", "LITELLM_SALT_KEY")
_way = re.compile(r"litellm:custom_llm_provider:(.*?);model_id:(.*?);response_id:(.+)", re.DOTALL)
_owned = re.compile(r"litellm_proxy:responses_api:response_id:(.*?);user_id:(.*?);team_id:(.*)", re.DOTALL)


class Found(msgspec.Struct, frozen=True):
    """What an id says."""

    provider: str
    deployment: str
    """The id of the deployment that made the response."""
    upstream: str
    """What its vendor calls the response."""


class Ids:
    """Makes and reads the ids of a config's gateway.

    Args:
        key: of the encryption; ``None``: there is none.
        secure: whether a response is for its owner alone.
    """

    def __init__(self, key: str | None, *, secure: bool) -> None:
        self._key = key
        self.secure = secure and key is not None

    def made(self, found: Found, owner: Identity) -> str:
        """The id of a response."""
        way = f"litellm:custom_llm_provider:{found.provider};model_id:{found.deployment};response_id:{found.upstream}"
        plain = PREFIX + base64.b64encode(way.encode()).decode()
        if not self.secure:
            return plain
        user, team = owner_of(owner)
        owned = f"litellm_proxy:responses_api:response_id:{plain};user_id:{user};team_id:{team}"
        assert self._key is not None
        return PREFIX + base64.urlsafe_b64encode(_box(self._key).encrypt(owned.encode())).decode()

    def read(self, given: str, caller: Identity) -> Found | None:
        """What an id says to its owner; ``None``: it is not one of this gateway's.

        Raises:
            GatewayError: 403, it is somebody else's.
        """
        owned = self._opened(given)
        if owned is None:
            # Anybody can write one that is not encrypted.
            return _found(given) if caller.is_admin or not self.secure else None
        plain, user, team = owned
        self.check(user, team, caller)
        return _found(plain)

    def check(self, user: str, team: str, caller: Identity) -> None:
        """Refuse a caller who is neither the owner nor an admin.

        Raises:
            GatewayError: 403.
        """
        if caller.is_admin or not self.secure:
            return
        if user and user != caller.user_id:
            raise _forbidden("user")
        if team and team != caller.team_id:
            raise _forbidden("team")

    def _opened(self, given: str) -> tuple[str, str, str] | None:
        """The id that only leads to the response, its user and team."""
        if self._key is None or not given.startswith(PREFIX):
            return None
        from nacl.exceptions import CryptoError

        try:
            text = _box(self._key).decrypt(base64.urlsafe_b64decode(given.removeprefix(PREFIX))).decode()
        except (CryptoError, ValueError):
            return None
        owned = _owned.fullmatch(text)
        return None if owned is None else (owned[1], owned[2], owned[3])


def ids_of(config: ProxyConfig) -> Ids:
    """The ids of a config."""
    key = next((value for name in _KEYS if (value := os.environ.get(name))), config.general_settings.master_key)
    return Ids(key, secure=not config.general_settings.other.get(SECURITY))


def owner_of(identity: Identity) -> tuple[str, str]:
    """User and team that responses belong to; empty where the caller has none."""
    return identity.user_id or (ADMIN_USER if identity.is_admin else ""), identity.team_id or ""


def _found(plain: str) -> Found | None:
    try:
        text = base64.b64decode(plain.removeprefix(PREFIX)).decode()
    except (binascii.Error, ValueError):
        return None
    way = _way.fullmatch(text)
    return None if way is None else Found(way[1], way[2], way[3])


@lru_cache(maxsize=8)
def _box(key: str) -> "SecretBox":
    """Made when the first id is: most gateways never need the library."""
    from nacl.secret import SecretBox

    return SecretBox(hashlib.sha256(key.encode()).digest())


def _forbidden(owner: str) -> GatewayError:
    return GatewayError(
        403,
        f"Forbidden. The response id is not associated with the {owner}, who this key belongs to. To disable this "
        f"security feature, set general_settings::{SECURITY} to True in the config.yaml file.",
    )
