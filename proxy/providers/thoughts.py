"""Signatures of thoughts in the ids of tool calls, where clients of OpenAI's format keep Google's from turn to turn.

Whoever else goes on with the conversation is sent the ids without them, as LiteLLM 1.81.14 does
(contracts/core/test_providers_compatible.py).
"""

from typing import Any

import msgspec

from proxy.call import Body
from proxy.providers.openai.format import raw

SIGNATURE_MARK = "__thought__"
"""Before the signature."""
_MARK = SIGNATURE_MARK.encode()
_GOOGLES = "gemini"


def without_signatures(body: Body, model: str) -> Body:
    """The body of a chat for ``model``; as it is if that is one of Google's, whoever hosts it."""
    messages = body.get("messages", b"")
    if _MARK not in bytes(messages) or _GOOGLES in model.lower():
        return body
    decoded = msgspec.json.decode(messages)
    return body | {"messages": raw([_unsigned(message) for message in decoded])} if isinstance(decoded, list) else body


def _unsigned(message: Any) -> Any:
    if not isinstance(message, dict):
        return message
    calls = message.get("tool_calls")
    if message.get("role") == "assistant" and isinstance(calls, list):
        return message | {"tool_calls": [_cut(call, "id") for call in calls]}
    return _cut(message, "tool_call_id") if message.get("role") == "tool" else message


def _cut(value: Any, name: str) -> Any:
    signed = value.get(name) if isinstance(value, dict) else None
    return value | {name: signed.partition(SIGNATURE_MARK)[0]} if isinstance(signed, str) else value
