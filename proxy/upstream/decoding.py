"""Decompression of answers in bounded pieces, so that a small answer cannot unfold in memory."""

import zlib
from collections.abc import Iterator

from proxy.upstream.errors import Broken

ACCEPTED = "gzip, deflate"
"""What vendors are asked for; others would need further packages."""

_PIECE = 64 * 1024
_MAX_MEMBERS = 100
_GZIP, _ZLIB, _BARE = 31, 15, -15


class Decoder:
    """Undoes one ``content-encoding``.

    Raises:
        Broken: the encoding is none that was asked for.
    """

    def __init__(self, encoding: str) -> None:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise Broken("the answer has a content-encoding that was not asked for")
        self._is_gzip = encoding != "deflate"
        self._members = 0
        self._inflater: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes of ``data``, in pieces of 64 KiB at most.

        Raises:
            Broken: the data is damaged.
        """
        piece = b""
        # a full piece may have left output behind although all input was consumed
        while data or len(piece) == _PIECE:
            inflater = self._inflater or self._begin(data)
            try:
                piece = inflater.decompress(data, _PIECE)
            except zlib.error as error:
                raise Broken("the compressed answer is damaged") from error
            if piece:
                yield piece
            data = inflater.unconsumed_tail
            if inflater.eof:
                data, piece = inflater.unused_data, b""
                self._inflater = None

    def finish(self) -> None:
        """Check that the end was reached.

        Raises:
            Broken: the data was cut short.
        """
        if self._inflater is not None:
            raise Broken("the compressed answer was cut short")

    def _begin(self, data: bytes) -> "zlib._Decompress":
        self._members += 1
        if self._members > (_MAX_MEMBERS if self._is_gzip else 1):
            raise Broken("the compressed answer goes on after its end")
        # the standard means zlib by "deflate", some servers send it bare
        deflate = _ZLIB if data[0] & 0x0F == 8 else _BARE
        self._inflater = zlib.decompressobj(_GZIP if self._is_gzip else deflate)
        return self._inflater
