"""Calls of tools that a stream told piece by piece, as text."""

from collections.abc import Sequence

import msgspec

from proxy.call import Body
from proxy.providers.openai.format import encode


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Piece(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


def said_calls(pieces: Sequence[Body]) -> str:
    """The calls, joined, one after the other as the reference writes them down: their tokens are counted. Pieces that are
    none say nothing."""
    calls: dict[int, _Piece] = {}
    for given in pieces:
        try:
            piece = msgspec.json.decode(encode(given), type=_Piece)
        except msgspec.DecodeError:
            continue
        call = calls.setdefault(piece.index, _Piece())
        call.id = call.id or piece.id
        call.function.name = call.function.name or piece.function.name
        call.function.arguments = (call.function.arguments or "") + (piece.function.arguments or "")
    return "".join(_written(call) for call in calls.values())


def _written(call: _Piece) -> str:
    function = {"arguments": call.function.arguments, "name": call.function.name}
    return encode({"function": function, "id": call.id, "type": "function"}).decode()
