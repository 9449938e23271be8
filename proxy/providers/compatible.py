"""The vendors of OpenAI's dialect that are told apart by a value alone (``groq/MODEL``, ``mistral/MODEL``, ...).

A vendor that needs more has a file of its own, which is found before this table. Sources: the addresses, variables and
parameters of LiteLLM 1.81.14, and the recordings of what it sends (contracts/core/test_providers_compatible.py).
"""

from functools import lru_cache
from typing import Any

import msgspec

from proxy.deployment import Deployment
from proxy.providers import quirks
from proxy.providers.base import find_provider
from proxy.providers.openai.params import Facts, ParamRules
from proxy.providers.openai.provider import OpenAICompatible
from proxy.providers.openai.responses import as_xai_takes_it
from proxy.providers.quirks import chained
from proxy.providers.vendor import ALL, Vendor, words

_SHORTER = {"max_completion_tokens": "max_tokens"}
_LIMITED = words("max_tokens max_completion_tokens temperature top_p stop response_format")
_TOOLS = words("tools tool_choice")
_CALLING = _TOOLS | words("functions function_call parallel_tool_calls")
_TOGETHER = _TOOLS | words("function_call response_format")
_PENALTIES = words("presence_penalty frequency_penalty")
_LOGPROBS = words("logprobs top_logprobs")
_MISTRAL = _LIMITED | _TOOLS | words("seed parallel_tool_calls")
_mistral = chained(quirks.plain_texts, quirks.only_tools_have_names, quirks.any_tool, quirks.without_schema_ids)
_EFFORT = {"reasoning_effort": "supports_reasoning"}
_THINKING = {"thinking": "supports_reasoning"}
_NULL_ENCODING = {"encoding_format": None}
_DIRECT: dict[str, Any] = {"sends": {"stream": False}, "quotes_body": True}
"""The reference speaks to them without OpenAI's SDK."""
_ALL_MODELS = ("",)
_LOCAL_KEY = "fake-api-key"
"""What the reference sends to local servers that have no key."""


def _vendor(name: str, api_base: str | None = None, **own: Any) -> Vendor:
    """A vendor whose variables, unless said otherwise, are called after its name."""
    prefix = own.pop("variables", name.upper())
    own.setdefault("base_variables", (f"{prefix}_API_BASE",))
    own.setdefault("key_variables", (f"{prefix}_API_KEY",))
    return Vendor(name=name, api_base=api_base, **own)


def _if_calling(params: frozenset[str]) -> dict[str, Any]:
    """For parameters that only models which call functions take."""
    return {"takes": ALL - params, "if_able": dict.fromkeys(params, "supports_function_calling")}


def _catalog(variables: str, **own: Any) -> dict[str, Any]:
    """For resellers of many vendors' models."""
    common = {"base_variables": (), "renamed": _SHORTER, "completions": True} | _if_calling(_CALLING)
    return {"variables": variables} | common | own


