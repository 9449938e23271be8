"""A chat completion as a response.

As LiteLLM 1.81.14 lays it out (contracts/A/test_A2_bridged*.py), but that it says that it is a response, that a model which
only calls tools is not made to say nothing besides, and that reasoning has a summary, where OpenAI has it too.
"""

import uuid
from typing import Any

import msgspec

from proxy.providers.openai.responses import BLANK

Item = dict[str, Any]

_UNFINISHED = {"length": "max_output_tokens", "content_filter": "content_filter"}


class Function(msgspec.Struct):
    """What is called."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct):
    """A call of a tool, or a piece of one."""

    id: str | None = None
    index: int | None = None
    function: Function = msgspec.field(default_factory=Function)


class Said(msgspec.Struct):
    """A message, or a piece of one."""

    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None
    annotations: list[Item] | None = None
    images: list[Item] | None = None


class Choice(msgspec.Struct):
    """Of a completion its ``message`` counts, of a chunk its ``delta``."""

    message: Said = msgspec.field(default_factory=Said)
    delta: Said | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct):
    """A chat completion, or a chunk of one."""

    choices: list[Choice]
    id: str = ""
    created: int = 0
    model: str = ""
    usage: Item | None = None


decode_completion = msgspec.json.Decoder(Completion).decode


def to_response(body: bytes, response_id: str, model: str | None) -> Item:
    """The response that says what a chat completion says.

    Args:
        model: shown in it; ``None``: the vendor's.

    Raises:
        msgspec.DecodeError: it is none.
    """
    completion = decode_completion(body)
    reason = completion.choices[0].finish_reason if completion.choices else None
    status = status_of(reason)
    output = [item for choice in completion.choices for item in _items(choice, completion.id)]
    return finished(response_id, completion.created, model or completion.model, output, reason) | {
        "status": status,
        "usage": told_usage(completion.usage),
    }


def finished(response_id: str, created: int, model: str, output: list[Item], reason: str | None) -> Item:
    """A whole response without its usage."""
    why = _UNFINISHED.get(reason or "")
    return {
        **BLANK,
        "id": response_id,
        "created_at": created,
        "incomplete_details": None if why is None else {"reason": why},
        "metadata": {},
        "model": model,
        "object": "response",
        "output": output,
        "parallel_tool_calls": False,
        "temperature": 0.0,
        "tool_choice": "auto",
        "tools": [],
        "status": status_of(reason),
        "text": {},
    }


def status_of(reason: str | None) -> str:
    """How a response ended, by the reason that a chat gives."""
    return "incomplete" if reason in _UNFINISHED else "completed"


def _items(choice: Choice, chat: str) -> list[Item]:
    said, status = choice.message, status_of(choice.finish_reason)
    items = []
    if said.reasoning_content:
        items.append(reasoning_item(f"rs_{uuid.uuid4()}", said.reasoning_content, status))
    images = [image for image in said.images or () if _base64(image)]
    for number, image in enumerate(images):
        result = _base64(image)
        items.append(
            {"type": "image_generation_call", "id": f"{chat}_img_{number}", "status": status, "result": result}
        )
    if not images and (said.content is not None or not said.tool_calls):
        items.append(message_item(chat, said.content or "", status, citations(said.annotations)))
    return items + [call_item(call.id or "", call.function, call.id or "") for call in said.tool_calls or ()]


def message_item(item_id: str, text: str, status: str, annotations: list[Item]) -> Item:
    """A message of the assistant."""
    part = {"type": "output_text", "text": text, "annotations": annotations}
    return {"type": "message", "id": item_id, "status": status, "role": "assistant", "content": [part]}


def reasoning_item(item_id: str, text: str, status: str) -> Item:
    """What a model thought."""
    content = [{"type": "output_text", "text": text, "annotations": []}]
    summary = [{"type": "summary_text", "text": text}]
    said = {"role": "assistant", "content": content, "summary": summary}
    return {"type": "reasoning", "id": item_id, "status": status, **said}


def call_item(call_id: str, function: Function, item_id: str) -> Item:
    """A call of a function."""
    return {
        "arguments": function.arguments or "",
        "call_id": call_id,
        "name": function.name or "",
        "type": "function_call",
        "id": item_id,
        "async": None,
        "caller": None,
        "namespace": None,
        "status": "completed",
    }


def citations(annotations: list[Item] | None) -> list[Item]:
    """Sources on the web, as responses name them."""
    cited = [note["url_citation"] for note in annotations or () if isinstance(note.get("url_citation"), dict)]
    names = ("start_index", "end_index", "url", "title")
    return [{"type": "url_citation", **{name: citation.get(name) for name in names}} for citation in cited]


def _base64(image: Item) -> str:
    address = image.get("image_url")
    url = str(address.get("url") or "") if isinstance(address, dict) else ""
    return url.partition(",")[2] if url.startswith("data:") else url


def told_usage(usage: Item | None) -> Item:
    """Tokens in the words of responses."""
    counted = usage or {}
    told: Item = {
        "input_tokens": counted.get("prompt_tokens") or 0,
        "input_tokens_details": None,
        "output_tokens": counted.get("completion_tokens") or 0,
        "output_tokens_details": None,
        "total_tokens": counted.get("total_tokens") or 0,
        "cost": None,
    }
    read, written = counted.get("prompt_tokens_details"), counted.get("completion_tokens_details")
    if isinstance(read, dict):
        told["input_tokens_details"] = {
            "audio_tokens": read.get("audio_tokens"),
            "cached_tokens": read.get("cached_tokens") or 0,
            "text_tokens": read.get("text_tokens"),
        }
    if isinstance(written, dict):
        told["output_tokens_details"] = {
            "reasoning_tokens": written.get("reasoning_tokens") or 0,
            "text_tokens": written.get("text_tokens"),
        }
    return told
