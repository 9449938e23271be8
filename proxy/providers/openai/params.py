"""Which request parameters a model of OpenAI's kind takes, and what becomes of the others.

The lists are the reference's (LiteLLM 1.81.14), read from its answers. Parameters that it has never heard of are passed on.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from proxy.call import Body
from proxy.errors import Failure
from proxy.providers.openai.format import decode_objects, present, raw

Facts = Mapping[str, Any]
"""A model's fields of the packaged table; empty: nothing is known of it."""

PARAMS = (
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "modalities",
    "prediction",
    "n",
    "presence_penalty",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "tools",
    "tool_choice",
    "function_call",
    "functions",
    "max_retries",
    "extra_headers",
    "parallel_tool_calls",
    "audio",
    "web_search_options",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "store",
    "response_format",
)
_SAMPLING = frozenset(("frequency_penalty", "logprobs", "top_logprobs", "presence_penalty", "top_p"))
_TOOLS = frozenset(("tools", "tool_choice", "function_call", "functions", "parallel_tool_calls"))
_CHECKED = (
    frozenset(PARAMS)
    .difference(("stream", "stream_options", "max_retries", "extra_headers"))
    .union(("reasoning_effort", "thinking"))
)
UNSENT = frozenset(("store", "prompt_cache_key", "verbosity"))
"""Of OpenAI's parameters those that the reference sends to no other vendor."""
_SILENT = frozenset(("user", "stream_options"))
"""Left out without a word where they are not taken."""
_TOLD = (
    *("functions", "function_call", "temperature", "top_p", "n", "stop", "max_tokens", "max_completion_tokens"),
    *("modalities", "prediction", "audio", "presence_penalty", "frequency_penalty", "logit_bias", "response_format"),
    *(
        "seed",
        "tools",
        "tool_choice",
        "logprobs",
        "top_logprobs",
        "parallel_tool_calls",
        "reasoning_effort",
        "thinking",
    ),
    *("web_search_options", "safety_identifier", "service_tier", "prompt_cache_key", "store"),
)
"""The order in which a refusal names them."""
WITHOUT_FORMATS = frozenset(("gpt-4", "gpt-3.5-turbo-16k"))
"""Models that take no ``response_format``. The reference refuses it, and lists it where it names them by ``openai/``."""
_MAX_TOKENS = "max_tokens"
_DEVELOPER = b'"developer"'
_SYSTEM = msgspec.Raw(b'"system"')
_reasoning = re.compile(r"o\d")
_gpt_5 = re.compile(r"gpt-5(?!-chat)")


def supported_params(model: str, facts: Facts) -> list[str]:
    """The parameters of ``model`` (without the provider's prefix); ``facts`` are its fields of the packaged table."""
    dropped: frozenset[str] = frozenset()
    added: list[str] = []
    if _reasoning.match(model):
        added = ["reasoning_effort"]
        dropped = _SAMPLING
        if not facts.get("supports_parallel_function_calling"):
            dropped |= {"parallel_tool_calls"}
        if not facts.get("supports_function_calling"):
            dropped |= _TOOLS
        if not facts.get("supports_response_schema"):
            dropped |= {"response_format"}
    elif _gpt_5.match(model):
        added = ["reasoning_effort", "verbosity"]
        dropped = _SAMPLING | {"stop"}
        if not facts.get("supports_tool_choice"):
            dropped |= {"tool_choice"}
    return [name for name in PARAMS if name not in dropped] + added


class ParamRules(msgspec.Struct, frozen=True):
    """What one model does not take."""

    model: str
    refused: frozenset[str]
    developers: bool = False
    """It knows the role ``developer``; for others that is ``system``."""
    fixed_temperature: str | None = None
    """Why only 1 is taken; ``None``: any is. Such models also count ``max_completion_tokens``."""
    vendor: str = "openai"
    """Who refuses, in messages."""
    ignored: frozenset[str] = frozenset()
    """What is left out without a word."""
    renamed: Mapping[str, str] = {}
    """What the model knows under another name, by OpenAI's."""


