"""How each vendor is asked for a realtime session in OpenAI's dialect (A.md, A6; recorded)."""

from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urlsplit

import msgspec

from proxy.deployment import Deployment
from proxy.errors import Failure, Headers
from proxy.providers.azure.provider import AZURE
from proxy.providers.compatible import VENDORS
from proxy.providers.vendor import OPENAI, Vendor

DEFAULT_AZURE_VERSION = "2024-10-01-preview"
GENERAL = ("GA", "v1")
"""Values of ``litellm_params.realtime_protocol`` for Azure's API without versions."""
BETA = ("openai-beta", "realtime=v1")


class SessionTarget(msgspec.Struct, frozen=True):
    """Where a session is opened, and as whom."""

    url: str
    headers: Headers
    exception: str
    """The vendor's label in error messages."""


class Unsupported(Failure):
    """The vendor of a deployment has no realtime API."""

    def __init__(self, deployment: Deployment) -> None:
        told = f"Unsupported model: {deployment.model}; {deployment.provider} has no realtime API"
        super().__init__(400, told, kind="bad_request", type="None", param="None", reached=False)


def session_target(deployment: Deployment, asked: Mapping[str, str]) -> SessionTarget:
    """The target of a deployment's sessions.

    Args:
        asked: query parameters of the client that go on.

    Raises:
        Failure: its vendor has no realtime API, or its key or address is not set.
    """
    make = _TARGETS.get(deployment.provider)
    if make is None:
        raise Unsupported(deployment)
    target = make(deployment, asked)
    own = {name.lower(): value for name, value in deployment.params.extra_headers.items()}
    return msgspec.structs.replace(target, headers=list((dict(target.headers) | own).items()))


def _openai(deployment: Deployment, asked: Mapping[str, str]) -> SessionTarget:
    return _like_openai(OPENAI, deployment, asked, [BETA])


def _xai(deployment: Deployment, asked: Mapping[str, str]) -> SessionTarget:
    return _like_openai(VENDORS["xai"], deployment, asked, [])


def _like_openai(vendor: Vendor, deployment: Deployment, asked: Mapping[str, str], further: Headers) -> SessionTarget:
    """The path of ``api_base`` is left out, as in the reference."""
    query = urlencode({"model": deployment.model, **asked})
    url = f"{_origin(vendor.base_of(deployment))}/v1/realtime?{query}"
    headers = [("authorization", f"Bearer {vendor.key_of(deployment)}"), *further]
    return SessionTarget(url, headers, vendor.exception)


def _azure(deployment: Deployment, _: Mapping[str, str]) -> SessionTarget:
    params = deployment.params
    address = AZURE.base_of(deployment)
    base = _origin(address) + urlsplit(address).path.partition("/openai")[0].rstrip("/")
    if params.other.get("realtime_protocol") in GENERAL:
        url = f"{base}/openai/v1/realtime?{urlencode({'model': deployment.model})}"
    else:
        named = {"api-version": params.api_version or DEFAULT_AZURE_VERSION, "deployment": deployment.model}
        url = f"{base}/openai/realtime?{urlencode(named)}"
    token = params.other.get("azure_ad_token")
    header = (
        ("authorization", f"Bearer {token}") if token and not params.api_key else ("api-key", AZURE.key_of(deployment))
    )
    return SessionTarget(url, [header], AZURE.exception)


def _origin(api_base: str) -> str:
    address = urlsplit(api_base)
    scheme = {"ws": "http", "wss": "https"}.get(address.scheme, address.scheme)
    return f"{scheme}://{address.netloc}"


_TARGETS: Mapping[str, Callable[[Deployment, Mapping[str, str]], SessionTarget]] = {
    "openai": _openai,
    "azure": _azure,
    "xai": _xai,
}
