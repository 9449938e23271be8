"""A price table that was put in the place of the packaged one (``tianji prices update``)."""

import gzip
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from proxy.accounting.places import state_folder

VARIABLE = "TIANJI_PRICES_FILE"
NAME = "prices.json.gz"
LARGEST = 64_000_000
"""Bytes of a table."""


class PriceFileError(ValueError):
    """A table cannot be used; the message says what is wrong with it."""


def place() -> Path:
    """``TIANJI_PRICES_FILE``, else a file in the folder of the gateway's state."""
    given = os.environ.get(VARIABLE)
    return Path(given).expanduser() if given else state_folder() / NAME


def replace(content: bytes) -> int:
    """Put a table, plain or compressed JSON, in the place of the one in use; how many models it has.

    Raises:
        PriceFileError: it is no such table.
        OSError: it cannot be written.
    """
    entries = checked(content)
    target = place()
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.new")
    beside.write_bytes(gzip.compress(msgspec.json.encode(entries), mtime=0))
    beside.replace(target)
    return len(entries)


def checked(content: bytes) -> dict[str, dict[str, Any]]:
    """The entries of a table: ``{model: {field: value}}``.

    Raises:
        PriceFileError: it is none.
    """
    if content[:2] == b"\x1f\x8b":
        content = _unpacked(content)
    try:
        entries = msgspec.json.decode(content, type=dict[str, dict[str, Any]])
    except (msgspec.DecodeError, RecursionError) as error:
        raise PriceFileError(f"expected JSON as {{model: {{field: value}}}}: {error}") from None
    if not entries:
        raise PriceFileError("it has no models")
    for model, fields in entries.items():
        _check(model, fields)
    return entries


def _unpacked(content: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        unpacked = unpacking.decompress(content, LARGEST)
    except zlib.error as error:
        raise PriceFileError(f"it is compressed, but not as gzip does: {error}") from None
    if unpacking.unconsumed_tail:
        raise PriceFileError(f"it is larger than {LARGEST // 1_000_000} MB")
    return unpacked


def _check(model: str, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if not ("cost_per_" in name or "_token_cost" in name) or value is None:
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            if not (0 <= value < math.inf):
                raise PriceFileError(f"{model}: {name}: {value} is no price")
        elif model != "sample_spec" and not isinstance(value, dict):
            raise PriceFileError(f"{model}: {name}: expected a number of US dollars")
