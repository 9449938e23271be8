"""Answers in OpenAI's format, laid out as the reference lays them out (A.md, CORE; cassettes of contracts/core).

Values that nobody needs to read stay encoded (``msgspec.Raw``) and are copied as they came.
"""

from typing import Annotated, Any, Literal

import msgspec

from proxy.call import Body, Usage

Count = Annotated[int, msgspec.Meta(ge=0)]
decode_object = msgspec.json.Decoder(Body).decode
decode_objects = msgspec.json.Decoder(list[Body]).decode
encode = msgspec.json.Encoder().encode

NULL = msgspec.Raw(b"null")
EMPTY = msgspec.Raw(b"{}")
_ZERO = msgspec.Raw(b"0")
_STOP = msgspec.Raw(b'"stop"')
_FIRST = ("id", "created", "model", "object", "system_fingerprint", "choices", "usage")
_MESSAGE_FIELDS = frozenset(
    ("content", "role", "tool_calls", "function_call", "audio", "annotations", "images", "thinking_blocks")
)
_CHOICE_FIELDS = frozenset(("finish_reason", "index", "message", "logprobs"))
COUNTS = ("completion_tokens", "prompt_tokens", "total_tokens")


class _Details(msgspec.Struct):
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None


class WireUsage(msgspec.Struct):
    """``usage`` of an answer, as far as the gateway reads it."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None

    def counted(self) -> Usage:
        """As a value without gaps."""
        prompt, completion = self.prompt_tokens or 0, self.completion_tokens or 0
        read, thought = self.prompt_tokens_details, self.completion_tokens_details
        return Usage(
            prompt,
            completion,
            self.total_tokens or prompt + completion,
            (read.cached_tokens or 0) if read else 0,
            (thought.reasoning_tokens or 0) if thought else 0,
        )


class _PlainMessage(msgspec.Struct, forbid_unknown_fields=True):
    content: str | None
    role: str
    refusal: None = None
    annotations: msgspec.Raw | None = None


class _PlainChoice(msgspec.Struct, forbid_unknown_fields=True):
    message: _PlainMessage
    finish_reason: str
    index: Literal[0]
    logprobs: None = None


class _PlainAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """A chat completion with one choice that says a text: most are like this."""

    id: str
    choices: tuple[_PlainChoice]
    created: int
    model: str
    usage: msgspec.Raw
    object: str
    system_fingerprint: str | None = None
    service_tier: str | None = None


class _OwnFields(msgspec.Struct):
    refusal: None = None


class _LaidOutMessage(msgspec.Struct, omit_defaults=True):
    content: str | None
    role: str
    provider_specific_fields: _OwnFields
    annotations: msgspec.Raw | None = None


class _LaidOutChoice(msgspec.Struct):
    finish_reason: str
    index: int
    message: _LaidOutMessage
    provider_specific_fields: Body = {}


class _LaidOutAnswer(msgspec.Struct, omit_defaults=True, kw_only=True):
    id: str
    created: int
    model: str
    object: str
    system_fingerprint: str | None = None
    choices: tuple[_LaidOutChoice]
    usage: msgspec.Raw
    service_tier: str | None = None


_usage = msgspec.json.Decoder(WireUsage)
_plain_answer = msgspec.json.Decoder(_PlainAnswer)
_NO_FIELDS = _OwnFields()


def raw(value: Any) -> msgspec.Raw:
    """A value, encoded."""
    return msgspec.Raw(encode(value))


def present(value: msgspec.Raw | None) -> bool:
    """Whether a field is there and not null."""
    return value is not None and bytes(value) != b"null"


def decode_body(body: bytes) -> Body:
    """The fields of a vendor's JSON object.

    Raises:
        msgspec.DecodeError: it is none, or not in UTF-8 (which values that stay encoded would pass on).
    """
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise msgspec.DecodeError("not UTF-8") from error
    return decode_object(body)


def chat(body: bytes, model: str | None) -> tuple[bytes, Usage]:
    """A chat completion.

    Raises:
        msgspec.DecodeError: it is not one.
        KeyError: it has no ``choices``.
    """
    plain = _plain_chat(body, model)
    if plain is not None:
        return plain
    fields = decode_body(body)
    fields["choices"] = raw([_choice(choice) for choice in decode_objects(fields["choices"])])
    usage = read_usage(fields)
    fields["usage"] = raw(usage_fields(fields.get("usage")))
    return _laid_out(fields, model), usage


def _plain_chat(body: bytes, model: str | None) -> tuple[bytes, Usage] | None:
    """What :func:`chat` would make of a plain answer, in half the time; ``None`` for others."""
    try:
        answer = _plain_answer.decode(body)
        usage = _usage.decode(answer.usage)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if None in (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) or b"null" in bytes(answer.usage):
        return None
    choice = answer.choices[0]
    said = choice.message
    message = _LaidOutMessage(said.content, said.role, _NO_FIELDS, said.annotations)
    laid_out = _LaidOutAnswer(
        id=answer.id,
        created=answer.created,
        model=answer.model if model is None else model,
        object=answer.object,
        system_fingerprint=answer.system_fingerprint,
        choices=(_LaidOutChoice(choice.finish_reason, 0, message),),
        usage=answer.usage,
        service_tier=answer.service_tier,
    )
    return encode(laid_out), usage.counted()


def completion(body: bytes, model: str | None) -> tuple[bytes, Usage]:
    """A text completion; raises as :func:`chat`."""
    fields = decode_body(body)
    fields["choices"] = raw(decode_objects(fields["choices"]))
    usage = read_usage(fields)
    fields["usage"] = raw(_with_null_details(fields.get("usage")))
    fields.setdefault("system_fingerprint", NULL)
    return encode(_with_model(fields, model)), usage


def embeddings(body: bytes, model: str | None) -> tuple[bytes, Usage]:
    """Embeddings; raises as :func:`chat`, for ``data``."""
    fields = decode_body(body)
    usage = read_usage(fields)
    laid_out = {
        "model": fields.get("model", NULL),
        "data": raw(decode_objects(fields["data"])),
        "object": fields.get("object", raw("list")),
        "usage": raw(_with_null_details(fields.get("usage"))),
    }
    return encode(_with_model(laid_out, model)), usage


def read_usage(fields: Body) -> Usage:
    """The usage that an answer reports; zeros where it reports none or something odd."""
    value = fields.get("usage")
    if value is None or not present(value):
        return Usage()
    try:
        return _usage.decode(value).counted()
    except msgspec.DecodeError:
        given = _object_or_nothing(value)
        completion, prompt, total = (_count(given.get(name, NULL)) for name in COUNTS)
        return WireUsage(prompt, completion, total).counted()


def _object_or_nothing(value: msgspec.Raw | None) -> Body:
    try:
        return {} if value is None else decode_object(value)
    except msgspec.DecodeError:
        return {}


def _count(value: msgspec.Raw) -> int | None:
    try:
        return msgspec.json.decode(value, type=Count)
    except msgspec.DecodeError:
        return None


def _choice(choice: Body) -> Body:
    message = decode_object(choice.get("message", EMPTY))
    laid_out: Body = {"finish_reason": choice.get("finish_reason", _STOP), "index": choice.get("index", _ZERO)}
    laid_out["message"] = raw(_message(message))
    if present(choice.get("logprobs")):
        laid_out["logprobs"] = choice["logprobs"]
    laid_out["provider_specific_fields"] = raw(
        {name: value for name, value in choice.items() if name not in _CHOICE_FIELDS}
    )
    return laid_out


def _message(message: Body) -> Body:
    """Known fields without nulls (``content`` stays), the others under ``provider_specific_fields``."""
    specific: Body = {"refusal": message.get("refusal", NULL)}
    laid_out: Body = {"content": message.get("content", NULL), "role": message.get("role", raw("assistant"))}
    for name, value in message.items():
        if name == "reasoning_content":
            if present(value):
                laid_out[name] = specific[name] = value
        elif name not in _MESSAGE_FIELDS:
            specific[name] = value
        elif name not in laid_out and present(value):
            laid_out[name] = value
    laid_out["provider_specific_fields"] = raw(specific)
    return laid_out


def usage_fields(value: msgspec.Raw | None) -> Body:
    """Counts, zero where the vendor gives none, and details without nulls."""
    given = _object_or_nothing(value)
    counts = {name: given.get(name, _ZERO) for name in COUNTS}
    details = {name: _without_nulls(value) for name, value in given.items() if name not in counts and present(value)}
    return counts | details


def _without_nulls(value: msgspec.Raw) -> msgspec.Raw:
    if b"null" not in bytes(value):
        return value
    fields = msgspec.json.decode(value)
    return raw({name: item for name, item in fields.items() if item is not None}) if isinstance(fields, dict) else value


def _with_null_details(value: msgspec.Raw | None) -> Body:
    return {"completion_tokens_details": NULL, "prompt_tokens_details": NULL} | usage_fields(value)


def _with_model(fields: Body, model: str | None) -> Body:
    if model is not None:
        fields["model"] = raw(model)
    return fields


def _laid_out(fields: Body, model: str | None) -> bytes:
    """The well-known fields first, then the vendor's own; no nulls at the top."""
    fields = _with_model(fields, model)
    ordered = {name: fields.pop(name) for name in _FIRST if name in fields} | fields
    return encode({name: value for name, value in ordered.items() if present(value)})
