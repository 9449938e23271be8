"""Google's answers as chat completions, laid out as LiteLLM 1.81.14 lays them out.

Recorded in contracts/core/test_gemini_answers.py; https://ai.google.dev/api/generate-content#generatecontentresponse
"""

import json
import time
import uuid
from typing import Annotated, Any

import msgspec

from proxy.call import Usage
from proxy.providers.openai.format import encode
from proxy.providers.thoughts import SIGNATURE_MARK

Fields = dict[str, Any]
Part = dict[str, Any]
Count = Annotated[int, msgspec.Meta(ge=0)]

_REASONS = {
    "FINISH_REASON_UNSPECIFIED": "finish_reason_unspecified",
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "OTHER": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MALFORMED_FUNCTION_CALL": "malformed_function_call",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
}
_FLAGGED = frozenset(name for name, reason in _REASONS.items() if reason == "content_filter") - {"LANGUAGE", "OTHER"}
"""Reasons for which nothing of the answer is told."""
_COUNTS = ("completion_tokens", "prompt_tokens", "total_tokens")
_KINDS = {"TEXT": "text_tokens", "AUDIO": "audio_tokens", "IMAGE": "image_tokens"}
_SOUND_SECONDS = 24 * 60 * 60
"""Clients of OpenAI's format are told until when a sound may be asked for again; Google keeps none."""


class _Tokens(msgspec.Struct, rename="camel"):
    modality: str = ""
    token_count: Count = 0


class UsageMetadata(msgspec.Struct, rename="camel"):
    """How Google counts. Tokens read from a cache are prompt tokens; those of thoughts are mostly apart."""

    prompt_token_count: Count = 0
    candidates_token_count: Count = 0
    total_token_count: Count = 0
    cached_content_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    prompt_tokens_details: list[_Tokens] = []
    candidates_tokens_details: list[_Tokens] = []
    cache_tokens_details: list[_Tokens] = []


class Parts(msgspec.Struct):
    """The content of a candidate."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    """One answer of several, mostly the only one."""

    content: Parts | None = None
    finish_reason: str | None = None
    index: int | None = None
    grounding_metadata: Any = None
    url_context_metadata: Any = None
    safety_ratings: Any = None
    citation_metadata: Any = None
    logprobs_result: Fields | None = None

    @property
    def parts(self) -> list[Part]:
        """What it says."""
        return (self.content.parts or []) if self.content is not None else []


class _Web(msgspec.Struct):
    uri: str = ""
    title: str = ""


class _Chunk(msgspec.Struct):
    web: _Web | None = None


class _Segment(msgspec.Struct, frozen=True, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment = _Segment()
    grounding_chunk_indices: list[int] = []


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[_Chunk] = []
    grounding_supports: list[_Support] = []


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class Response(msgspec.Struct, rename="camel"):
    """An answer, or an event of a stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: UsageMetadata | None = None
    response_id: str | None = None
    model_version: str | None = None
    error: Any = None

    @property
    def blocked(self) -> bool:
        """Whether the prompt was refused."""
        return self.prompt_feedback is not None and self.prompt_feedback.block_reason is not None


decode_response = msgspec.json.Decoder(Response).decode


def chat_completion(body: bytes, model: str | None) -> tuple[bytes, Usage]:
    """A chat completion that says what the answer says.

    Args:
        model: shown in the answer; ``None``: what Google calls it.

    Raises:
        msgspec.DecodeError: it is no answer.
    """
    response = decode_response(body)
    if response.candidates is None and not response.blocked:
        raise msgspec.ValidationError("Object missing required field `candidates`")
    candidates = response.candidates or []
    laid_out, counted = chat_usage(response.usage_metadata or UsageMetadata())
    flagged = response.blocked or bool(candidates and candidates[0].finish_reason in _FLAGGED)
    completion: Fields = {
        "id": new_id() if flagged or not response.response_id else response.response_id,
        "created": int(time.time()),
        "model": (response.model_version or "") if model is None else model,
        "object": "chat.completion",
    }
    if flagged:
        refused = {"finish_reason": "content_filter", "index": 0, "message": {"role": "assistant", "content": None}}
        completion |= {"choices": [refused], "usage": {name: laid_out[name] for name in _COUNTS}}
    else:
        choices = [_choice(candidate, index) for index, candidate in enumerate(candidates)]
        completion |= {"choices": choices, "usage": laid_out, **metadata(candidates, "vertex_ai_safety_results")}
    return encode(completion), counted


