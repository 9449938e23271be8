"""The Responses API of OpenAI and of vendors that speak it: what is sent, and how answers are laid out.

What they receive and what clients get is LiteLLM 1.81.14's, recorded in contracts/A/test_A2_*.py.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from proxy.call import Body, Usage
from proxy.providers.base import Attempt
from proxy.providers.failures import StreamFailure
from proxy.providers.openai.chunks import DONE
from proxy.providers.openai.format import NULL, Count, decode_body, decode_object, decode_objects, encode, present, raw
from proxy.providers.vendor import words

FIELDS = words(
    """
    background context_management include input instructions max_output_tokens max_tool_calls metadata
    parallel_tool_calls partial_images previous_response_id prompt prompt_cache_key reasoning safety_identifier
    service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user
    """
)
"""What vendors are sent beside the model."""
MOST_METADATA = 16
BLANK: Mapping[str, None] = dict.fromkeys(
    (
        "id",
        "created_at",
        "error",
        "incomplete_details",
        "instructions",
        "metadata",
        "model",
        "object",
        "output",
        "parallel_tool_calls",
        "temperature",
        "tool_choice",
        "tools",
        "top_p",
        "max_output_tokens",
        "previous_response_id",
        "reasoning",
        "status",
        "text",
        "truncation",
        "usage",
        "user",
        "store",
    )
)
"""Fields that every response has, null if need be."""
_OF_ITEMS = {
    "message": ("phase",),
    "function_call": ("async", "caller", "namespace", "status"),
    "reasoning": ("content", "encrypted_content", "status"),
    "compaction": ("created_by",),
    "output_text": ("logprobs",),
    "function": ("allowed_callers", "async", "defer_loading", "description", "output_schema", "parameters", "strict"),
}
"""Fields that parts of a response have besides, null if need be; by their type."""
_OF_DETAILS = {"input_tokens_details": ("audio_tokens", "text_tokens"), "output_tokens_details": ("text_tokens",)}
_LAST = frozenset(("response.completed", "response.incomplete", "response.failed", "response.cancelled", "error"))


# --- what is sent ----------------------------------------------------------------------------------------------------


def request(attempt: Attempt, model: str) -> Body:
    """The fields for the vendor."""
    allowed = FIELDS.union(attempt.allowed_params)
    body: Body = {"model": raw(model)}
    body |= {name: value for name, value in attempt.body.items() if name in allowed and present(value)}
    if attempt.metadata is not None and present(attempt.metadata):
        body["metadata"] = _texts_alone(attempt.metadata)
    if "input" in attempt.body:
        body["input"] = _without_nulls_of_reasoning(attempt.body["input"])
    if "reasoning" not in body and present(attempt.body.get("reasoning_effort")):
        body["reasoning"] = raw({"effort": attempt.body["reasoning_effort"]})
    return body


def _texts_alone(metadata: msgspec.Raw) -> msgspec.Raw:
    """OpenAI takes texts only, and not many."""
    given = msgspec.json.decode(metadata)
    if not isinstance(given, dict):
        return metadata
    texts = [(name, value) for name, value in given.items() if isinstance(value, str)]
    return raw(dict(texts[:MOST_METADATA]))


def _without_nulls_of_reasoning(given: msgspec.Raw) -> msgspec.Raw:
    """As OpenAI's SDK hands them out, which OpenAI does not take back."""
    if b'"reasoning"' not in bytes(given) or b"null" not in bytes(given):
        return given
    items = msgspec.json.decode(given)
    if not isinstance(items, list):
        return given
    return raw([_without_nulls(item) if _is_reasoning(item) else item for item in items])


def _is_reasoning(item: Any) -> bool:
    return isinstance(item, dict) and item.get("type") == "reasoning"


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# --- what is answered ------------------------------------------------------------------------------------------------


class _Details(msgspec.Struct):
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


_usage = msgspec.json.Decoder(_Usage | None).decode


def laid_out(body: bytes, attempt: Attempt) -> tuple[bytes, Usage]:
    """A response; or whatever else a vendor says about one, as it stands.

    Raises:
        msgspec.DecodeError: it is no JSON object, or an id is no text.
        KeyError: it is a response without an id, a time or an output.
    """
    fields = decode_body(body)
    if "output" not in fields and ("deleted" in fields or "data" in fields):
        return body, Usage()
    usage = read_usage(fields.get("usage")) if _is_new(attempt) else Usage()
    laid = {name: fields.pop(name, NULL) for name in BLANK}
    if not all(present(laid[name]) for name in ("id", "created_at", "output")):
        raise KeyError("id, created_at or output")
    laid["id"] = raw(attempt.seal(msgspec.json.decode(laid["id"], type=str)))
    if attempt.shown_model is not None:
        laid["model"] = raw(attempt.shown_model)
    laid["output"] = raw([_item(item) for item in decode_objects(laid["output"])])
    if present(laid["tools"]):
        laid["tools"] = raw([_filled(tool) for tool in decode_objects(laid["tools"])])
    if present(laid["usage"]):
        laid["usage"] = raw(_told_usage(laid["usage"]))
    return encode(laid | fields), usage