_CLOUDS = (
    _vendor("abliteration", "https://api.abliteration.ai/v1", base_variables=(), renamed=_SHORTER),
    _vendor(
        "ai21",
        "https://api.ai21.com/studio/v1",
        takes=_TOOLS | words("response_format max_tokens max_completion_tokens temperature stop n seed"),
        renamed=_SHORTER,
    ),
    _vendor("aiml", "https://api.aimlapi.com/v1", renamed=_SHORTER, caches=_ALL_MODELS),
    _vendor(
        "amazon_nova",
        "https://api.nova.amazon.com/v1",
        takes=_LIMITED - {"response_format"} | _TOOLS | words("stream_options reasoning_effort"),
        renamed=_SHORTER,
        **_DIRECT,
    ),
    _vendor(
        "baseten",
        "https://inference.baseten.co/v1",
        takes=_LIMITED | _TOOLS | _PENALTIES | words("seed user stream_options"),
        renamed=_SHORTER,
    ),
    _vendor(
        "cerebras",
        "https://api.cerebras.ai/v1",
        takes=_LIMITED | _TOOLS | words("seed user"),
        if_able=_EFFORT,
        renamed=_SHORTER,
    ),
    _vendor(
        "codestral",
        "https://codestral.mistral.ai/v1",
        takes=_MISTRAL,
        renamed=_SHORTER | {"seed": "random_seed"},
        adapt=_mistral,
    ),
    _vendor("cometapi", "https://api.cometapi.com/v1", key_variables=("COMETAPI_KEY",), **_DIRECT),
    _vendor("compactifai", "https://api.compactif.ai/v1", base_variables=(), **_DIRECT),
    _vendor("dashscope", "https://dashscope.aliyuncs.com/compatible-mode/v1", completions=True),
    _vendor(
        "deepinfra",
        "https://api.deepinfra.com/v1/openai",
        takes=_LIMITED | _TOOLS | _PENALTIES | words("functions function_call logit_bias n"),
        if_able=_EFFORT,
        renamed=_SHORTER,
        adapt=quirks.free_tool_choice,
    ),
    _vendor(
        "deepseek",
        "https://api.deepseek.com/beta",
        ignored=words("reasoning_effort thinking"),
        adapt=quirks.plain_texts,
        **_DIRECT,
    ),
    _vendor("empower", "https://app.empower.dev/api/v1", renamed=_SHORTER),
    _vendor(
        "featherless_ai",
        "https://api.featherless.ai/v1",
        variables="FEATHERLESS",
        takes=_LIMITED - {"response_format"} | _PENALTIES | words("n logit_bias functions function_call"),
        renamed=_SHORTER,
        completions=True,
    ),
    _vendor(
        "fireworks_ai",
        "https://api.fireworks.ai/inference/v1",
        base_variables=("FIREWORKS_API_BASE",),
        key_variables=("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
        takes=_LIMITED | _PENALTIES | words("n user logprobs tools"),
        if_able=_EFFORT | {"tool_choice": "supports_tool_choice"},
        renamed=_SHORTER,
        adapt=chained(quirks.fireworks, quirks.any_tool),
        model_path="accounts/fireworks/models/",
        completions=True,
        **_DIRECT,
    ),
    _vendor(
        "friendliai",
        "https://api.friendli.ai/serverless/v1",
        base_variables=("FRIENDLI_API_BASE",),
        key_variables=("FRIENDLIAI_API_KEY", "FRIENDLI_TOKEN"),
        renamed=_SHORTER,
    ),
    _vendor("galadriel", "https://api.galadriel.com/v1", renamed=_SHORTER),
    _vendor("github", "https://models.inference.ai.azure.com", renamed=_SHORTER),
    _vendor("gmi", "https://api.gmi-serving.com/v1", base_variables=(), renamed=_SHORTER),
    _vendor("groq", "https://api.groq.com/openai/v1", if_able=_EFFORT, renamed=_SHORTER, **_DIRECT),
    _vendor("heroku", suffix="/v1", **_DIRECT),
    _vendor(
        "hyperbolic",
        "https://api.hyperbolic.xyz/v1",
        takes=_LIMITED - {"max_completion_tokens"} | _TOOLS | _PENALTIES | words("n seed user"),
        completions=True,
    ),
    _vendor("lambda_ai", "https://api.lambda.ai/v1", variables="LAMBDA", renamed=_SHORTER, completions=True),
    _vendor("llamagate", "https://api.llamagate.dev/v1", base_variables=(), renamed=_SHORTER),
    _vendor(
        "meta_llama",
        "https://api.llama.com/compat/v1",
        variables="LLAMA",
        adapt=quirks.only_schemas,
        completions=True,
    ),
    _vendor("minimax", "https://api.minimax.io/v1", if_able=_THINKING, **_DIRECT),
    _vendor(
        "mistral",
        "https://api.mistral.ai/v1",
        base_variables=("MISTRAL_AZURE_API_BASE", "MISTRAL_API_BASE"),
        key_variables=("MISTRAL_AZURE_API_KEY", "MISTRAL_API_KEY"),
        suffix="/v1",
        takes=_MISTRAL,
        renamed=_SHORTER | {"seed": "random_seed"},
        adapt=_mistral,
        quotes_body=True,
    ),
    _vendor(
        "moonshot",
        "https://api.moonshot.ai/v1",
        takes=ALL - {"functions"},
        not_of=dict.fromkeys(_TOOLS, ("kimi-thinking-preview",)),
        renamed=_SHORTER,
        adapt=chained(quirks.plain_texts, quirks.required_tool_is_asked_for, quirks.cool),
        completions=True,
    ),
    _vendor("morph", "https://api.morphllm.com/v1", takes=frozenset()),
    _vendor("nebius", "https://api.studio.nebius.ai/v1", renamed=_SHORTER, completions=True),
    _vendor("novita", "https://api.novita.ai/v3/openai"),
    _vendor(
        "nscale",
        "https://inference.api.nscale.com/v1",
        takes=_LIMITED - {"max_completion_tokens"} | _PENALTIES | _LOGPROBS | words("n logit_bias"),
    ),
    _vendor(
        "nvidia_nim",
        "https://integrate.api.nvidia.com/v1",
        takes=_LIMITED | _TOOLS | _PENALTIES | words("seed parallel_tool_calls"),
        embedding_sends=_NULL_ENCODING,
        renamed=_SHORTER,
    ),
    _vendor(
        "openrouter",
        "https://openrouter.ai/api/v1",
        key_variables=("OPENROUTER_API_KEY", "OR_API_KEY"),
        if_able=_EFFORT | _THINKING,
        sends={"stream": False, "usage": {"include": True}},
        caches=("claude", "gemini", "minimax", "glm", "z-ai"),
        headers={"http-referer": "OR_SITE_URL", "x-title": "OR_APP_NAME"},
        quotes_body=True,
    ),
    _vendor(
        "ovhcloud",
        "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
        **_if_calling(_TOGETHER),
        **_DIRECT,
    ),
    _vendor(
        "perplexity",
        "https://api.perplexity.ai",
        key_variables=("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
        takes=_LIMITED - {"stop"} | _PENALTIES,
        if_able=_EFFORT | {"web_search_options": "supports_web_search"},
    ),
    _vendor(
        "sambanova",
        "https://api.sambanova.ai/v1",
        takes=_LIMITED | {"stream_options"},
        if_able=dict.fromkeys(_TOOLS | {"parallel_tool_calls"}, "supports_function_calling"),
        renamed=_SHORTER,
        adapt=quirks.plain_texts,
    ),
    _vendor("sarvam", "https://api.sarvam.ai/v1", base_variables=(), renamed=_SHORTER),
    _vendor(
        "scaleway",
        "https://api.scaleway.ai/v1",
        base_variables=(),
        key_variables=("SCW_SECRET_KEY",),
        renamed=_SHORTER,
    ),
    _vendor(
        "together_ai",
        "https://api.together.xyz/v1",
        key_variables=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
        **_if_calling(_TOGETHER),
        adapt=quirks.without_text_format,
        embedding_sends=_NULL_ENCODING,
        completions=True,
    ),
    _vendor("v0", "https://api.v0.dev/v1", takes=_TOOLS, completions=True),
    _vendor(
        "veniceai",
        "https://api.venice.ai/api/v1",
        base_variables=(),
        key_variables=("VENICE_AI_API_KEY",),
        renamed=_SHORTER,
    ),
    _vendor(
        "vercel_ai_gateway",
        "https://ai-gateway.vercel.sh/v1",
        key_variables=("VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN"),
    ),
    _vendor(
        "volcengine",
        "https://ark.cn-beijing.volces.com/api/v3",
        takes=ALL
        - words("parallel_tool_calls response_format modalities prediction service_tier web_search_options audio")
        - {"safety_identifier"}
        | {"thinking"},
        renamed=_SHORTER,
    ),
    _vendor("wandb", "https://api.inference.wandb.ai/v1", renamed=_SHORTER, completions=True),
    _vendor(
        "xai",
        "https://api.x.ai/v1",
        responses="/responses",
        adapt_response=as_xai_takes_it,
        takes=_LIMITED - {"max_completion_tokens"}
        | _TOOLS
        | _PENALTIES
        | _LOGPROBS
        | words("logit_bias n seed stream_options user web_search_options"),
        if_able=_EFFORT,
        not_of={
            "stop": ("grok-3-mini", "grok-4", "grok-code-fast"),
            "frequency_penalty": ("grok-4", "grok-code-fast"),
        },
        adapt=chained(quirks.only_users_have_names, quirks.without_strict),
        **_DIRECT,
    ),
    _vendor(
        "zai",
        "https://api.z.ai/api/paas/v4",
        takes=words("max_tokens stream_options temperature top_p stop") | _TOOLS,
        caches=_ALL_MODELS,
        if_able=_THINKING,
    ),
)
_CATALOGS = (
    _vendor("apertis", "https://api.stima.tech/v1", **_catalog("STIMA")),
    _vendor("chutes", "https://llm.chutes.ai/v1", **_catalog("CHUTES")),
    _vendor("helicone", "https://ai-gateway.helicone.ai", base_variables=(), **_if_calling(_CALLING)),
    _vendor("nano-gpt", "https://nano-gpt.com/api/v1", **_catalog("NANOGPT")),
    _vendor("poe", "https://api.poe.com/v1", **_catalog("POE")),
    _vendor("publicai", "https://api.publicai.co/v1", **_catalog("PUBLICAI", base_variables=("PUBLICAI_API_BASE",))),
    _vendor("synthetic", "https://api.synthetic.new/openai/v1", **_catalog("SYNTHETIC")),
    _vendor("xiaomi_mimo", "https://api.xiaomimimo.com/v1", **_catalog("XIAOMI_MIMO", completions=False)),
)
"""Of many vendors' models."""
_SERVERS = (
    _vendor(
        "aiohttp_openai",
        base_variables=("OPENAI_API_BASE",),
        key_variables=("OPENAI_API_KEY",),
        renamed=_SHORTER,
        **_DIRECT,
    ),
    _vendor("custom_openai", base_variables=("OPENAI_API_BASE",), key_variables=("OPENAI_API_KEY",), renamed=_SHORTER),
    _vendor(
        "docker_model_runner",
        "http://localhost:22088/engines/llama.cpp",
        keyless="dummy-key",
        renamed=_SHORTER,
    ),
    _vendor(
        "hosted_vllm",
        takes=ALL | words("reasoning_effort thinking"),
        adapt=chained(quirks.effort_for_thinking, quirks.loose_tools),
        keyless=_LOCAL_KEY,
        completions=True,
        **_DIRECT,
    ),
    _vendor(
        "lemonade",
        "http://localhost:8000/api/v1",
        key_variables=(),
        keyless="lemonade",
        renamed=_SHORTER,
        **_DIRECT,
    ),
    _vendor(
        "litellm_proxy",
        responses="/responses",
        takes=ALL | words("user reasoning_effort thinking"),
        caches=_ALL_MODELS,
        embedding_sends=_NULL_ENCODING,
    ),
    _vendor("llamafile", "http://127.0.0.1:8080/v1", keyless=_LOCAL_KEY, completions=True),
    _vendor("lm_studio", keyless=_LOCAL_KEY),
    _vendor(
        "ollama",
        "http://localhost:11434",
        takes=ALL | {"reasoning_effort"},
        suffix="/v1",
        keyless="ollama",
        completions=True,
    ),
    _vendor("oobabooga", suffix="/v1", keyless=_LOCAL_KEY, **_DIRECT),
    _vendor("openai_like", keyless=_LOCAL_KEY, renamed=_SHORTER, completions=True),
    _vendor("xinference", "http://127.0.0.1:9997/v1", keyless=_LOCAL_KEY, renamed=_SHORTER),
)
"""That users run themselves."""
_ALIASES = {"ai21_chat": "ai21", "ollama_chat": "ollama", "vllm": "hosted_vllm"}
"""Further prefixes. ``ollama_chat`` is Ollama's own dialect in the reference; Ollama speaks OpenAI's just as well."""

VENDORS = {vendor.name: vendor for vendor in (*_CLOUDS, *_CATALOGS, *_SERVERS)}
VENDORS |= {alias: msgspec.structs.replace(VENDORS[name], name=alias) for alias, name in _ALIASES.items()}


@lru_cache
def compatible_provider(name: str) -> OpenAICompatible | None:
    """The provider of a prefix of the table; ``None``: it is not there."""
    vendor = VENDORS.get(name)
    return None if vendor is None else OpenAICompatible(vendor)


def param_rules(deployment: Deployment, facts: Facts) -> ParamRules | None:
    """What the model of a deployment does not take; ``None``: its provider sees to that itself.

    Args:
        facts: the model's fields of the packaged table.
    """
    provider = find_provider(deployment.provider)
    return provider.rules(deployment.model, facts) if isinstance(provider, OpenAICompatible) else None
