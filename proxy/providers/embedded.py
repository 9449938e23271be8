"""Reading an embeddings answer in OpenAI's format."""

import msgspec

from proxy.errors import Failure


class _Item(msgspec.Struct):
    embedding: list[float]
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Item]


def vectors(body: bytes, count: int) -> list[list[float]]:
    """The vectors, in the order of their texts.

    Raises:
        Failure: 500, there are not as many as ``count``, or what is there are no vectors.
    """
    try:
        items = msgspec.json.decode(body, type=_Answer).data
    except (msgspec.DecodeError, RecursionError) as error:
        raise Failure(500, f"The embeddings cannot be read: {error}", kind="other") from None
    if len(items) != count:
        raise Failure(500, f"{count} texts have {len(items)} embeddings", kind="other")
    if all(item.index is not None for item in items):
        items.sort(key=lambda item: item.index or 0)
    return [item.embedding for item in items]
