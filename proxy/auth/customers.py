"""For which of its own users a client calls: its customer, end user in the reference's words."""

from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.call import Body
from proxy.config.model import GeneralSettings

HEADERS = (b"x-litellm-customer-id", b"x-litellm-end-user-id")


class CustomerNames:
    """Where the name of a customer stands in a call: headers first, then the body."""

    def __init__(self, settings: GeneralSettings) -> None:
        own = _header(settings)
        self._headers = HEADERS if own is None else (*HEADERS, own.lower().encode("latin-1", "replace"))

    def find(self, headers: Mapping[bytes, bytes], fields: Body) -> str | None:
        """The customer, if the client names one."""
        for header in self._headers:
            value = headers.get(header)
            if value is not None and value.strip():
                return value.decode("latin-1")
        return (
            _text(fields.get("user"))
            or _text(_member(fields.get("litellm_metadata"), "user"))
            or _text(_member(fields.get("metadata"), "user_id"))
            or _text(fields.get("safety_identifier"))
        )


def _header(settings: GeneralSettings) -> str | None:
    """``user_header_mappings`` for customers, else the older ``user_header_name``."""
    mappings = settings.other.get("user_header_mappings") or ()
    for item in mappings if isinstance(mappings, list) else [mappings]:
        if (
            isinstance(item, dict)
            and str(item.get("litellm_user_role")).lower() == "customer"
            and item.get("header_name")
        ):
            return str(item["header_name"])
    name = settings.other.get("user_header_name")
    return name if isinstance(name, str) and name.strip() else None


def _text(value: msgspec.Raw | None) -> str | None:
    if value is None:
        return None
    decoded = decoded_or_none(value)
    return None if decoded is None else str(decoded)


def _member(value: msgspec.Raw | None, name: str) -> msgspec.Raw | None:
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=dict[str, msgspec.Raw]).get(name)
    except (msgspec.DecodeError, RecursionError):
        return None


def decoded_or_none(value: msgspec.Raw) -> Any:
    """A value of the client's; ``None`` for what cannot be read, which others refuse."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None
