"""``/v1/messages`` in front of Anthropic itself: what is asked goes through, what is answered comes back.

Which fields go through, and what is changed on the way, is LiteLLM 1.81.14's (contracts/core/test_messages.py).
"""

from typing import Any

import msgspec

from proxy.call import Body, Usage
from proxy.errors import Failure, Headers
from proxy.providers.anthropic.answers import chat_usage
from proxy.providers.anthropic.betas import betas_of
from proxy.providers.anthropic.events import Event, MessageReader
from proxy.providers.anthropic.failures import EXCEPTION, QUOTED_FAILURES, bad_request
from proxy.providers.anthropic.http import Target, headers_of, rate_limits
from proxy.providers.anthropic.messages import is_billing
from proxy.providers.anthropic.params import context_management
from proxy.providers.base import Attempt, Reply
from proxy.providers.calling import post, read
from proxy.providers.chunking import no_event
from proxy.providers.failures import why_unreadable
from proxy.providers.openai.format import decode_body, encode, present, raw
from proxy.providers.secrecy import secrets_of, without
from proxy.providers.streams import EventStream
from proxy.upstream.client import UpstreamClient, UpstreamResponse

FIELDS = (
    "max_tokens",
    "stop_sequences",
    "system",
    "temperature",
    "thinking",
    "tool_choice",
    "tools",
    "top_k",
    "top_p",
    "inference_geo",
    "mcp_servers",
    "context_management",
    "container",
    "output_format",
    "speed",
    "output_config",
)
"""What goes through beside the messages."""
_SWITCHED_ON = frozenset(
    (
        "advanced-tool-use-2025-11-20",
        "compact-2026-01-12",
        "context-management-2025-06-27",
        "fast-mode-2026-02-01",
        "structured-outputs-2025-11-13",
    )
)
"""Betas that need not be asked for; others are the client's to name, as Anthropic's SDK does."""
_TOLD = ("context_management", "output_format", "speed")
"""Fields that may need such a beta, beside tools that search for tools."""
_SEARCH = b"tool_search_tool_"
COUNT = "/count_tokens"


class _Metadata(msgspec.Struct, omit_defaults=True):
    user_id: str | None = None


async def send(attempt: Attempt, target: Target, client: UpstreamClient) -> Reply:
    """Make the call; see :meth:`proxy.providers.base.Provider.send`. Events of a stream come framed."""
    try:
        body = _body(attempt)
        headers = _headers(attempt, target, body)
        response = await post(client, target.url, headers, encode(body), attempt, failures=QUOTED_FAILURES)
        if attempt.stream:
            return await _stream(response, attempt, target, headers)
        return _reply(response, attempt, target, await read(response, attempt, failures=QUOTED_FAILURES))
    except Failure as failure:
        # so the reference tells errors of this endpoint
        failure.type = failure.param = "None"
        raise


async def count_tokens(attempt: Attempt, target: Target, client: UpstreamClient) -> int:
    """The tokens of a message that is not sent, as Anthropic counts them.

    Raises:
        Failure: Anthropic refused, failed or could not be reached.
    """
    body = {"model": raw(attempt.deployment.model)} | attempt.body
    headers = _headers(attempt, target, body)
    response = await post(client, target.url + COUNT, headers, encode(body), attempt, failures=QUOTED_FAILURES)
    answer = await read(response, attempt, failures=QUOTED_FAILURES)
    try:
        return msgspec.json.decode(answer, type=_Counted).input_tokens
    except msgspec.DecodeError as error:
        raise QUOTED_FAILURES.unreadable(str(error)) from error


class _Counted(msgspec.Struct):
    input_tokens: int


def _body(attempt: Attempt) -> Body:
    given = attempt.body
    if not present(given.get("max_tokens")):
        raise bad_request("max_tokens: Field required")
    body: Body = {"model": raw(attempt.deployment.model), "messages": given["messages"]}
    body |= {name: given[name] for name in FIELDS if present(given.get(name))}
    try:
        if attempt.metadata is not None and present(attempt.metadata):
            body["metadata"] = raw(msgspec.json.decode(attempt.metadata, type=_Metadata))
        _leave_out_billing(body)
        if bytes(body.get("context_management", b"")).startswith(b"["):
            edits = context_management(msgspec.json.decode(body.pop("context_management")))
            body |= {} if edits is None else {"context_management": raw(edits)}
    except msgspec.ValidationError as error:
        raise bad_request(str(error)) from error
    body["stream"] = raw(attempt.stream)
    return body


def _leave_out_billing(body: Body) -> None:
    if b"x-anthropic-billing-header:" not in bytes(body.get("system", b"")):
        return
    prompts = msgspec.json.decode(body.pop("system"), type=str | list[dict[str, Any]])
    if isinstance(prompts, str):
        prompts = "" if is_billing(prompts) else prompts
    else:
        prompts = [block for block in prompts if not is_billing(block.get("text"))]
    if prompts:
        body["system"] = raw(prompts)


def _headers(attempt: Attempt, target: Target, body: Body) -> Headers:
    told = {name: msgspec.json.decode(body[name]) for name in _TOLD if name in body}
    if _SEARCH in bytes(body.get("tools", b"")):
        told["tools"] = msgspec.json.decode(body["tools"])
    headers = dict(headers_of(target, attempt, betas_of(told) & _SWITCHED_ON))
    version = attempt.client_headers.get(b"anthropic-version")
    if version is not None:
        headers["anthropic-version"] = version.decode("latin-1")
    return list(headers.items())


def _reply(response: UpstreamResponse, attempt: Attempt, target: Target, body: bytes) -> Reply:
    try:
        fields = decode_body(body)
        usage = msgspec.json.decode(fields["usage"], type=dict[str, Any]) if present(fields.get("usage")) else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise QUOTED_FAILURES.unreadable(
            why_unreadable(response.headers, without(secrets_of([*target.headers.items()]), body))
        ) from error
    if attempt.shown_model is not None:
        fields["model"] = raw(attempt.shown_model)
    counted = Usage()
    if usage is not None:
        told, counted = chat_usage(usage)
        cached = told["cache_read_input_tokens"] + told["cache_creation_input_tokens"]
        fields["usage"] = raw(usage | {"total_tokens": counted.total_tokens - cached})
    return Reply(rate_limits(response.headers), target.url, encode(fields), usage=counted)


async def _stream(response: UpstreamResponse, attempt: Attempt, target: Target, headers: Headers) -> Reply:
    stream = EventStream(response, MessageEvents(secrets_of(headers)), EXCEPTION, attempt, closing=())
    await stream.start()
    return Reply(response.headers, target.url, stream=stream)


_decode = msgspec.json.Decoder(Event).decode


class MessageEvents(MessageReader):
    """Hands Anthropic's events on, framed."""

    def feed(self, data: bytes) -> bytes | None:
        """The event, framed.

        Raises:
            StreamFailure: it is Anthropic's error, or no event at all.
        """
        try:
            event = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise no_event(EXCEPTION, continuable=False) from None
        self._note(event, data)
        return b"event: %b\ndata: %b\n\n" % (event.type.encode(), data)
