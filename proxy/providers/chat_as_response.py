"""Chat completions of models that only OpenAI's Responses API serves: asked there, and told as a chat.

What the vendor receives is what LiteLLM 1.81.14 sends (contracts/A/test_A2_chats.py).
"""

import time
import uuid
from typing import Any

import msgspec

from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply, Stream, wants_usage
from proxy.providers.failures import StreamFailure, unreadable
from proxy.providers.openai.chunks import DONE
from proxy.providers.openai.format import encode, present, raw
from proxy.providers.openai.responses import FIELDS
from proxy.providers.translated import TranslatedStream

EXCEPTION = "OpenAIException"
LONGEST_USER = 64
"""Characters that OpenAI takes."""
Item = dict[str, Any]
_RENAMED = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
_TRANSLATED = frozenset(
    ("tools", "response_format", "reasoning_effort", "web_search_options", "stream", "stream_options")
)
_REASONS = {"max_output_tokens": "length", "content_filter": "content_filter"}


def only_responds(attempt: Attempt) -> bool:
    """Whether a model is served by the Responses API alone: its config, its name or the packaged table says so."""
    deployment = attempt.deployment
    return (
        attempt.facts.get("mode") == "responses"
        or deployment.info.get("mode") == "responses"
        or deployment.model.startswith("responses/")
    )


# --- asked -----------------------------------------------------------------------------------------------------------


class _Message(msgspec.Struct):
    role: str
    content: str | list[Any] | None = None
    tool_calls: list[Item] | None = None
    tool_call_id: str | None = None


class _Chat(msgspec.Struct):
    messages: list[_Message]
    tools: list[Item] | None = None
    response_format: Item | None = None
    reasoning_effort: str | Item | None = None
    web_search_options: Item | None = None


def as_response(attempt: Attempt) -> Attempt:
    """The call of the Responses API that stands for a chat.

    Raises:
        Failure: 400, it is no chat.
    """
    try:
        chat = msgspec.json.decode(msgspec.json.encode(attempt.body), type=_Chat)
        items, instructions = _input(chat.messages)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Failure(400, f"Invalid request format: {error}", kind="bad_request", type="None", param="None") from error
    body = {name: value for name, value in attempt.body.items() if name in FIELDS - _TRANSLATED}
    body |= {new: attempt.body[name] for name, new in _RENAMED.items() if present(attempt.body.get(name))}
    fields: Item = {"input": items, "stream": attempt.stream}
    if instructions:
        fields["instructions"] = instructions
    tools = [_tool(tool) for tool in chat.tools or ()]
    if chat.web_search_options is not None:
        tools.append({"type": "web_search", **chat.web_search_options})
    fields |= {"tools": tools} if tools else {}
    effort = chat.reasoning_effort
    fields |= {} if effort is None else {"reasoning": effort if isinstance(effort, dict) else {"effort": effort}}
    answered_as = _text_format(chat.response_format)
    fields |= {} if answered_as is None else {"text": {"format": answered_as}}
    if present(body.get("user")):
        fields["user"] = str(msgspec.json.decode(body["user"]))[:LONGEST_USER]
    body |= {name: raw(value) for name, value in fields.items()}
    return msgspec.structs.replace(attempt, endpoint="responses", body=body, metadata=None)


def _input(messages: list[_Message]) -> tuple[list[Item], str]:
    """The items of a conversation, and its instructions."""
    items: list[Item] = []
    instructions: list[str] = []
    for message in messages:
        if message.role == "system" and isinstance(message.content, str):
            instructions.append(message.content)
        elif message.role == "tool":
            output = _parts(message.content or [], "input_text")
            items.append({"type": "function_call_output", "call_id": message.tool_call_id, "output": output})
        else:
            if message.content or (message.content is not None and not message.tool_calls):
                kind = "output_text" if message.role == "assistant" else "input_text"
                said = {"role": message.role, "content": _parts(message.content, kind)}
                items.append({"type": "message", **said})
            items += [_call(call) for call in message.tool_calls or ()]
    return items, " ".join(instructions)


