"""Tokens of an image, as OpenAI charges them: https://platform.openai.com/docs/guides/images-vision (calculating costs).

No image is fetched: a client that names an address must not make the gateway call it.
"""

import base64
import binascii
import struct
from typing import Any, NamedTuple

from proxy.tokens.errors import Uncountable

BASE = 85
"""Of any image; those of low detail cost no more."""
TILE = 170
TILE_SIDE = 512
SHORT_SIDE = 768
LONG_SIDE = 2000
"""Pixels; larger images are made smaller before they are cut into tiles."""
HEAD = 1_000_000
"""Characters of a data URL that are looked at; the size stands at the beginning."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that a size follows."""


class Size(NamedTuple):
    """In pixels."""

    width: int
    height: int


UNKNOWN = Size(300, 300)
"""What an image is taken for that stands elsewhere or cannot be read."""


def image_tokens(image: Any) -> int:
    """Tokens of the ``image_url`` of a content part: an address, or an object with ``url`` and ``detail``.

    Raises:
        Uncountable: it is no image.
    """
    url, detail = (image.get("url"), image.get("detail", "auto")) if isinstance(image, dict) else (image, "auto")
    if not isinstance(url, str) or not url.strip():
        raise Uncountable("image_url must be an address, or an object with one as its url")
    if detail not in ("low", "high", "auto"):
        raise Uncountable(f"image_url.detail must be low, high or auto, not {detail!r}")
    return BASE + TILE * _tiles(size_of(url)) if detail == "high" else BASE


def size_of(url: str) -> Size:
    """The size of the PNG, GIF, JPEG or WebP in a data URL; of everything else 300x300."""
    header, comma, data = url[:HEAD].partition(",")
    if not comma or not header.startswith("data:"):
        return UNKNOWN
    try:
        image = base64.b64decode(data[: len(data) // 4 * 4])
        size = _read(image)
    except (binascii.Error, struct.error, IndexError, ValueError):
        return UNKNOWN
    return UNKNOWN if size is None or 0 in size else size


def _read(image: bytes) -> Size | None:
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return Size(*struct.unpack_from(">LL", image, 16))
    if image.startswith((b"GIF87a", b"GIF89a")):
        return Size(*struct.unpack_from("<HH", image, 6))
    if image.startswith(b"\xff\xd8\xff"):
        return _jpeg(image)
    if image.startswith(b"RIFF") and image[8:12] == b"WEBP":
        return _webp(image)
    return None


def _jpeg(image: bytes) -> Size:
    """Segment by segment: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.1.1."""
    at = 2
    while True:
        while image[at] == 0xFF:
            at += 1
        if image[at] in _FRAMES:
            height, width = struct.unpack_from(">HH", image, at + 4)
            return Size(width, height)
        at += 1 + struct.unpack_from(">H", image, at + 1)[0]


def _webp(image: bytes) -> Size | None:
    """https://developers.google.com/speed/webp/docs/riff_container"""
    match image[12:16]:
        case b"VP8X":
            return Size(1 + int.from_bytes(image[24:27], "little"), 1 + int.from_bytes(image[27:30], "little"))
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", image, 26)
            return Size(width & 0x3FFF, height & 0x3FFF)
        case b"VP8L":
            bits = struct.unpack_from("<I", image, 21)[0]
            return Size(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    return None


def _tiles(size: Size) -> int:
    width, height = _scaled(size)
    return -(-width // TILE_SIDE) * -(-height // TILE_SIDE)


def _scaled(size: Size) -> Size:
    """Its short side 768 pixels, its long side 2000 at the most; small images stay as they are."""
    short, long = sorted(size)
    if long <= SHORT_SIDE:
        return size
    ratio = long / short
    short, long = SHORT_SIDE, int(SHORT_SIDE * ratio)
    if long > LONG_SIDE:
        short, long = max(1, int(LONG_SIDE / ratio)), LONG_SIDE
    return Size(short, long) if size.width <= size.height else Size(long, short)
