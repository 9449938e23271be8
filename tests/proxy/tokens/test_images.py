"""Sizes of images, and what they cost."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens.images import UNKNOWN, Size, image_tokens, size_of

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">LL", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 640, 480)
APP0 = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
JPEG = b"\xff\xd8" + APP0 + b"\xff\xff\xc0\x00\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03"
RIFF = b"RIFF\x00\x00\x00\x00WEBP"
EXTENDED = RIFF + b"VP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + (639).to_bytes(3, "little") + (479).to_bytes(3, "little")
LOSSY = RIFF + b"VP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 640, 480 | 1 << 14)
LOSSLESS = RIFF + b"VP8L\x00\x00\x00\x00\x2f" + struct.pack("<I", 639 | 479 << 14 | 1 << 28)


def url(image: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(image).decode()}"


@pytest.mark.parametrize(
    "image", [PNG, GIF, JPEG, EXTENDED, LOSSY, LOSSLESS], ids=["png", "gif", "jpeg", "extended", "lossy", "lossless"]
)
def test_sizes_stand_in_the_image(image: bytes) -> None:
    assert size_of(url(image)) == Size(640, 480)


@pytest.mark.parametrize(
    "address",
    [
        "http://x.test/a.png",
        "data:image/png;base64,",
        "data:image/png;base64,%%%",
        "data:,no image",
        url(b"\xff\xd8\xff"),
        url(b"\xff\xd8" + APP0),
        url(PNG[:20]),
        url(RIFF + b"VP8?"),
        url(PNG[:16] + struct.pack(">LL", 0, 480)),
    ],
)
def test_other_images_are_taken_for_small_ones(address: str) -> None:
    assert size_of(address) == UNKNOWN


@given(st.binary(max_size=40), st.sampled_from([b"", PNG[:12], GIF[:6], b"\xff\xd8\xff", RIFF, EXTENDED[:20]]))
def test_no_image_is_a_mistake(rest: bytes, head: bytes) -> None:
    width, height = size_of(url(head + rest))
    assert width > 0
    assert height > 0


def test_a_large_image_is_not_decoded_whole() -> None:
    assert size_of(url(PNG + b"\x00" * 30_000_000)) == Size(640, 480)


def sized(width: int, height: int) -> dict[str, str]:
    return {"url": url(PNG[:16] + struct.pack(">LL", width, height)), "detail": "high"}


@pytest.mark.parametrize(
    ("width", "height", "tokens"),
    [(1024, 1024, 765), (2048, 4096, 1105), (300, 300, 255), (512, 512, 255), (513, 512, 425), (768, 768, 765)],
)
def test_details_are_charged_by_the_tile(width: int, height: int, tokens: int) -> None:
    """The first two are OpenAI's own examples: https://platform.openai.com/docs/guides/images-vision"""
    assert image_tokens(sized(width, height)) == tokens


@given(st.integers(1, 2**31), st.integers(1, 2**31))
def test_no_image_costs_more_than_eight_tiles(width: int, height: int) -> None:
    assert 255 <= image_tokens(sized(width, height)) <= 85 + 8 * 170
