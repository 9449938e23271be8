"""The parameters of a chat completion as Anthropic's Messages API names them.

What Anthropic receives is what LiteLLM 1.81.14 sends (contracts/core/test_provider_anthropic_fields.py): parameters of
OpenAI's that Anthropic has nothing like are refused or dropped, those that nobody knows are passed on.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from proxy.errors import Failure
from proxy.providers.anthropic.messages import Untranslatable
from proxy.providers.anthropic.tools import SCHEMA_TOOL, schema_tool, translate_choice, translate_tools, web_search

Fields = dict[str, Any]

DEFAULT_MAX_TOKENS = 4096
"""Of models that nothing is known of, and what is left for the answer after ``budget_tokens`` of thinking."""
_BUDGETS = {"minimal": 128, "low": 1024, "medium": 2048, "high": 4096}
"""Tokens of thinking by OpenAI's ``reasoning_effort``."""
_UNKNOWN = frozenset(
    """
    audio frequency_penalty function_call functions logit_bias logprobs modalities n prediction presence_penalty
    safety_identifier seed service_tier top_logprobs
    """.split()  # noqa: SIM905
)
_THINKING = frozenset(("reasoning_effort", "thinking"))
_TAKEN = (
    *("stream", "stop", "temperature", "top_p", "max_tokens", "max_completion_tokens", "tools", "tool_choice"),
    *("extra_headers", "parallel_tool_calls", "response_format", "user", "web_search_options", "speed"),
    "context_management",
)
"""Of every Claude, in the reference's order; :func:`taken_params`."""
_DROPPED = frozenset(
    ("max_retries", "prompt_cache_key", "prompt_cache_retention", "store", "stream", "stream_options", "verbosity")
)
"""Left out without a word."""
_ONE = ("n", 1)
"""The only number of answers that Anthropic gives."""
_MADE_ELSEWHERE = frozenset(("messages", "model"))
_ADAPTIVE = re.compile(r"(?:opus|sonnet)[-_]4[-_.]6", re.IGNORECASE)
"""Models that decide by themselves how much they think."""
_KNOWS_SCHEMAS = re.compile(r"sonnet-4[-.]5|opus-4[-.][15]|(?:opus|sonnet)-4[-.]6|sonnet_4[._]6")
_MAIL_OR_PHONE = re.compile(r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}|\+?[\d\s()-]{7,}")
_LIMITS = {
    "minItems": "minimum number of items",
    "maxItems": "maximum number of items",
    "minimum": "minimum value",
    "maximum": "maximum value",
    "exclusiveMinimum": "exclusive minimum value",
    "exclusiveMaximum": "exclusive maximum value",
    "minLength": "minimum length",
    "maxLength": "maximum length",
}
"""What Anthropic's output schemas lack, and how it is said in words."""


def taken_params(facts: Mapping[str, Any]) -> list[str]:
    """OpenAI's parameters that a model takes; ``facts`` are its fields of the packaged table."""
    return [*_TAKEN, *(("thinking", "reasoning_effort") if facts.get("supports_reasoning") else ())]


class Params(msgspec.Struct):
    """The body for Anthropic without its conversation, and what has to be known to read the answer."""

    fields: Fields
    in_schema: bool = False
    """The answer is wanted in a JSON schema, and may come as a call of :data:`SCHEMA_TOOL`."""


class Rules(msgspec.Struct, frozen=True):
    """What becomes of the parameters of one call."""

    model: str
    facts: Mapping[str, Any] = {}
    """What is publicly known about the model: its fields of the packaged table."""
    drop: bool = False
    """Leave out what the model has nothing like (``drop_params``), instead of refusing the call."""
    allowed: Collection[str] = ()
    """Names that are passed on as they are (``allowed_openai_params``)."""
    schemas: bool = True
    """Models that know output schemas may be asked for one; not all clouds pass that on."""

    @property
    def unknown(self) -> frozenset[str]:
        """OpenAI's parameters that the model has nothing like."""
        thinks = (
            "claude-3-7-sonnet" in self.model or _ADAPTIVE.search(self.model) or self.facts.get("supports_reasoning")
        )
        return _UNKNOWN if thinks else _UNKNOWN | _THINKING