def new_id() -> str:
    """Of an answer that has none."""
    return f"chatcmpl-{uuid.uuid4()}"


def metadata(candidates: list[Candidate], safety: str) -> Fields:
    """What Google tells beside the text; ``safety`` is the name of the safety ratings."""
    grounding: list[Any] = []
    for candidate in candidates:
        given = candidate.grounding_metadata
        grounding += given if isinstance(given, list) else [] if given is None else [given]
    return {
        "vertex_ai_grounding_metadata": grounding,
        "vertex_ai_url_context_metadata": _present(candidate.url_context_metadata for candidate in candidates),
        safety: _present(candidate.safety_ratings for candidate in candidates),
        "vertex_ai_citation_metadata": _present(candidate.citation_metadata for candidate in candidates),
    }


def finish_reason(reason: str | None, *, called: bool) -> str:
    """OpenAI's word for why an answer ended."""
    return "tool_calls" if called else _REASONS.get(reason or "", "stop")


def _choice(candidate: Candidate, index: int) -> Fields:
    message = said(candidate, 0)
    message.setdefault("content", None)
    reason = finish_reason(candidate.finish_reason, called="tool_calls" in message)
    choice = {
        "finish_reason": reason,
        "index": index if candidate.index is None else candidate.index,
        "message": message,
    }
    logprobs = log_probabilities(candidate.logprobs_result)
    return choice if logprobs is None else choice | {"logprobs": logprobs}


# --- what is said ----------------------------------------------------------------------------------------------------


def said(candidate: Candidate, calls_before: int) -> Fields:
    """What a candidate says, as a message.

    Args:
        calls_before: tool calls that the stream has had so far.
    """
    message: Fields = {"role": "assistant"}
    parts = candidate.parts
    if candidate.content is None or candidate.content.parts is None:
        return message
    text, thoughts = (_text(parts, thought=thought) for thought in (False, True))
    if text is not None:
        message["content"] = text
    calls = [part for part in parts if isinstance(part.get("functionCall"), dict)]
    if calls:
        message["tool_calls"] = [_tool_call(part, calls_before + number) for number, part in enumerate(calls)]
    sound = next((data for part in parts if (data := _inline(part, "audio/"))), None)
    if sound is not None:
        expires = int(time.time()) + _SOUND_SECONDS
        message["audio"] = {"id": str(uuid.uuid4()), "data": sound["data"], "expires_at": expires, "transcript": ""}
    message["images"] = [_image(data) for part in parts if (data := _inline(part, "image/"))]
    if thoughts is not None:
        message["reasoning_content"] = thoughts
    message["thinking_blocks"] = [_thinking(part) for part in parts if part.get("thought") is True]
    annotations = _annotations(candidate.grounding_metadata)
    if annotations:
        message["annotations"] = annotations
    signatures = _present(part.get("thoughtSignature") for part in parts)
    if signatures:
        message["provider_specific_fields"] = {"thought_signatures": signatures}
    return message


def _text(parts: list[Part], *, thought: bool) -> str | None:
    pieces = [_shown(part) for part in parts if (part.get("thought") is True) is thought]
    return "".join(pieces) if any(pieces) else None


def _shown(part: Part) -> str:
    """The text of a part; data that are no media are told as an address with them in it."""
    if isinstance(part.get("text"), str):
        return str(part["text"])
    data = _inline(part, "")
    if data is None or str(data.get("mimeType")).startswith(("audio/", "image/")):
        return ""
    return f"data:{data.get('mimeType')};base64,{data.get('data')}"


def _inline(part: Part, kind: str) -> Part | None:
    data = part.get("inlineData")
    return data if isinstance(data, dict) and str(data.get("mimeType", "")).startswith(kind) else None


def _image(data: Part) -> Fields:
    address = f"data:{data.get('mimeType')};base64,{data.get('data')}"
    return {"image_url": {"url": address, "detail": "auto"}, "index": 0, "type": "image_url"}