def _call(call: Item) -> Item:
    function = call.get("function") or {}
    named = {name: function[name] for name in ("name", "arguments") if name in function}
    return {"type": "function_call", "call_id": call.get("id"), **named}


def _parts(content: str | list[Any], kind: str) -> list[Item]:
    if isinstance(content, str):
        return [{"type": kind, "text": content}]
    return [_part(part, kind) for part in content]


def _part(part: Any, kind: str) -> Item:
    if not isinstance(part, dict):
        return {"type": kind, "text": str(part)}
    if part.get("type") == "image_url":
        image = part.get("image_url")
        address = image.get("url") if isinstance(image, dict) else image
        detail = image.get("detail") if isinstance(image, dict) else None
        return {"type": "input_image", "image_url": address, "detail": detail or "auto"}
    if part.get("type") == "file" and isinstance(part.get("file"), dict):
        return {"type": "input_file", **part["file"]}
    if part.get("type") == "text":
        return {"type": kind, "text": part.get("text", "")}
    return part


def _tool(tool: Item) -> Item:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict):
        return tool
    names = ("name", "parameters", "strict", "description")
    return {"type": "function", **{name: function.get(name) for name in names}}


def _text_format(wanted: Item | None) -> Item | None:
    described = wanted.get("json_schema") if wanted else None
    if isinstance(described, dict):
        names = {"name": "response_schema", "schema": {}, "strict": False}
        return {"type": "json_schema", **{name: described.get(name, other) for name, other in names.items()}}
    return {"type": wanted["type"]} if wanted and "type" in wanted else None


# --- told ------------------------------------------------------------------------------------------------------------


class _Part(msgspec.Struct):
    text: str | None = None
    annotations: list[Item] | None = None


class _Output(msgspec.Struct):
    type: str
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    call_id: str | None = None
    name: str = ""
    arguments: str = ""


class _Ended(msgspec.Struct):
    reason: str | None = None


class _Response(msgspec.Struct):
    output: list[_Output]
    model: str | None = None
    usage: Item | None = None
    error: Item | None = None
    incomplete_details: _Ended | None = None

    @property
    def reason(self) -> str:
        """Why it ended."""
        if self.incomplete_details is not None:
            return _REASONS.get(self.incomplete_details.reason or "", "length")
        return "tool_calls" if any(item.type == "function_call" for item in self.output) else "stop"


class _Event(msgspec.Struct):
    type: str
    delta: str = ""
    output_index: int = 0
    item: _Output | None = None
    response: _Response | None = None
    message: str | None = None


_response = msgspec.json.Decoder(_Response).decode
_event = msgspec.json.Decoder(_Event).decode


def told_as_chat(reply: Reply, attempt: Attempt) -> Reply:
    """The reply to a call of the Responses API as one to a chat.

    Raises:
        Failure: 500, the response failed, or is none.
    """
    model = attempt.shown_model or attempt.deployment.model
    if reply.stream is not None:
        stream = _ChatStream(reply.stream, model, include_usage=wants_usage(attempt))
        return msgspec.structs.replace(reply, stream=stream)
    try:
        response = _response(reply.body)
    except msgspec.DecodeError as error:
        raise unreadable(EXCEPTION, f"The response cannot be told as a chat: {error}") from error
    if response.error is not None:
        raise unreadable(EXCEPTION, f"The response failed: {response.error.get('message')}")
    choice = {"finish_reason": response.reason, "index": 0, "message": _message(response.output)}
    told = _base(model, "chat.completion") | {"choices": [choice], "usage": _usage(response.usage)}
    return msgspec.structs.replace(reply, body=encode(told))


def _base(model: str, kind: str) -> Item:
    return {"id": f"chatcmpl-{uuid.uuid4()}", "created": int(time.time()), "model": model, "object": kind}


