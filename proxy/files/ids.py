"""Ids of files and batches. One that was made for a model says which: later calls need not."""

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final
from urllib.parse import quote

import msgspec

from proxy.errors import GatewayError

LONGEST: Final = 512
BATCH: Final = "batch_"
FILE: Final = "file-"
_told = re.compile(r"litellm:([^;]+);model,([^;]+)")
_safe = re.compile(r"[\w.:=+@~-]+", re.ASCII)
"""Of vendors' ids: what leads nowhere else in a path."""


class Named(msgspec.Struct, frozen=True):
    """What an id stands for."""

    upstream: str
    """What the vendor calls it."""
    model: str | None = None
    """Whose account it is in, as far as it says."""


def encoded(upstream: str, model: str, kind: str) -> str:
    """The id of what was made for a model: the reference's form, which its clients may have kept.

    Args:
        kind: ``FILE`` or ``BATCH``, for ids that do not begin with either.
    """
    prefix = next((each for each in (BATCH, FILE) if upstream.startswith(each)), kind)
    return prefix + urlsafe_b64encode(f"litellm:{upstream};model,{model}".encode()).decode().rstrip("=")


def named(given: str) -> Named:
    """What an id stands for.

    Raises:
        GatewayError: 400, there can be no such id.
    """
    coded = given.removeprefix(FILE).removeprefix(BATCH)
    try:
        text = urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
    except (binascii.Error, ValueError):
        text = ""
    found = _told.fullmatch(text)
    upstream, model = (found[1], found[2].strip()) if found else (given, None)
    if len(upstream) > LONGEST or not _safe.fullmatch(upstream) or not upstream.strip("."):
        raise GatewayError(400, f"{given[:LONGEST]!r} is no id", type="invalid_request_error", param="id")
    return Named(upstream, model)


def in_path(upstream: str) -> str:
    """A vendor's id as one piece of a path."""
    return quote(upstream, safe=":")