def rules_of(model: str, facts: Facts) -> ParamRules:
    """The rules of a model; arguments as for :func:`supported_params`."""
    refused = _CHECKED.difference(supported_params(model, facts))
    if model in WITHOUT_FORMATS:
        refused |= {"response_format"}
    if _reasoning.match(model):
        told = "O-series models don't support temperature={}. Only temperature=1 is supported."
        told += " To drop unsupported openai params from the call, "
        return ParamRules(model, refused, developers=True, fixed_temperature=told)
    if _gpt_5.match(model):
        told = (
            "gpt-5 models (including gpt-5-codex) don't support temperature={}. Only temperature=1 is supported. "
            "For gpt-5.1, temperature is supported when reasoning_effort='none' (or not specified, as it defaults to "
            "'none'). To drop unsupported params "
        )
        return ParamRules(model, refused, fixed_temperature=told)
    return ParamRules(model, refused)


def vendor_rules(
    model: str, vendor: str, taken: frozenset[str], ignored: frozenset[str], renamed: Mapping[str, str]
) -> ParamRules:
    """The rules of a model of another vendor, which takes of OpenAI's parameters those that are named."""
    silent = (_SILENT - taken) | UNSENT | ignored
    return ParamRules(model, _CHECKED - taken - silent, vendor=vendor, ignored=silent, renamed=renamed)


def adapted(body: Body, rules: ParamRules, *, drop: bool, allowed: Collection[str]) -> Body:
    """The body as the model takes it.

    Args:
        drop: leave out what the model does not take, instead of refusing the call (``drop_params``).
        allowed: names that are passed on all the same (``allowed_openai_params``).

    Raises:
        Failure: 400, the model does not take a parameter.
    """
    refused = [name for name in body if name in rules.refused and name not in allowed and present(body[name])]
    unsupported = sorted((name for name in refused if name != "n" or bytes(body[name]) != b"1"), key=_TOLD.index)
    if unsupported and not drop:
        raise refusal(
            f"{rules.vendor} does not support parameters: {unsupported}, for model={rules.model}. To drop these, set "
            "`litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n. \n If you want to use "
            f"these params dynamically send allowed_openai_params={unsupported} in your request."
        )
    left_out = rules.ignored.union(refused)
    if left_out.isdisjoint(body) and rules.renamed.keys().isdisjoint(body) and rules.fixed_temperature is None:
        return body
    new = {name: body[old] for old, name in rules.renamed.items() if old in body and old not in left_out}
    body = {name: value for name, value in body.items() if name not in left_out and name not in rules.renamed} | new
    return body if rules.fixed_temperature is None else _of_reasoning_model(body, rules, drop=drop)


def _of_reasoning_model(body: Body, rules: ParamRules, *, drop: bool) -> Body:
    if _MAX_TOKENS in body:
        body["max_completion_tokens"] = body.pop(_MAX_TOKENS)
    temperature = body.get("temperature")
    if not present(temperature) or _takes_any_temperature(rules.model, body):
        return body
    value = msgspec.json.decode(temperature or b"null")
    if value == 1:
        return body
    if not drop:
        raise refusal((rules.fixed_temperature or "").format(value) + "set `litellm.drop_params = True`")
    del body["temperature"]
    return body


def _takes_any_temperature(model: str, body: Body) -> bool:
    """gpt-5.1 and gpt-5.2 do while they do not reason."""
    effort = body.get("reasoning_effort")
    silent = not present(effort) or bytes(effort or b"") == b'"none"'
    return silent and (model.startswith("gpt-5.1") or (model.startswith("gpt-5.2") and "pro" not in model))


def without_developers(body: Body, rules: ParamRules) -> Body:
    """The messages with ``system`` for ``developer``, where the model knows only that."""
    messages = body.get("messages")
    if rules.developers or messages is None or _DEVELOPER not in bytes(messages):
        return body
    try:
        told = [
            message | {"role": _SYSTEM} if bytes(message.get("role", b"")) == _DEVELOPER else message
            for message in decode_objects(messages)
        ]
    except msgspec.DecodeError:
        raise refusal("Invalid request format: messages must be a list of objects") from None
    return body | {"messages": raw(told)}


def check_dimensions(body: Body, model: str) -> None:
    """Raises Failure, 400, when an embedding model that is not known for it is asked for ``dimensions``."""
    if "text-embedding-3" not in model and present(body.get("dimensions")):
        raise refusal(
            "Setting dimensions is not supported for OpenAI `text-embedding-3` and later models. To drop it from the "
            "call, set `litellm.drop_params = True`."
        )


def refusal(why: str) -> Failure:
    """The refusal of a parameter, before anything is sent."""
    message = f"litellm.UnsupportedParamsError: {why}"
    return Failure(400, message, kind="bad_request", type="None", reached=False)
