"""The parameters of a chat completion as Bedrock's Converse names them.

What Bedrock receives is what LiteLLM 1.81.14 sends (contracts/core/test_bedrock_fields.py): parameters of OpenAI's that the
model has nothing like are refused or dropped, those that nobody knows are passed on to the model itself.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from proxy.providers.anthropic.messages import Untranslatable
from proxy.providers.anthropic.params import DEFAULT_MAX_TOKENS, thinking_of
from proxy.providers.anthropic.tools import SCHEMA_TOOL
from proxy.providers.bedrock.models import Named
from proxy.providers.bedrock.tools import Tools, schema_tool, translate_choice
from proxy.providers.openai.params import Facts

Fields = dict[str, Any]

LEAST_BUDGET = 1024
"""Tokens of thinking that Bedrock refuses to go below."""
BETAS = frozenset(
    """
    computer-use-2025-01-24 computer-use-2025-11-24 context-1m-2025-08-07 context-management-2025-06-27
    interleaved-thinking-2025-05-14 structured-outputs-2025-11-13
    """.split()  # noqa: SIM905
)
"""Of Anthropic's those that Converse may be told."""
_CONFIGS = ("guardrailConfig", "performanceConfig", "serviceTier")
"""Converse's own objects; the reference sends them within ``inferenceConfig`` too."""
_INFERENCE = ("maxTokens", "stopSequences", "temperature", "topP", "tool_choice", *_CONFIGS)
_TIERS = ("default", "flex", "priority")
_EFFORTS = ("low", "medium", "high")
"""Of Nova 2."""
_ELSEWHERE = ("messages", "model", "model_id", "stream", "stream_options", "max_retries")


class Params(msgspec.Struct):
    """What is sent beside the conversation, and what has to be known to read the answer."""

    fields: Fields
    tool_names: dict[str, str]
    """What the client calls a tool, by the name that Bedrock knows."""
    called: frozenset[str]
    """The names of the client's tools."""
    in_schema: bool
    """The answer is wanted in JSON, and may come as a call of a tool that stands for it."""
    whole: bool
    """A stream must be asked for as a whole."""

    @property
    def guarded(self) -> bool:
        """Whether a guardrail looks at the call."""
        return "guardrailConfig" in self.fields


class _Made(msgspec.Struct):
    """Parameters on their way."""

    model: Named
    facts: Facts
    drop: bool
    params: Fields = {}
    tools: list[Any] = []
    further: Fields = {}
    """For the model itself."""
    in_schema: bool = False
    whole: bool = False


def translate(fields: Fields, model: Named, facts: Facts, betas: Iterable[str], *, drop: bool) -> Params:
    """Translate the parameters that the model takes.

    Args:
        betas: of Anthropic's, that the client wants switched on.
        drop: leave out choices that the model has nothing like, instead of refusing the call.

    Raises:
        Failure: 400, the model has nothing like a choice.
        Untranslatable: a parameter makes no sense.
    """
    made = _Made(model, facts, drop)
    if fields.get("response_format") is not None:
        _answer_format(made, fields)
    for name, value in fields.items():
        if value is None or name in _ELSEWHERE:
            continue
        translation = _TRANSLATIONS.get(name)
        if translation is not None:
            translation(made, value)
        elif name in _INFERENCE or name == "requestMetadata":
            made.params[name] = value
        else:
            made.further[name] = value
    _limit_thinking(made)
    return _assembled(made, [beta.strip() for beta in betas if beta.strip() in BETAS])


def _assembled(made: _Made, betas: list[str]) -> Params:
    tools = Tools(made.tools, made.model.id)
    sent: Fields = {"additionalModelRequestFields": made.further, "inferenceConfig": {}}
    if tools.computer:
        made.further["tools"] = tools.computer
    betas = [*betas, *tools.betas]
    if betas and made.model.base.startswith("anthropic"):
        made.further["anthropic_beta"] = betas
    if tools.config:
        sent["toolConfig"] = {"tools": tools.config}
        choice = made.params.pop("tool_choice", None)
        if choice is not None:
            sent["toolConfig"]["toolChoice"] = choice
    for name, value in made.params.items():
        if name in _INFERENCE:
            sent["inferenceConfig"][name] = value
        if name not in _INFERENCE or name in _CONFIGS:
            sent[name] = value
    called = frozenset(tools.names.get(name, name) for name in _names(tools.config))
    return Params(sent, tools.names, called, made.in_schema, made.whole)


def _names(tools: list[Any]) -> list[str]:
    return [str(tool["toolSpec"].get("name")) for tool in tools if isinstance(tool.get("toolSpec"), dict)]


# --- single parameters -----------------------------------------------------------------------------------------------


def _as(name: str) -> Callable[[_Made, Any], None]:
    def translation(made: _Made, value: Any) -> None:
        made.params[name] = value

    return translation


def _stop(made: _Made, value: Any) -> None:
    if value:
        made.params["stopSequences"] = [value] if isinstance(value, str) else value


def _top_k(made: _Made, value: Any) -> None:
    if value and made.model.base.startswith("anthropic"):
        made.further["top_k"] = value
    elif value and made.model.base.startswith("amazon.nova"):
        made.further["inferenceConfig"] = {"topK": value}


