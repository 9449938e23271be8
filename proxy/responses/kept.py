"""Responses that this gateway keeps, since the vendors that made them do not: conversations go on from them."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from proxy.errors import GatewayError
from proxy.responses.answer import Item
from proxy.state.base import State

KEPT_SECONDS = 24 * 3600.0
"""How long a response is kept."""
LISTED = 20
"""Input items of a page, unless the client says otherwise: 100 at the most."""
_limit = re.compile(r"[1-9][0-9]?|100")


class Kept(msgspec.Struct):
    """A response, and what it answers."""

    response: Item
    input: Sequence[Item]
    history: Sequence[Item] = ()
    """What was said before: with it each response stands alone, whatever becomes of the others."""


_decode = msgspec.json.Decoder(Kept).decode


class Shelf:
    """The kept responses of a state."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def put(self, name: str, kept: Kept) -> None:
        """Keep a response."""
        await self._state.put(_key(name), msgspec.json.encode(kept), KEPT_SECONDS)

    async def get(self, name: str) -> Kept | None:
        """A response that was kept."""
        document = await self._state.get(_key(name))
        return None if document is None else _decode(document)

    async def delete(self, name: str) -> None:
        """Forget a response."""
        await self._state.delete(_key(name))

    async def history(self, name: str) -> list[Item] | None:
        """Every item of a conversation up to the end of a response; ``None``: it is not kept any more."""
        kept = await self.get(name)
        return None if kept is None else [*kept.history, *kept.input, *kept.response["output"]]


def listed(items: Sequence[Item], query: Mapping[str, str]) -> Item:
    """A page of input items, as OpenAI lists them: the last first, unless ``order`` is ``asc``.

    Raises:
        GatewayError: 400, ``limit`` is wrong.
    """
    found = [_listed(item) for item in items]
    if query.get("order") != "asc":
        found.reverse()
    after = next((number for number, item in enumerate(found, 1) if item["id"] == query.get("after")), 0)
    wanted = query.get("limit", str(LISTED))
    if _limit.fullmatch(wanted) is None:
        told = "Invalid 'limit': write a whole number from 1 to 100"
        raise GatewayError(400, told, type="invalid_request_error", param="limit")
    limit = int(wanted)
    page = found[after : after + limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": after + limit < len(found),
    }


def with_ids(items: Sequence[Item]) -> list[Item]:
    """Items that can be told apart."""
    return [item if item.get("id") else {**item, "id": f"msg_{uuid.uuid4().hex}"} for item in items]


def _listed(item: Item) -> Item:
    if item.get("type", "message") != "message":
        return item
    content: Any = item.get("content")
    parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    return {"type": "message", "status": "completed", **item, "content": parts}


def _key(name: str) -> str:
    return f"response:{name}"
