"""Amazon Bedrock (``bedrock/MODEL``): any chat model through Converse, Claudes also in their own format, embeddings.

Calls are signed by :mod:`proxy.providers.aws_auth`. Chats are translated both ways; what is sent and told is what LiteLLM
1.81.14 sends and tells, recorded in contracts/core/test_bedrock*.py.
"""

from typing import Any, NamedTuple

import msgspec

from proxy.providers.anthropic.messages import Untranslatable, decode_messages, uses_tools
from proxy.providers.base import Attempt, Reply, wants_usage
from proxy.providers.bedrock.answers import chat_completion
from proxy.providers.bedrock.chunks import ConverseChunks, whole_events
from proxy.providers.bedrock.embeddings import embed
from proxy.providers.bedrock.failures import FAILURES, bad_request
from proxy.providers.bedrock.http import Target, betas_of, post, read, target_of
from proxy.providers.bedrock.invoke import invoke
from proxy.providers.bedrock.messages import split
from proxy.providers.bedrock.models import Named, named
from proxy.providers.bedrock.params import Params, translate
from proxy.providers.bedrock.stream import BinaryStream
from proxy.providers.failures import why_unreadable
from proxy.providers.local import LocalStream
from proxy.providers.openai.format import encode
from proxy.providers.openai.params import adapted, refusal, vendor_rules
from proxy.providers.prompts import as_chat, as_text
from proxy.providers.thoughts import without_signatures
from proxy.providers.vendor_counts import VendorCount, vendor_count
from proxy.upstream.client import UpstreamClient, UpstreamResponse

_UNSTREAMED = ("ai21",)
"""Pieces of the names of models that do not stream."""


class _Chat(NamedTuple):
    """A chat that is asked of Converse."""

    attempt: Attempt
    target: Target
    params: Params
    fields: dict[str, Any]

    @property
    def shown_model(self) -> str:
        """The name that the answer carries."""
        return self.attempt.shown_model or self.attempt.deployment.model


class Bedrock:
    """Speaks Converse."""

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`."""
        if attempt.endpoint == "completions":
            return as_text(await self.send(as_chat(attempt), client), stream=attempt.stream)
        model = named(attempt.deployment.model)
        try:
            if attempt.endpoint == "embeddings":
                return await embed(attempt, model, client)
            if model.way(attempt.facts) == "invoke":
                return await invoke(attempt, model, client)
            chat = _chat(attempt, model)
        except (Untranslatable, msgspec.DecodeError, RecursionError) as error:
            raise bad_request(str(error)) from error
        response = await post(client, chat.target, encode(chat.fields), attempt)
        if attempt.stream and not chat.params.whole:
            return await _stream(chat, response)
        return _reply(chat, response, await read(response, attempt))

    async def count_chat(self, attempt: Attempt, client: UpstreamClient) -> VendorCount:
        """The tokens of ``messages``: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html

        Raises:
            Failure: Bedrock refused, failed or could not be reached.
        """
        model = named(attempt.deployment.model)
        try:
            system, conversation = split(decode_messages(attempt.body["messages"]), model.id)
        except (Untranslatable, msgspec.DecodeError, KeyError, RecursionError) as error:
            raise bad_request(f"Bedrock counts the tokens of messages ({error})") from error
        told = {"messages": conversation} | ({"system": system} if system else {})
        # profiles of regions have no counter, the models behind them have
        counting = model if model.id.startswith("arn:") else model._replace(id=model.base)
        target = target_of(attempt, counting, "count-tokens")
        response = await post(client, target, encode({"input": {"converse": told}}), attempt)
        try:
            counted = vendor_count(await read(response, attempt), "inputTokens", "bedrock_api")
        except msgspec.DecodeError as error:
            raise FAILURES.unreadable(str(error)) from error
        counted.answer = {"input_tokens": counted.tokens}
        return counted


def _chat(attempt: Attempt, model: Named) -> _Chat:
    """What is sent.

    Raises:
        Failure: 400, the call cannot be put to the model.
        Untranslatable: ... nor to Bedrock.
    """
    rules = vendor_rules(attempt.deployment.model, "bedrock", model.takes(attempt.facts), frozenset(), {})
    body = without_signatures(attempt.body, model.id)
    body = adapted(body, rules, drop=attempt.drop_params, allowed=attempt.allowed_params)
    messages = decode_messages(body["messages"])
    asked = {name: msgspec.json.decode(value) for name, value in body.items() if name != "messages"}
    params = translate(asked, model, attempt.facts, betas_of(attempt), drop=attempt.drop_params)
    if uses_tools(messages) and not asked.get("tools"):
        raise refusal(
            "Bedrock doesn't support tool calling without `tools=` param specified. Send the tools that were called"
        )
    if any(piece in model.id for piece in _UNSTREAMED):
        params.whole = True
    system, conversation = split(messages, model.id, guarded=params.guarded)
    verb = "converse-stream" if attempt.stream and not params.whole else "converse"
    fields = {"messages": conversation, "system": system, **params.fields}
    return _Chat(attempt, target_of(attempt, model, verb), params, fields)


def _reply(chat: _Chat, response: UpstreamResponse, body: bytes) -> Reply:
    try:
        completion, usage = chat_completion(body, chat.shown_model, chat.params)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError) as error:
        raise FAILURES.unreadable(why_unreadable(response.headers, body)) from error
    if chat.attempt.stream:
        stream = LocalStream(whole_events(completion, include_usage=wants_usage(chat.attempt)), usage)
        return Reply([], chat.target.url, stream=stream)
    return Reply([], chat.target.url, encode(completion), usage=usage)


async def _stream(chat: _Chat, response: UpstreamResponse) -> Reply:
    attempt = chat.attempt
    chunks = ConverseChunks(chat.shown_model, chat.params.tool_names, include_usage=wants_usage(attempt))
    chunks.text = [] if attempt.keep_text else None
    stream = BinaryStream(response, chunks, attempt)
    await stream.start()
    return Reply([], chat.target.url, stream=stream)


provider = Bedrock()