def _message(output: list[_Output]) -> Item:
    parts = [part for item in output if item.type == "message" for part in item.content or ()]
    thoughts = "".join(part.text or "" for item in output for part in item.summary or ())
    calls = [_told_call(item, index) for index, item in enumerate(i for i in output if i.type == "function_call")]
    said = "".join(part.text or "" for part in parts)
    notes = [_note(note) for part in parts for note in part.annotations or () if note.get("type") == "url_citation"]
    message: Item = {"content": said if parts or not calls else None, "role": "assistant"}
    message |= {"tool_calls": calls} if calls else {}
    message |= {"reasoning_content": thoughts} if thoughts else {}
    return message | ({"annotations": notes} if notes else {})


def _told_call(item: _Output, index: int) -> Item:
    function = {"arguments": item.arguments, "name": item.name}
    return {"function": function, "id": item.call_id, "type": "function", "index": index}


def _note(note: Item) -> Item:
    names = ("start_index", "end_index", "url", "title")
    return {"type": "url_citation", "url_citation": {name: note.get(name) for name in names}}


def _usage(usage: Item | None) -> Item:
    told = usage or {}
    asked, answered = told.get("input_tokens") or 0, told.get("output_tokens") or 0
    counted: Item = {"completion_tokens": answered, "prompt_tokens": asked, "total_tokens": asked + answered}
    for name, details, count in (
        ("completion_tokens_details", "output_tokens_details", "reasoning_tokens"),
        ("prompt_tokens_details", "input_tokens_details", "cached_tokens"),
    ):
        if isinstance(told.get(details), dict):
            counted[name] = {count: told[details].get(count) or 0}
    return counted


class _ChatStream(TranslatedStream):
    """A response's stream as one of a chat."""

    def __init__(self, events: Stream, model: str, *, include_usage: bool) -> None:
        super().__init__(events)
        self._base = _base(model, "chat.completion.chunk")
        self._include_usage = include_usage
        self._calls: dict[int, int] = {}
        self._started = False

    def _events_of(self, batch: list[bytes]) -> list[bytes]:
        return [chunk for data in batch for chunk in self._chunks(data)]

    def _chunks(self, data: bytes) -> list[bytes]:
        if data == DONE:
            return [DONE]
        try:
            event = _event(data)
        except msgspec.DecodeError:
            return []  # an event that has nothing to do with a chat
        if event.type in ("response.failed", "error"):
            raise StreamFailure(EXCEPTION, event.message or "The response failed.", continuable=False)
        if event.type in ("response.completed", "response.incomplete") and event.response is not None:
            return self._ending(event.response)
        delta = self._delta(event)
        return [] if delta is None else [self._saying(delta)]

    def _delta(self, event: _Event) -> Item | None:
        match event.type:
            case "response.output_text.delta":
                return {"content": event.delta}
            case "response.reasoning_summary_text.delta":
                return {"reasoning_content": event.delta}
            case "response.output_item.added" if event.item is not None and event.item.type == "function_call":
                index = self._calls[event.output_index] = len(self._calls)
                function = {"name": event.item.name, "arguments": ""}
                call = {"index": index, "id": event.item.call_id, "function": function, "type": "function"}
                return {"tool_calls": [call]}
            case "response.function_call_arguments.delta" if event.output_index in self._calls:
                call = {"index": self._calls[event.output_index], "function": {"arguments": event.delta}}
                return {"tool_calls": [call | {"type": "function"}]}
        return None

    def _saying(self, delta: Item) -> bytes:
        if not self._started:
            self._started = True
            delta |= {"role": "assistant"}
        return encode({**self._base, "choices": [{"index": 0, "delta": delta}]})

    def _ending(self, response: _Response) -> list[bytes]:
        last = {"finish_reason": response.reason, "index": 0, "delta": {}}
        chunks = [encode({**self._base, "choices": [last]})]
        if self._include_usage:
            silent = [{"index": 0, "delta": {}}]
            chunks.append(encode({**self._base, "choices": silent, "usage": _usage(response.usage)}))
        return chunks