def translate(fields: Fields, rules: Rules) -> Params:
    """Translate the parameters of a chat completion.

    Raises:
        Failure: 400, the model has nothing like one of them.
        Untranslatable: one of them makes no sense.
    """
    unknown = rules.unknown
    if not rules.drop:
        _refuse(fields, unknown.difference(rules.allowed), rules.model)
    made = Params({})
    _answer_format(made, fields, rules)
    for name, value in fields.items():
        if value is None or name in _MADE_ELSEWHERE:
            continue
        ours = name in unknown or name in _DROPPED
        if name in _TRANSLATIONS and not ours:
            _TRANSLATIONS[name](made.fields, value, rules.model)
        elif not ours or name in rules.allowed:
            made.fields[name] = value
    _tool_choice(made, fields)
    if "max_tokens" not in made.fields:
        made.fields["max_tokens"] = _max_tokens(made.fields.get("thinking"), rules.facts)
    return made


def _refuse(fields: Fields, unknown: frozenset[str], model: str) -> None:
    found = [name for name, value in fields.items() if name in unknown and value is not None and (name, value) != _ONE]
    if found:
        raise Failure(
            400,
            f"litellm.UnsupportedParamsError: anthropic does not support parameters: {found}, for model={model}. To drop "
            "these, set `litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n. \n If you "
            f"want to use these params dynamically send allowed_openai_params={found} in your request.",
            kind="bad_request",
            type="None",
            reached=False,
        )


def _max_tokens(thinking: Any, facts: Mapping[str, Any]) -> int:
    """Anthropic wants a limit: what the model can do, or what it may think and a usual answer."""
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if isinstance(budget, int):
        return budget + DEFAULT_MAX_TOKENS
    return int(facts.get("max_output_tokens") or facts.get("max_tokens") or DEFAULT_MAX_TOKENS)


def with_user(fields: Fields, user: Any) -> None:
    """Tell Anthropic for whom the call is. It refuses addresses and telephone numbers."""
    if isinstance(user, str) and _MAIL_OR_PHONE.fullmatch(user) is None:
        fields["metadata"] = {"user_id": user}


# --- single parameters -----------------------------------------------------------------------------------------------


