"""What vendors answer that count tokens without a call (``count_chat`` of a provider)."""

from typing import Any

import msgspec


class VendorCount(msgspec.Struct):
    """The tokens of messages that were not sent."""

    tokens: int
    tokenizer: str
    """Who counted, as the reference names it."""
    answer: dict[str, Any]
    """The vendor's, decoded."""


def vendor_count(answer: bytes, field: str, tokenizer: str) -> VendorCount:
    """The count that stands in a field of an answer.

    Raises:
        msgspec.DecodeError: there is none.
    """
    decoded = msgspec.json.decode(answer, type=dict[str, Any])
    return VendorCount(msgspec.convert(decoded.get(field), int), tokenizer, decoded)