def _tier(made: _Made, value: Any) -> None:
    tier = "default" if value == "auto" else value
    if tier in _TIERS:
        made.params["serviceTier"] = {"type": tier}


def _tools(made: _Made, value: Any) -> None:
    if not isinstance(value, list):
        raise Untranslatable("tools must be a list of objects")
    made.tools += value


def _choice(made: _Made, value: Any) -> None:
    choice = translate_choice(value, drop=made.drop)
    if choice is not None:
        made.params["tool_choice"] = choice


def _parallel(made: _Made, value: Any) -> None:
    made.further["tool_choice"] = {"disable_parallel_tool_use": not value}


def _web_search(made: _Made, value: Any) -> None:
    if isinstance(value, dict) and "nova" in made.model.id.lower():
        made.tools.append({"systemTool": {"name": "nova_grounding"}})


def _effort(made: _Made, value: Any) -> None:
    if "gpt-oss" in made.model.id:
        made.further["reasoning_effort"] = value
    elif not isinstance(value, str):
        return
    elif made.model.is_nova_2:
        if value not in _EFFORTS:
            raise Untranslatable(
                f"Invalid reasoning_effort value '{value}' for Nova 2 models. Supported values: {list(_EFFORTS)}"
            )
        made.further["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": value}
    else:
        thinking = thinking_of(value, made.model.id)
        if thinking is not None:
            made.further["thinking"] = thinking


_TRANSLATIONS: dict[str, Callable[[_Made, Any], None]] = {
    "max_tokens": _as("maxTokens"),
    "max_completion_tokens": _as("maxTokens"),
    "top_p": _as("topP"),
    "topK": _top_k,
    "top_k": _top_k,
    "stop": _stop,
    "service_tier": _tier,
    "tools": _tools,
    "tool_choice": _choice,
    "parallel_tool_calls": _parallel,
    "web_search_options": _web_search,
    "reasoning_effort": _effort,
    "response_format": lambda _made, _value: None,
}


# --- thinking --------------------------------------------------------------------------------------------------------


def _limit_thinking(made: _Made) -> None:
    """Bedrock wants a budget that is not too small and a limit above it, and forces no tool on a model that thinks."""
    thinking = made.further.get("thinking")
    if not isinstance(thinking, dict) or made.model.is_nova_2:
        return
    budget = thinking.get("budget_tokens")
    if isinstance(budget, int):
        budget = max(budget, LEAST_BUDGET)
        made.further["thinking"] = thinking | {"budget_tokens": budget}
    if thinking.get("type") != "enabled":
        return
    if isinstance(budget, int) and "maxTokens" not in made.params:
        made.params["maxTokens"] = budget + DEFAULT_MAX_TOKENS
    choice = made.params.get("tool_choice") or {}
    if "any" in choice or "tool" in choice:
        made.params["tool_choice"] = {"auto": {}}


def _thinks(fields: Fields) -> bool:
    thinking = fields.get("thinking")
    return (isinstance(thinking, dict) and thinking.get("type") == "enabled") or fields.get(
        "reasoning_effort"
    ) is not None


# --- answers in a JSON schema ----------------------------------------------------------------------------------------


def _answer_format(made: _Made, fields: Fields) -> None:
    wanted = fields["response_format"]
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return
    schema, name, description = _schema(wanted)
    made.in_schema = True
    if schema is not None and made.model.knows_schemas:
        described = {"schema": json.dumps(_closed(schema)), "name": name, "description": description}
        structure = {"jsonSchema": {key: value for key, value in described.items() if value is not None}}
        made.params["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}
        return
    made.whole = True
    made.tools.append(schema_tool(schema, description))
    if made.facts.get("supports_tool_choice") and not _thinks(fields):
        made.params["tool_choice"] = {"tool": {"name": SCHEMA_TOOL}}


def _schema(wanted: Fields) -> tuple[Fields | None, Any, Any]:
    """The JSON schema that is asked for, if one is, its name and description; of the old kind, too."""
    schema, name, description = wanted.get("response_schema"), None, None
    if schema is None and "json_schema" in wanted:
        described = wanted["json_schema"]
        if not isinstance(described, dict) or not isinstance(described.get("schema"), dict):
            raise Untranslatable("response_format: json_schema needs a schema")
        schema, name, description = described["schema"], described.get("name"), described.get("description")
    if schema is not None and not isinstance(schema, dict):
        raise Untranslatable("response_format: the schema must be an object")
    return schema, name, description


def _closed(schema: Any) -> Any:
    """The schema with every object closed, as Bedrock wants it said."""
    if not isinstance(schema, dict):
        return schema
    made = {name: _inner(name, value) for name, value in schema.items()}
    return {**made, "additionalProperties": False} if _is_open(schema) else made


def _is_open(schema: Fields) -> bool:
    return schema.get("type") == "object" and "additionalProperties" not in schema


def _inner(name: str, value: Any) -> Any:
    if name in ("properties", "$defs", "definitions") and isinstance(value, dict):
        return {key: _closed(inner) for key, inner in value.items()}
    if name in ("anyOf", "allOf", "oneOf") and isinstance(value, list):
        return [_closed(inner) for inner in value]
    return _closed(value) if name == "items" else value