def _tokens(made: Fields, value: Any, _: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Untranslatable("max_tokens must be a number")
    made["max_tokens"] = value if isinstance(value, int) else max(1, round(value))


def _stop(made: Fields, value: Any, _: str) -> None:
    if value:
        made["stop_sequences"] = [value] if isinstance(value, str) else value


def _tools(made: Fields, value: Any, _: str) -> None:
    if not isinstance(value, list) or not all(isinstance(tool, dict) for tool in value):
        raise Untranslatable("tools must be a list of objects")
    tools, servers = translate_tools(value)
    made["tools"] = [*made.get("tools", ()), *tools]
    if servers:
        made["mcp_servers"] = servers


def _web_search(made: Fields, value: Any, _: str) -> None:
    if isinstance(value, dict):
        made["tools"] = [*made.get("tools", ()), web_search(value)]


def _user(made: Fields, value: Any, _: str) -> None:
    with_user(made, value)


def thinking_of(effort: str, model: str) -> Fields | None:
    """Anthropic's words for OpenAI's ``reasoning_effort``; ``None``: the model is not to think.

    Raises:
        Untranslatable: there is no such effort.
    """
    if effort == "none":
        return None
    if _ADAPTIVE.search(model):
        return {"type": "adaptive"}
    if effort in _BUDGETS:
        return {"type": "enabled", "budget_tokens": _BUDGETS[effort]}
    raise Untranslatable(f"reasoning_effort: {effort!r} is none of {', '.join(_BUDGETS)}, none")


def _effort(made: Fields, value: Any, model: str) -> None:
    thinking = thinking_of(value, model) if isinstance(value, str) else None
    if thinking is not None:
        made["thinking"] = thinking


def context_management(value: Any) -> Fields | None:
    """OpenAI's list of compactions as Anthropic's edits, or what Anthropic itself says; ``None``: nothing is asked for."""
    if isinstance(value, dict):
        return value if "edits" in value else None
    entries = value if isinstance(value, list) else ()
    edits = [_compaction(entry) for entry in entries if isinstance(entry, dict) and entry.get("type") == "compaction"]
    return {"edits": edits} if edits else None


def _context_management(made: Fields, value: Any, _: str) -> None:
    managed = context_management(value)
    if managed is not None:
        made["context_management"] = managed


def _compaction(entry: Fields) -> Fields:
    edit: Fields = {"type": "compact_20260112"}
    threshold = entry.get("compact_threshold")
    if isinstance(threshold, int | float):
        edit["trigger"] = {"type": "input_tokens", "value": int(threshold)}
    return edit | {name: value for name, value in entry.items() if name not in ("type", "compact_threshold")}


def _later(_made: Fields, _value: Any, _model: str) -> None:
    """Needs other parameters too."""


_TRANSLATIONS: dict[str, Callable[[Fields, Any, str], None]] = {
    "max_tokens": _tokens,
    "max_completion_tokens": _tokens,
    "stop": _stop,
    "tools": _tools,
    "tool_choice": _later,
    "parallel_tool_calls": _later,
    "response_format": _later,
    "user": _user,
    "reasoning_effort": _effort,
    "web_search_options": _web_search,
    "context_management": _context_management,
}


# --- answers in a JSON schema ----------------------------------------------------------------------------------------


def _answer_format(made: Params, fields: Fields, rules: Rules) -> None:
    wanted = fields.get("response_format")
    schema = _schema(wanted) if isinstance(wanted, dict) and wanted.get("type") != "text" else None
    if schema is None:
        return
    made.in_schema = True
    if rules.schemas and _KNOWS_SCHEMAS.search(rules.model):
        made.fields["output_format"] = {"type": "json_schema", "schema": _sayable(schema)}
    else:
        made.fields["tools"] = [schema_tool(schema)]


def _tool_choice(made: Params, fields: Fields) -> None:
    """The client's choice, else the tool that stands for the schema; but no tool can be forced on a model that thinks."""
    choice, parallel = fields.get("tool_choice"), fields.get("parallel_tool_calls")
    thinking = made.fields.get("thinking")
    thinks = isinstance(thinking, dict) and thinking.get("type") != "disabled"
    if choice is None and made.in_schema and "output_format" not in made.fields and not thinks:
        choice = {"function": {"name": SCHEMA_TOOL}}
    translated = translate_choice(choice, parallel)
    if translated is not None:
        made.fields["tool_choice"] = translated


def _schema(wanted: Fields) -> Fields | None:
    """The JSON schema of a ``response_format``; of the old kind, too."""
    schema = wanted.get("response_schema")
    if schema is None and "json_schema" in wanted:
        described = wanted["json_schema"]
        schema = described.get("schema") if isinstance(described, dict) else None
        if schema is None:
            raise Untranslatable("response_format: json_schema needs a schema")
    if schema is not None and not isinstance(schema, dict):
        raise Untranslatable("response_format: the schema must be an object")
    return schema


def _sayable(schema: Any) -> Any:
    """The schema with limits that Anthropic does not know said in its descriptions, as Anthropic's SDK does."""
    if not isinstance(schema, dict):
        return schema
    made = {name: _inner(name, value) for name, value in schema.items() if name not in _LIMITS}
    limits = [f"{said}: {schema[name]}" for name, said in _LIMITS.items() if name in schema]
    if limits:
        note = f"Note: {', '.join(limits)}."
        made["description"] = f"{schema['description']} {note}" if schema.get("description") else note
    return made


def _inner(name: str, value: Any) -> Any:
    if name in ("properties", "$defs") and isinstance(value, dict):
        return {key: _sayable(inner) for key, inner in value.items()}
    if name in ("anyOf", "allOf", "oneOf") and isinstance(value, list):
        return [_sayable(inner) for inner in value]
    return _sayable(value) if name == "items" else value
