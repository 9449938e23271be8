"""Claudes behind Bedrock's ``/invoke``: Anthropic's own format in Bedrock's envelope (``bedrock/invoke/anthropic.MODEL``).

What Bedrock receives is what LiteLLM 1.81.14 sends (contracts/core/test_bedrock_invoke.py).
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from typing import Any

import msgspec

from proxy.providers.anthropic.answers import chat_completion
from proxy.providers.anthropic.betas import betas_of as betas_needed
from proxy.providers.anthropic.chunks import MessageChunks
from proxy.providers.anthropic.messages import decode_messages, prefill, split
from proxy.providers.anthropic.params import Rules, translate
from proxy.providers.base import Attempt, Reply, wants_usage
from proxy.providers.bedrock.failures import FAILURES, bad_request
from proxy.providers.bedrock.http import betas_of, post, read, target_of
from proxy.providers.bedrock.models import Named
from proxy.providers.bedrock.stream import BinaryStream, model_event
from proxy.providers.failures import why_unreadable
from proxy.providers.openai.format import encode
from proxy.providers.thoughts import without_signatures
from proxy.upstream.client import UpstreamClient

VERSION = "bedrock-2023-05-31"
"""Of Anthropic's format at Bedrock."""
BETAS = {
    "advanced-tool-use-2025-11-20": "tool-search-tool-2025-10-19",
    **{
        beta: beta
        for beta in (
            *("compact-2026-01-12", "computer-use-2025-01-24", "computer-use-2025-11-24", "context-1m-2025-08-07"),
            *("context-management-2025-06-27", "interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19"),
        )
    },
}
"""Of Anthropic's those that Bedrock may be told, and what it calls them."""
_LIMITS = ("max_tokens", "max_output_tokens")
"""What a model can do at most is not asked for: here the reference asks for a usual answer."""
_UNSCHEMED = "claude-3-sonnet-20240229"
"""Bedrock has no output schemas here: a tool stands for them, as for the models that never had any."""


async def invoke(attempt: Attempt, model: Named, client: UpstreamClient) -> Reply:
    """A chat; raises as :meth:`proxy.providers.base.Provider.send`, and Untranslatable."""
    given = without_signatures(attempt.body, model.id)
    messages = decode_messages(given["messages"])
    asked = {name: msgspec.json.decode(value) for name, value in given.items() if name != "messages"}
    asked.pop("model_id", None)
    named = _UNSCHEMED if asked.get("response_format") is not None else model.id
    facts = {name: value for name, value in attempt.facts.items() if name not in _LIMITS}
    params = translate(asked, Rules(named, facts, attempt.drop_params, attempt.allowed_params))
    system, conversation = split(messages)
    if not conversation:
        raise bad_request("Invalid Message bedrock requires at least one non-system message")
    fields: dict[str, Any] = {"messages": conversation, **params.fields, "anthropic_version": VERSION}
    if system:
        fields["system"] = system
    wanted = {*betas_of(attempt), *betas_needed(fields, messages)}
    fields["anthropic_beta"] = sorted({BETAS[beta] for beta in wanted if beta in BETAS})
    verb = "invoke-with-response-stream" if attempt.stream else "invoke"
    target = target_of(attempt, model, verb, safe=":")
    response = await post(client, target, encode(fields), attempt)
    shown = attempt.shown_model or attempt.deployment.model
    if attempt.stream:
        chunks = MessageChunks(shown, include_usage=wants_usage(attempt), in_schema=params.in_schema)
        chunks.text = [] if attempt.keep_text else None
        stream = BinaryStream(response, chunks, attempt, model_event)
        await stream.start()
        return Reply(response.headers, target.url, stream=stream)
    body = await read(response, attempt)
    try:
        answer, usage = chat_completion(body, shown, prefix=prefill(messages), in_schema=params.in_schema)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FAILURES.unreadable(why_unreadable(response.headers, body)) from error
    return Reply(response.headers, target.url, answer, usage=usage)
