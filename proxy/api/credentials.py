"""What a client may not choose: the host its call goes to, the account that pays for it, the headers that say so."""

import re
from typing import Any

from proxy.api.decoding import decode_value
from proxy.call import Body
from proxy.deployment import Deployment, may_set
from proxy.errors import GatewayError, Headers
from proxy.fields import CREDENTIAL_FIELDS

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
    nested = [name for field in NESTED if field in fields for name in _names_within(decode_value(field, fields[field]))]
    values = {}
    for name in sorted({*nested, *(CREDENTIAL_FIELDS & fields.keys())}):
        value = None if name in nested else decode_value(name, fields[name])
        if not isinstance(value, str) or not deployments or not all(may_set(d, name, value) for d in deployments):
            raise GatewayError(
                400,
                f"{name} cannot be set by a client. To allow it at the top of the body, list it in litellm_params."
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


def _names_within(value: Any) -> set[str]:
    """Names of credential fields at any depth."""
    found: set[str] = set()
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            found |= CREDENTIAL_FIELDS & item.keys()
            rest.extend(item.values())
        elif isinstance(item, list):
            rest.extend(item)
    return found
