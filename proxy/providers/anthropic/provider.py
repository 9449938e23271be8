"""Anthropic's Messages API (``anthropic/MODEL``).

Calls in its own format go through. Chats are translated both ways; what is sent and told is what LiteLLM 1.81.14 sends and
tells, recorded in contracts/core/test_provider_anthropic*.py.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from proxy.errors import Failure, Headers
from proxy.providers.anthropic import native
from proxy.providers.anthropic.answers import chat_completion
from proxy.providers.anthropic.betas import betas_of
from proxy.providers.anthropic.chunks import MessageChunks
from proxy.providers.anthropic.failures import EXCEPTION, FAILURES, bad_request
from proxy.providers.anthropic.http import Target, headers_of, make_target, own_target, rate_limits
from proxy.providers.anthropic.messages import Untranslatable, decode_messages, prefill, split, uses_tools
from proxy.providers.anthropic.params import Rules, translate, with_user
from proxy.providers.base import Attempt, Reply, wants_usage
from proxy.providers.calling import post, read
from proxy.providers.failures import why_unreadable
from proxy.providers.openai.format import encode, raw
from proxy.providers.secrecy import secrets_of, without
from proxy.providers.streams import EventStream
from proxy.providers.thoughts import without_signatures
from proxy.providers.vendor_counts import VendorCount
from proxy.upstream.client import UpstreamClient, UpstreamResponse


class _Chat(NamedTuple):
    """A chat that is asked of Anthropic."""

    attempt: Attempt
    target: Target
    headers: Headers
    fields: dict[str, Any]
    """Of Anthropic's body."""
    prefix: str
    """The answer begins with it."""
    in_schema: bool


class Host(NamedTuple):
    """How Anthropic itself, or somebody who hosts its models, wants a chat."""

    adapt: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """The body, from Anthropic's."""
    schemas: bool = True
    """It passes output schemas on."""


async def ask(attempt: Attempt, target: Target, client: UpstreamClient, host: Host = Host()) -> Reply:  # noqa: B008
    """Make a chat of a model of Anthropic's; see :meth:`proxy.providers.base.Provider.send`."""
    chat = _chat(attempt, target, host)
    body = encode(host.adapt(chat.fields))
    response = await post(client, target.url, chat.headers, body, attempt, failures=FAILURES)
    if attempt.stream:
        return await _stream(chat, response)
    return _reply(chat, response, await read(response, attempt, failures=FAILURES))


