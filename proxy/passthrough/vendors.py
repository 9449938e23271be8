"""Routes of vendors that are reached with one key: a table, then those that differ in more than it says."""

import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import msgspec

from proxy.passthrough.addresses import Base, base_of, below_vendor, replaced, with_query
from proxy.passthrough.target import NONE, Asked, Target, VendorRoute, unset


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a vendor is, and how it is shown the key. Sources: A.md, A1, as recorded."""

    name: str
    """Of its prices."""
    api_base: str | None
    """``None``: the variable must say it."""
    base_variable: str | None
    key_variables: tuple[str, ...]
    credential: Callable[[str], Mapping[str, str]]
    forwarded: frozenset[str] | None = NONE

    def base(self) -> Base:
        """Where it is.

        Raises:
            GatewayError: 401, no setting says so, or it is no address.
        """
        address = (os.environ.get(self.base_variable) if self.base_variable else None) or self.api_base
        if address is None:
            raise unset(f"{self.base_variable} is not set: the gateway does not know where {self.name} is. Set it")
        try:
            return base_of(address)
        except ValueError as error:
            raise unset(f"{self.base_variable} {error}") from error

    def key(self) -> str:
        """Its key.

        Raises:
            GatewayError: 401, no variable has one.
        """
        key = next((value for name in self.key_variables if (value := os.environ.get(name))), None)
        if key is None:
            variables = " or ".join(self.key_variables)
            raise unset(
                f"{variables} is not set: the gateway has no key for {self.name}. Set it to a key of the vendor"
            )
        return key


def _bearer(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _openai(key: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {key}", "api-key": key}


ANTHROPIC = Vendor(
    name="anthropic",
    api_base="https://api.anthropic.com",
    base_variable="ANTHROPIC_API_BASE",
    key_variables=("ANTHROPIC_API_KEY",),
    credential=lambda key: {"x-api-key": key},
    forwarded=None,
)
OPENAI = Vendor(
    name="openai",
    api_base="https://api.openai.com",
    base_variable="OPENAI_API_BASE",
    key_variables=("OPENAI_API_KEY",),
    credential=_openai,
)
GEMINI = Vendor(
    name="gemini",
    api_base="https://generativelanguage.googleapis.com",
    base_variable="GEMINI_API_BASE",
    key_variables=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    credential=lambda _: {},
)
COHERE = Vendor(
    name="cohere",
    api_base="https://api.cohere.com",
    base_variable="COHERE_API_BASE",
    key_variables=("COHERE_API_KEY",),
    credential=_bearer,
)
MISTRAL = Vendor(
    name="mistral",
    api_base="https://api.mistral.ai",
    base_variable="MISTRAL_API_BASE",
    key_variables=("MISTRAL_API_KEY",),
    credential=_bearer,
)
AZURE = Vendor(
    name="azure",
    api_base=None,
    base_variable="AZURE_API_BASE",
    key_variables=("AZURE_API_KEY",),
    credential=_openai,
)
ASSEMBLYAI = Vendor(
    name="assemblyai",
    api_base="https://api.assemblyai.com",
    base_variable=None,
    key_variables=("ASSEMBLYAI_API_KEY",),
    credential=lambda key: {"Authorization": key},
)
ASSEMBLYAI_EU = msgspec.structs.replace(ASSEMBLYAI, api_base="https://api.eu.assemblyai.com")


class KeyRoute(VendorRoute):
    """Paths below ``path`` are the vendor's own."""

    def __init__(self, path: str, vendor: Vendor) -> None:
        super().__init__(path)
        self._vendor = vendor

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        vendor, key = self._vendor, self._vendor.key()
        address = self._address(asked, vendor.base())
        return Target(
            url=with_query(address, self._query(asked.query, key)),
            shown=address,
            headers=self._headers(asked, key),
            forwarded=vendor.forwarded,
            vendor=vendor.name,
        )

    def _address(self, asked: Asked, base: Base) -> str:
        return below_vendor(base, asked.rest)

    def _query(self, query: str, key: str) -> str:  # noqa: ARG002
        return query

    def _headers(self, asked: Asked, key: str) -> Mapping[str, str]:  # noqa: ARG002
        return self._vendor.credential(key)


class OpenAIRoute(KeyRoute):
    """OpenAI, whose version need not be named, and whose assistants need a header."""

    def _address(self, asked: Asked, base: Base) -> str:
        address = super()._address(asked, base)
        if base.origin == OPENAI.api_base and "/v1/" not in address:
            return below_vendor(Base(base.origin, f"{base.path}/v1"), asked.rest)
        return address

    def _headers(self, asked: Asked, key: str) -> Mapping[str, str]:
        headers = dict(super()._headers(asked, key))
        is_assistants = "thread" in asked.rest or "assistant" in asked.rest
        if is_assistants and b"x-pass-openai-beta" not in asked.headers:
            headers["openai-beta"] = "assistants=v2"
        return headers


class GeminiRoute(KeyRoute):
    """Google AI Studio: both keys, the caller's and the vendor's, stand in the query."""

    def presented(self, headers: Mapping[bytes, bytes], query: str) -> Mapping[bytes, bytes]:
        """``?key=`` or ``x-goog-api-key``, where Google's SDKs put it, and nowhere else, as in the reference."""
        key = dict(parse_qsl(query)).get("key", "").encode("latin-1", "replace") or headers.get(b"x-goog-api-key")
        return {b"authorization": b"Bearer " + key} if key else {}

    def _query(self, query: str, key: str) -> str:
        return replaced(query, {"key": key})


class LangfuseRoute(VendorRoute):
    """Langfuse: its SDKs send a pair of keys, whose second is the gateway's."""

    def presented(self, headers: Mapping[bytes, bytes], query: str) -> Mapping[bytes, bytes]:  # noqa: ARG002
        """The password of the basic authentication."""
        scheme, _, pair = headers.get(b"authorization", b"").partition(b" ")
        try:
            _, _, key = b64decode(pair, validate=True).partition(b":")
        except Base64Error:
            key = b""
        return {b"authorization": b"Bearer " + key} if scheme.lower() == b"basic" and key else {}

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        host = os.environ.get("LANGFUSE_HOST") or "https://cloud.langfuse.com"
        public, secret = os.environ.get("LANGFUSE_PUBLIC_KEY"), os.environ.get("LANGFUSE_SECRET_KEY")
        if not public or not secret:
            raise unset(
                "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY are not set: the gateway has no keys for Langfuse. Set them"
            )
        try:
            base = base_of(host if "://" in host else f"http://{host}")
        except ValueError as error:
            raise unset(f"LANGFUSE_HOST {error}") from error
        address = below_vendor(base, asked.rest)
        pair = b64encode(f"{public}:{secret}".encode()).decode()
        return Target(url=with_query(address, asked.query), shown=address, headers={"Authorization": f"Basic {pair}"})