def _is_new(attempt: Attempt) -> bool:
    """Whether what is told was made, and used, by this call."""
    return attempt.resource is None or not attempt.resource.exists


def read_usage(value: msgspec.Raw | None) -> Usage:
    """The usage of a response; zeros where it tells none or something odd."""
    if value is None:
        return Usage()
    try:
        told = _usage(value)
    except msgspec.DecodeError:
        return Usage()
    if told is None:
        return Usage()
    asked, answered = told.input_tokens or 0, told.output_tokens or 0
    read, thought = told.input_tokens_details, told.output_tokens_details
    return Usage(
        asked,
        answered,
        told.total_tokens or asked + answered,
        (read.cached_tokens or 0) if read else 0,
        (thought.reasoning_tokens or 0) if thought else 0,
    )


def _item(item: Body) -> Body:
    if _kind(item) == "message" and present(item.get("content")):
        item["content"] = raw([_filled(part) for part in decode_objects(item["content"])])
    return _filled(item)


def _filled(fields: Body) -> Body:
    for name in _OF_ITEMS.get(_kind(fields), ()):
        fields.setdefault(name, NULL)
    return fields


def _kind(fields: Body) -> str:
    return bytes(fields.get("type", NULL)).strip(b'"').decode()


def _told_usage(value: msgspec.Raw) -> Body:
    usage = decode_object(value)
    for name, counts in _OF_DETAILS.items():
        details = usage.get(name)
        if details is not None and present(details):
            usage[name] = raw(dict.fromkeys(counts, NULL) | decode_object(details))
        else:
            usage[name] = NULL
    return usage | {"cost": usage.get("cost", NULL)}


# --- streams ---------------------------------------------------------------------------------------------------------


class _Event(msgspec.Struct):
    type: str


_event = msgspec.json.Decoder(_Event).decode


class ResponseEvents:
    """Turns a vendor's events into those that the client gets; see :class:`proxy.providers.streams.Converter`.

    They gain the model, and lose what is null; the ids of responses are made the client's.
    """

    def __init__(self, attempt: Attempt, exception: str) -> None:
        model = attempt.shown_model
        self._named = b"}" if model is None else b',"model":%b}' % encode(model)
        self._exception = exception
        self._seal = cache(attempt.seal)  # clients take another id for another response
        self._is_new = _is_new(attempt)
        self.text: list[str] | None = None
        self.usage = Usage()
        self.done = False

    def feed(self, data: bytes) -> bytes | None:
        """The event for one of the vendor's.

        Raises:
            StreamFailure: it is none.
        """
        if data == DONE:
            self.done = True
            return None
        try:
            kind = _event(data).type
            self.done = self.done or kind in _LAST
            if b"null" in data or b'"response":' in data or not data.isascii():
                data = self._converted(decode_body(data))
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError):
            raise StreamFailure(
                self._exception, "The stream turned into something that is no event of a response.", continuable=False
            ) from None
        return data.rstrip()[:-1] + self._named

    def finish(self) -> list[bytes]:
        """Nothing more.

        Raises:
            StreamFailure: the vendor never said how the response ended.
        """
        if not self.done:
            raise StreamFailure(self._exception, "The stream ended before it was complete.", continuable=False)
        return []

    def _converted(self, fields: Body) -> bytes:
        if present(fields.get("response")):
            response = decode_object(fields["response"])
            if self._is_new and present(response.get("usage")):
                self.usage = read_usage(response["usage"])
            if present(response.get("id")):
                response["id"] = raw(self._seal(msgspec.json.decode(response["id"], type=str)))
            fields["response"] = raw(_present(response))
        return encode(_present(fields))


def _present(fields: Body) -> Body:
    return {name: value for name, value in fields.items() if present(value)}


# --- vendors that differ ---------------------------------------------------------------------------------------------


def as_xai_takes_it(body: Body) -> Body:
    """Instructions as a message, no metadata, and tools without what only OpenAI's have."""
    body = {name: value for name, value in body.items() if name != "metadata"}
    instructions = body.pop("instructions", None)
    if instructions is not None and "input" in body:
        given = msgspec.json.decode(body["input"])
        asked = given if isinstance(given, list) else [{"role": "user", "content": given}]
        body["input"] = raw([{"role": "system", "content": instructions}, *asked])
    if "tools" in body:
        tools = msgspec.json.decode(body["tools"])
        if isinstance(tools, list):
            body["tools"] = raw([_xai_tool(tool) for tool in tools])
    return body


def _xai_tool(tool: Any) -> Any:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind == "code_interpreter":
        return {"type": kind}
    if kind != "web_search":
        return tool
    filters = {name: tool[name] for name in ("allowed_domains", "excluded_domains") if name in tool}
    others = {name: tool[name] for name in ("filters", "enable_image_understanding") if name in tool}
    return {"type": kind, **others, **({"filters": filters} if filters else {})}
