"""What a call says, in whichever format."""

from collections.abc import Iterator
from typing import Any

import msgspec

from proxy.call import Body

SAYING = {
    "chat": "messages",
    "messages": "messages",
    "contents": "contents",
    "responses": "input",
    "completions": "prompt",
}
"""The field of each endpoint that says something."""


class Said(msgspec.Struct):
    """A message."""

    role: Any = "user"
    content: Any = None
    parts: Any = None
    """In Google's format, in place of ``content``."""

    @property
    def text(self) -> str:
        """What can be read of it, parts in lines; images, calls of tools and the like say nothing."""
        content = self.content if self.parts is None else self.parts
        return content if isinstance(content, str) else "\n".join(_texts(content))


def said(endpoint: str, body: Body) -> Iterator[Said]:
    """The messages of a call, the last first; none when its endpoint has none, or they are no messages."""
    field = SAYING.get(endpoint)
    if field is None or field not in body:
        return
    value = body[field]
    try:
        items = msgspec.json.decode(value, type=list[msgspec.Raw])
    except msgspec.DecodeError:
        items = [value]  # a prompt, an input: a text alone
    for item in reversed(items):
        try:
            message = msgspec.json.decode(item, type=str | Said)
        except (msgspec.DecodeError, RecursionError):
            continue
        yield Said(content=message) if isinstance(message, str) else message


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, list):
        for part in content:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str):
                yield text