class Anthropic:
    """Speaks Anthropic's dialect."""

    speaks_messages = True
    """Calls in Anthropic's own format go through."""

    def __init__(self) -> None:
        self._target = lru_cache(maxsize=4096)(make_target)

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`."""
        if attempt.endpoint == "messages":
            return await native.send(attempt, self._target_of(attempt), client)
        if attempt.endpoint != "chat":
            raise bad_request(f"Anthropic has no {attempt.endpoint}; it answers chat completions")
        return await ask(attempt, self._target_of(attempt), client)

    async def count_tokens(self, attempt: Attempt, client: UpstreamClient) -> int:
        """The tokens of a message in Anthropic's own format, which is not sent.

        Raises:
            proxy.errors.Failure: Anthropic refused, failed or could not be reached.
        """
        return await native.count_tokens(attempt, self._target_of(attempt), client)

    async def count_chat(self, attempt: Attempt, client: UpstreamClient) -> VendorCount:
        """The tokens of ``messages``, whose system prompts go where Anthropic wants them; raises as :meth:`count_tokens`."""
        messages = msgspec.json.decode(attempt.body.get("messages", b"[]"), type=list[dict[str, Any]])
        if not messages:
            raise bad_request("Anthropic counts the tokens of messages")
        prompts: list[Any] = []
        for content in (message.get("content") for message in messages if message.get("role") == "system"):
            prompts += content if isinstance(content, list) else [{"type": "text", "text": content}]
        told = [message for message in messages if message.get("role") != "system"]
        body = {"messages": raw(told)} | ({"system": raw(prompts)} if prompts else {})
        counted = await self.count_tokens(msgspec.structs.replace(attempt, body=body), client)
        return VendorCount(counted, "anthropic_api", {"input_tokens": counted})

    def _target_of(self, attempt: Attempt) -> Target:
        return own_target(attempt) or self._target(attempt.deployment)


# --- chat ------------------------------------------------------------------------------------------------------------


def _chat(attempt: Attempt, target: Target, host: Host) -> _Chat:
    """What is sent.

    Raises:
        Failure: 400, the call cannot be put to Anthropic.
    """
    deployment = attempt.deployment
    try:
        body = without_signatures(attempt.body, deployment.model)
        messages = decode_messages(body["messages"])
        asked = {name: msgspec.json.decode(value) for name, value in body.items() if name != "messages"}
        allowed, schemas = attempt.allowed_params, host.schemas
        params = translate(asked, Rules(deployment.model, attempt.facts, attempt.drop_params, allowed, schemas))
        system, conversation = split(messages)
    except (Untranslatable, msgspec.DecodeError, RecursionError) as error:
        raise bad_request(str(error)) from error
    if not conversation:
        raise bad_request("Anthropic requires at least one message that is no system prompt")
    if uses_tools(messages) and "tools" not in params.fields:
        raise _tools_are_missing()
    fields = {"model": deployment.model, "messages": conversation, **params.fields}
    with_user(fields, _user_of(attempt.metadata))
    if system:
        fields["system"] = system
    if attempt.stream:
        fields["stream"] = True
    _add_code_execution(fields)
    headers = headers_of(target, attempt, betas_of(fields, messages))
    return _Chat(attempt, target, headers, fields, prefill(messages), params.in_schema)


def _tools_are_missing() -> Failure:
    return Failure(
        400,
        "litellm.UnsupportedParamsError: Anthropic takes a conversation with tool calls only together with `tools`; "
        "send the tools that were called",
        kind="bad_request",
        type="None",
        reached=False,
    )


class _Metadata(msgspec.Struct):
    user_id: Any = None


def _user_of(metadata: msgspec.Raw | None) -> Any:
    try:
        return None if metadata is None else msgspec.json.decode(metadata, type=_Metadata).user_id
    except msgspec.DecodeError:
        return None


def _add_code_execution(fields: dict[str, Any]) -> None:
    """Uploaded files are of use only to a model that may run code."""
    blocks = (block for message in fields["messages"] for block in message["content"])
    tools = fields.get("tools") or []
    if any(block.get("type") == "container_upload" for block in blocks) and not any(
        str(tool.get("type")).startswith("code_execution") for tool in tools
    ):
        fields["tools"] = [*tools, {"name": "code_execution", "type": "code_execution_20250522"}]


def _reply(chat: _Chat, response: UpstreamResponse, body: bytes) -> Reply:
    try:
        answer, usage = chat_completion(
            body,
            chat.attempt.shown_model,
            prefix=chat.prefix,
            in_schema=chat.in_schema,
            speed=chat.fields.get("speed"),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FAILURES.unreadable(why_unreadable(response.headers, without(secrets_of(chat.headers), body))) from error
    return Reply(rate_limits(response.headers), chat.target.api_base, answer, usage=usage)


async def _stream(chat: _Chat, response: UpstreamResponse) -> Reply:
    attempt = chat.attempt
    chunks = MessageChunks(
        attempt.shown_model or attempt.deployment.model,
        include_usage=wants_usage(attempt),
        in_schema=chat.in_schema,
    )
    chunks.secrets = secrets_of(chat.headers)
    chunks.text = [] if attempt.keep_text else None
    stream = EventStream(response, chunks, EXCEPTION, attempt)
    await stream.start()
    return Reply(response.headers, chat.target.url, stream=stream)


provider = Anthropic()
