"""Secrets in HashiCorp Vault, engine KV version 2, over HTTP.

The settings are the reference's environment variables; in ``key_management_settings`` they stand in lower case.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from proxy.config.errors import ConfigError
from proxy.secrets.base import SecretError, checked

SECONDS: Final = 10.0
_ADDRESS, _TOKEN = "hcp_vault_addr", "hcp_vault_token"


class _Inner(msgspec.Struct):
    data: dict[str, Any]


class _Answer(msgspec.Struct):
    data: _Inner


class Vault:
    """See :class:`proxy.secrets.base.SecretManager`; the name is the secret's path, the field ``key`` unless ``PATH#FIELD``."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._address = _needed(settings, _ADDRESS).rstrip("/")
        self._token = _needed(settings, _TOKEN)
        self._mount = _setting(settings, "hcp_vault_mount_name") or "secret"
        self._prefix = _setting(settings, "hcp_vault_path_prefix")
        self._namespace = _setting(settings, "hcp_vault_namespace")

    async def read(self, name: str) -> str:
        """The field of the newest version."""
        path, _, field = name.partition("#")
        whole = "/".join(part.strip("/") for part in (self._prefix, path) if part)
        url = f"{self._address}/v1/{quote(self._mount)}/data/{quote(whole)}"
        headers = {"x-vault-token": self._token}
        if self._namespace:
            headers["x-vault-namespace"] = self._namespace
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as client:
                answer = await client.get(url, headers=headers)
        except httpx.HTTPError as error:
            raise SecretError(f"Vault cannot be reached for the secret {path!r}: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise SecretError(
                f"Vault answered {answer.status_code} for the secret {path!r}; check path, token and policy"
            )
        return checked(_field(answer.content, path, field or "key"), name)


def _field(content: bytes, path: str, field: str) -> str:
    try:
        value = msgspec.json.decode(content, type=_Answer).data.data.get(field)
    except msgspec.DecodeError as error:
        raise SecretError(f"Vault's answer for the secret {path!r} is none of KV version 2") from error
    if not isinstance(value, str):
        raise SecretError(f"the secret {path!r} of Vault has no text in its field {field!r}")
    return value


def _setting(settings: Mapping[str, Any], name: str) -> str:
    return str(settings.get(name) or os.environ.get(name.upper()) or "")


def _needed(settings: Mapping[str, Any], name: str) -> str:
    value = _setting(settings, name)
    if not value:
        key = f"general_settings.key_management_settings.{name}"
        raise ConfigError(f"is missing; set it, or the environment variable {name.upper()}", key=key)
    return value


def make(settings: Mapping[str, Any], _: Path) -> Vault:
    """Raises ConfigError: address or token is missing."""
    return Vault(settings)
