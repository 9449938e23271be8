"""Which request parameters a model of OpenAI's kind takes: ``supported_openai_params`` of ``/model/info``.

The lists are the reference's (LiteLLM 1.81.14), read from its answers.
"""

import re
from collections.abc import Mapping
from typing import Any

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
_reasoning = re.compile(r"o\d")
_gpt_5 = re.compile(r"gpt-5(?!-chat)")


def supported_params(model: str, facts: Mapping[str, Any]) -> list[str]:
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
