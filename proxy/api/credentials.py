"""What a client may not choose: the host its call goes to, the account that pays for it, the headers that say so."""

import re
from typing import Any

import msgspec

from proxy.call import Body
from proxy.deployment import Deployment, may_set
from proxy.errors import GatewayError, Headers

#: Fields with which a client would choose where its call goes or whose account pays for it.
CREDENTIAL_FIELDS = frozenset(
    (
        "api_base",
        "api_key",
        "api_version",
        "aws_access_key_id",
        "aws_bedrock_runtime_endpoint",
        "aws_profile_name",
        "aws_region_name",
        "aws_role_name",
        "aws_secret_access_key",
        "aws_session_name",
        "aws_session_token",
        "aws_sts_endpoint",
        "aws_web_identity_token",
        "azure_ad_token",
        "azure_password",
        "azure_username",
        "base_url",
        "client_id",
        "client_secret",
        "custom_llm_provider",
        "litellm_credential_name",
        "litellm_params",
        "model_list",
        "organization",
        "tenant_id",
        "tianji_params",
        "user_config",
        "vertex_credentials",
        "vertex_location",
        "vertex_project",
    )
)
NESTED = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "extra_body")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_REFUSED_HEADERS = re.compile(
    r"(proxy-)?authorization|.*api-key|.*subscription-key|host|connection|content-.*|transfer-encoding|te|trailer|upgrade"
    r"|keep-alive|expect|cookie|forwarded|x-forwarded-.*|accept-encoding|openai-organization|openai-project",
    re.IGNORECASE,
)


def client_credentials(fields: Body, model: str, deployments: tuple[Deployment, ...]) -> dict[str, str]:
    """Hosts and keys that the client sets, and may set because each of ``deployments`` lists them.

    Raises:
        GatewayError: 400, it sets one that it may not.
    """
    found = CREDENTIAL_FIELDS & fields.keys()
    for name in NESTED:
        if name in fields:
            found |= _credential_names(msgspec.json.decode(fields[name]))
    values = {}
    for name in sorted(found):
        value = msgspec.json.decode(fields[name]) if name in fields else None
        if not isinstance(value, str) or not deployments or not all(may_set(d, name, value) for d in deployments):
            raise GatewayError(
                400,
                f"{name} cannot be set by a client. To allow it, list it in litellm_params."
                f"configurable_clientside_auth_params of the model {model!r}.",
                type="invalid_request_error",
                param=name,
            )
        values[name] = value
    return values


def extra_headers(value: Any) -> Headers:
    """Headers that the client wants the vendor to get (``extra_headers``).

    Raises:
        GatewayError: 400, no object of plain headers, or one with which the client could pass as somebody else.
    """
    if not isinstance(value, dict):
        raise GatewayError(400, "extra_headers must be an object", type="invalid_request_error", param="extra_headers")
    for name, text in value.items():
        fine = isinstance(text, str) and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(text)
        if not fine or _REFUSED_HEADERS.fullmatch(name):
            told = f"extra_headers: {name!r} cannot be set by a client"
            raise GatewayError(400, told, type="invalid_request_error", param="extra_headers")
    return [(name.lower(), text) for name, text in value.items()]


def _credential_names(value: Any) -> set[str]:
    """Names of credential fields at any depth."""
    if isinstance(value, dict):
        return {name for name in value if name in CREDENTIAL_FIELDS}.union(*map(_credential_names, value.values()))
    if isinstance(value, list):
        return set().union(*map(_credential_names, value))
    return set()