def _thinking(part: Part) -> Fields:
    signature = part.get("thoughtSignature")
    block = {"type": "thinking", "thinking": part.get("text", "")}
    return block if signature is None else block | {"signature": signature}


def _tool_call(part: Part, index: int) -> Fields:
    """The signature of the thought that led to a call is kept in its id, since clients give that back."""
    given, signature = part["functionCall"], part.get("thoughtSignature")
    call: Fields = {"index": index}
    call_id = f"call_{uuid.uuid4().hex[:28]}"
    if signature:
        call["provider_specific_fields"] = {"thought_signature": signature}
        call_id += f"{SIGNATURE_MARK}{signature}"
    arguments = json.dumps(given.get("args") or {}, ensure_ascii=False)
    return call | {"function": {"arguments": arguments, "name": given.get("name")}, "id": call_id, "type": "function"}


def _annotations(grounding: Any) -> list[Fields]:
    """The sources of pieces of the text, as OpenAI tells them."""
    found = []
    for told in grounding if isinstance(grounding, list) else [grounding]:
        known = msgspec.convert(told or {}, _Grounding)
        for support in known.grounding_supports:
            source = next(iter(support.grounding_chunk_indices), -1)
            web = known.grounding_chunks[source].web if 0 <= source < len(known.grounding_chunks) else None
            start, end = support.segment.start_index, support.segment.end_index
            if web is not None and start is not None and end is not None:
                citation = {"end_index": end, "start_index": start, "title": web.title, "url": web.uri}
                found.append({"type": "url_citation", "url_citation": citation})
    return found


def log_probabilities(result: Fields | None) -> Fields | None:
    """``logprobs`` of a choice."""
    if result is None or not isinstance(result.get("chosenCandidates"), list):
        return None
    tops = result.get("topCandidates") or []
    told = []
    for index, chosen in enumerate(result["chosenCandidates"]):
        others = tops[index].get("candidates", ()) if index < len(tops) else ()
        told.append(_probability(chosen) | {"top_logprobs": [_probability(other) for other in others]})
    return {"content": told}


def _probability(candidate: Fields) -> Fields:
    return {"token": candidate.get("token"), "logprob": candidate.get("logProbability")}


# --- usage -----------------------------------------------------------------------------------------------------------


def chat_usage(told: UsageMetadata) -> tuple[Fields, Usage]:
    """Google's usage as OpenAI's, in which tokens of thoughts are completion tokens."""
    thoughts, cached = told.thoughts_token_count, told.cached_content_token_count
    completion = told.candidates_token_count
    if thoughts and told.prompt_token_count + completion != told.total_token_count:
        completion += thoughts
    by_kind = {_KINDS.get(one.modality, ""): one.token_count for one in told.candidates_tokens_details}
    by_kind.pop("", None)
    if told.candidates_token_count:
        by_kind.setdefault("text_tokens", told.candidates_token_count - sum(by_kind.values()))
    if thoughts is not None:
        by_kind["reasoning_tokens"] = thoughts
    laid_out: Fields = {
        "completion_tokens": completion,
        "prompt_tokens": told.prompt_token_count,
        "total_tokens": told.total_token_count,
    }
    if by_kind:
        laid_out["completion_tokens_details"] = by_kind
    laid_out["prompt_tokens_details"] = _prompt_details(told)
    if cached is not None:
        laid_out["cache_read_input_tokens"] = cached
    counted = Usage(told.prompt_token_count, completion, told.total_token_count, cached or 0, thoughts or 0)
    return laid_out, counted


def _prompt_details(told: UsageMetadata) -> Fields:
    """Tokens by kind, without those that were read from a cache; where it is not told which those are, texts."""
    cached = told.cached_content_token_count
    from_cache = {one.modality: one.token_count for one in told.cache_tokens_details}
    if cached is not None:
        from_cache.setdefault("TEXT", cached)
    counts = {
        _KINDS[one.modality]: one.token_count - from_cache.get(one.modality, 0)
        for one in told.prompt_tokens_details
        if one.modality in _KINDS
    }
    return counts if cached is None else {"cached_tokens": cached, **counts}


def _present(values: Any) -> list[Any]:
    return [value for value in values if value is not None]
