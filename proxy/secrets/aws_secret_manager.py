"""Secrets in AWS Secrets Manager, over HTTP; who asks is told apart as for Bedrock (``proxy/providers/aws_auth.py``)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from proxy.errors import Failure
from proxy.providers.aws_auth import credentials_of, region_of, signed_headers
from proxy.secrets.base import SecretError, checked

SECONDS: Final = 10.0
SERVICE: Final = "secretsmanager"


class _Answer(msgspec.Struct):
    value: str = msgspec.field(name="SecretString", default="")


class SecretsManager:
    """See :class:`proxy.secrets.base.SecretManager`; the name is the secret's name or ARN, ``NAME#FIELD`` for one of its JSON
    fields. ``aws_secretsmanager_endpoint`` replaces the region's address."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings

    async def read(self, name: str) -> str:
        """The current version (``AWSCURRENT``)."""
        secret, _, field = name.partition("#")
        content = await self._call("GetSecretValue", {"SecretId": secret})
        text = msgspec.json.decode(content, type=_Answer).value
        return checked(_field(text, secret, field) if field else text, name)

    async def rotate(self, name: str) -> str:
        """Have the secret's own rotation function run; what it makes may be there only at the next interval."""
        await self._call("RotateSecret", {"SecretId": name.partition("#")[0]})
        return await self.read(name)

    async def _call(self, action: str, body: Mapping[str, Any]) -> bytes:
        region = region_of(self._settings)
        url = self._settings.get("aws_secretsmanager_endpoint") or f"https://{SERVICE}.{region}.amazonaws.com"
        content = msgspec.json.encode(body)
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{SERVICE}.{action}"}
        try:
            signer = await credentials_of(self._settings)
            headers = signed_headers(
                "POST", f"{url}/", headers, content, service=SERVICE, region=region, credentials=signer
            )
        except Failure as error:
            raise SecretError(f"AWS Secrets Manager cannot be asked: {error.message}") from error
        try:
            async with httpx.AsyncClient(timeout=SECONDS) as client:
                answer = await client.post(f"{url}/", content=content, headers=headers)
        except httpx.HTTPError as error:
            raise SecretError(f"AWS Secrets Manager cannot be reached: {type(error).__name__}") from error
        if answer.status_code != 200:
            name = body["SecretId"]
            told = f"AWS Secrets Manager answered {answer.status_code} for the secret {name!r}"
            raise SecretError(f"{told}; check the name, and what the one who asks may do")
        return answer.content


def _field(text: str, secret: str, field: str) -> str:
    try:
        value = msgspec.json.decode(text, type=dict[str, Any]).get(field)
    except msgspec.DecodeError as error:
        raise SecretError(f"the secret {secret!r} is no JSON object; leave out #{field}") from error
    if not isinstance(value, str):
        raise SecretError(f"the secret {secret!r} has no text in its field {field!r}")
    return value


def make(settings: Mapping[str, Any], _: Path) -> SecretsManager:
    """Needs no settings: region and account are found as the AWS tools find them."""
    return SecretsManager(settings)
