"""Ways to break the counting of tokens, and the cases of F1 that notice."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage
from proxy.call import Usage
from proxy.tokens import encodings

Original = Callable[..., Any]


def one_vocabulary_for_all(_original: Original, _model: str) -> str:
    return encodings.CL100K


def special_tokens_are_special(original: Original, text: str, name: str) -> Any:
    return original(text.replace("<|endoftext|>", "a"), name)


def images_are_all_alike(original: Original, image: Any) -> int:
    return min(original(image), 85)


def answers_twice(original: Original, *args: Any, **kwargs: Any) -> Any:
    return original(*args, **kwargs) + 3


def other_fields_count(original: Original, messages: Any, count: Any, *of_each: int) -> Any:
    fields = sum(isinstance(value, dict) for message in messages for value in message.values())
    return original(messages, count, *of_each) + fields


def counts_whatever_it_finds(original: Original, part: Mapping[str, Any], count: Any) -> Any:
    known = ("text", "image_url", "thinking", "tool_use", "tool_result")
    return original(part, count) if part.get("type") in known else 0


async def no_vendor_is_asked(_original: Original, *_args: Any, **_kwargs: Any) -> None:
    return None


async def prompts_are_messages(original: Original, asked: Any, body: Any, deployment: Any, *, disabled: bool) -> Any:
    if body.prompt is not None:
        body = body.model_copy(update={"messages": [{"role": "user", "content": body.prompt}]})
    return await original(asked, body, deployment, disabled=disabled)


def system_prompts_are_messages(original: Original, self: Any, attempt: Any, client: Any) -> Any:
    told = attempt.body["messages"].__class__(bytes(attempt.body["messages"]).replace(b'"system"', b'"user"'))
    return original(self, msgspec.structs.replace(attempt, body={"messages": told}), client)


async def failures_go_through(original: Original, asked: Any, body: Any, deployment: Any, *, disabled: bool) -> Any:
    return await original(asked, body, deployment, disabled=not disabled)


def whoever_is_alone_has_room(original: Original, self: Any, model: str, members: Any, request: Any) -> Any:
    return members if len(members) == 1 else original(self, model, members, request)


def every_window_is_small(original: Original, self: Any, deployment: Any) -> Any:
    return original(self, deployment) and 20


def counts_twice(original: Original, body: Any) -> Any:
    return original(body) * 2


def what_cannot_be_counted_is_endless(original: Original, body: Any) -> Any:
    return original(body) or 10**9


async def tells_nothing(original: Original, self: Any, count: Any) -> list[bytes]:
    await original(self, count)
    return []


def tells_everybody(_original: Original, _attempt: Any) -> bool:
    return True


def used_nothing(_original: Original, *_args: Any) -> Usage:
    return Usage()


def calls_say_nothing(_original: Original, _pieces: Any) -> str:
    return ""


HERE = "proxy.api.management.token_counting"
REFUSED = [
    "test_nobody_has_room",
    "test_a_stream_is_refused_before_it_begins",
    "test_messages_in_anthropics_format_are_counted_too",
    "test_a_prompt_is_counted_as_a_message",
]
SABOTAGES = [
    Sabotage(
        name="one-vocabulary-for-all",
        patches=[("proxy.tokens.encodings.encoding_of", one_vocabulary_for_all)],
        trips=["test_the_vocabulary_is_the_models", "test_a_prompt[han]", "test_a_prompt[emoji]"],
    ),
    Sabotage(
        name="special-tokens-are-special",
        patches=[("proxy.tokens.encodings.count", special_tokens_are_special)],
        trips=["test_a_prompt[special]"],
    ),
    Sabotage(
        name="images-are-all-alike",
        patches=[("proxy.tokens.count.image_tokens", images_are_all_alike)],
        trips=[
            "test_images[elsewhere]",
            "test_images[small]",
            "test_images[square]",
            "test_images[tall]",
            "test_images[wide]",
        ],
    ),
    Sabotage(
        name="counts-whatever-it-finds",
        patches=[("proxy.tokens.count._part", counts_whatever_it_finds)],
        trips=["test_what_cannot_be_counted_is_the_clients_mistake[audio]"],
    ),
    Sabotage(
        name="no-vendor-is-asked",
        patches=[(f"{HERE}._by_vendor", no_vendor_is_asked)],
        trips=[
            "test_bedrock_is_asked",
            "test_it_is_counted_here_when_bedrock_fails",
            "test_anthropic_is_asked_where_the_deployment_is",
            "test_gemini_is_asked",
        ],
    ),
    Sabotage(
        name="prompts-are-messages",
        patches=[(f"{HERE}._by_vendor", prompts_are_messages)],
        trips=["test_vendors_are_not_asked_for_prompts"],
    ),
    Sabotage(
        name="system-prompts-are-messages",
        patches=[("proxy.providers.anthropic.provider.Anthropic.count_chat", system_prompts_are_messages)],
        trips=["test_anthropic_is_asked_where_the_deployment_is"],
    ),
    Sabotage(
        name="failures-go-through",
        patches=[(f"{HERE}._by_vendor", failures_go_through)],
        trips=["test_it_is_counted_here_when_bedrock_fails", "test_a_vendor_that_fails_is_an_error"],
    ),
    Sabotage(
        name="answers-twice",
        patches=[("proxy.api.messages._counted", answers_twice)],
        trips=["test_messages_of_anthropic"],
    ),
    Sabotage(
        name="other-fields-count",
        patches=[("proxy.tokens.count._messages", other_fields_count)],
        trips=["test_messages_of_every_kind[other-fields]"],
    ),
    Sabotage(
        name="whoever-is-alone-has-room",
        patches=[("proxy.routing.filters.context_windows.ContextWindows.__call__", whoever_is_alone_has_room)],
        trips=[*REFUSED, "test_a_fallback_has_room"],
    ),
    Sabotage(
        name="every-window-is-small",
        patches=[("proxy.accounting.catalog.Catalog.window", every_window_is_small)],
        trips=["test_another_deployment_has_room"],
    ),
    Sabotage(
        name="counts-twice",
        patches=[("proxy.tokens.calls.estimate", counts_twice)],
        trips=REFUSED,
    ),
    Sabotage(
        name="what-cannot-be-counted-is-endless",
        patches=[("proxy.tokens.calls.estimate", what_cannot_be_counted_is_endless)],
        trips=["test_what_cannot_be_counted_goes_through"],
    ),
    Sabotage(
        name="clients-are-told-nothing",
        patches=[("proxy.providers.openai.chunks.Chunks.count", tells_nothing)],
        trips=[
            "test_clients_that_ask_are_told",
            "test_calls_of_tools_count",
            "test_what_cannot_be_counted_is_nothing",
            "test_a_text_completion",
        ],
    ),
    Sabotage(
        name="everybody-is-told",
        patches=[("proxy.providers.openai.provider.wants_usage", tells_everybody)],
        trips=["test_others_are_not_told", "test_it_is_charged"],
    ),
    Sabotage(
        name="calls-of-tools-are-forgotten",
        patches=[("proxy.providers.openai.chunks.said_calls", calls_say_nothing)],
        trips=["test_calls_of_tools_count"],
    ),
    Sabotage(
        name="streams-use-nothing",
        patches=[("proxy.tokens.calls._used", used_nothing)],
        trips=[
            "test_clients_that_ask_are_told",
            "test_calls_of_tools_count",
            "test_what_cannot_be_counted_is_nothing",
            "test_a_text_completion",
            "test_it_is_charged",
        ],
    ),
]
