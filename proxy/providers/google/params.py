"""The parameters of a chat completion as Google's ``generateContent`` names them.

What Google receives is what LiteLLM 1.81.14 sends (contracts/core/test_gemini_fields.py): parameters that Google has nothing
like are refused or dropped, those of Google's own configuration are passed on, others left out.
https://ai.google.dev/api/generate-content#generationconfig
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from proxy.providers.google.contents import Untranslatable, is_third
from proxy.providers.google.schema import google_schema, json_schema, takes_json_schemas
from proxy.providers.google.tools import NoSuchTool, translate_choice, translate_tools, web_search
from proxy.providers.openai.params import Facts, ParamRules, refusal, vendor_rules
from proxy.providers.schema_refs import ImpossibleSchema
from proxy.providers.vendor import words

Fields = dict[str, Any]

_TAKEN = words(
    """
    temperature top_p max_tokens max_completion_tokens tools functions tool_choice response_format n stop logprobs
    modalities parallel_tool_calls web_search_options
    """
)
_OF_VERTEX = words("seed top_logprobs")
"""Taken by Vertex AI alone."""
_PENALTIES = words("frequency_penalty presence_penalty")
_THINKING = words("reasoning_effort thinking")
_CONFIG = words(
    """
    temperature top_p top_k candidate_count max_output_tokens stop_sequences presence_penalty frequency_penalty
    response_mime_type response_schema response_json_schema seed response_logprobs logprobs response_modalities
    image_config thinking_config speech_config media_resolution
    """
)
"""Of Google's ``generationConfig``; clients may write them so or in camel case."""
_ROOT = {
    "safety_settings": "safetySettings",
    "safetySettings": "safetySettings",
    "cached_content": "cachedContent",
    "cachedContent": "cachedContent",
    "toolConfig": "toolConfig",
}
"""Fields beside ``generationConfig``."""
_RENAMED = {
    "n": "candidate_count",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_BUDGETS = {"low": 1024, "medium": 2048, "high": 4096, "disable": 0, "none": 0}
"""Tokens of thinking by OpenAI's ``reasoning_effort``."""
_LEAST = (("gemini-2.5-flash-lite", 512), ("gemini-2.5-pro", 128), ("gemini-2.5-flash", 1))
"""Tokens of the least thinking, by a piece of the model's name."""
_LEAST_OF_OTHERS = 128
_SILENT_EFFORTS = ("disable", "none")
_MODALITIES = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
_UPPER = re.compile(r"(?<!^)(?=[A-Z])")


class Rules(msgspec.Struct, frozen=True):
    """What becomes of the parameters of one call."""

    model: str
    drop: bool = False
    """Leave out what cannot be had (``drop_params``), instead of refusing the call."""
    labels: bool = False
    """The vendor takes ``labels``: Vertex AI does."""


def param_rules(model: str, vendor: str, facts: Facts) -> ParamRules:
    """What a model takes of OpenAI's parameters; ``vendor`` is ``gemini`` or ``vertex_ai``."""
    taken = _TAKEN
    if vendor == "gemini":
        taken |= _PENALTIES | (words("audio") if "tts" in model else words(""))
    else:
        taken |= _OF_VERTEX | (_PENALTIES if _takes_penalties(model) else words(""))
    if facts.get("supports_reasoning"):
        taken |= _THINKING
    return vendor_rules(model, vendor, taken, words(""), {})


def translate(asked: Mapping[str, Any], rules: Rules) -> Fields:
    """The body for Google, without the conversation.

    Args:
        asked: the parameters, of those in :func:`param_rules` only what the model takes.

    Raises:
        Failure: 400, Google has nothing like a value.
        Untranslatable: a value makes no sense.
    """
    made = _Body(rules)
    for name, value in asked.items():
        if value is not None:
            made.take(name, value, asked)
    return made.finished()


class _Body:
    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._config: Fields = {}
        self._root: Fields = {}
        self._tools: list[Fields] = []
        self._has_tools = False

    def take(self, name: str, value: Any, asked: Mapping[str, Any]) -> None:
        """One parameter, by OpenAI's name or Google's."""
        if name in _RENAMED:
            self._config[_RENAMED[name]] = value
        elif name in _TRANSLATED:
            _TRANSLATED[name](self, value)
        elif name in ("tools", "functions"):
            self._take_tools(value)
        elif name in _PENALTIES:
            if _takes_penalties(self._rules.model):
                self._config[name] = value
        elif name == "parallel_tool_calls":
            self._check_parallel(value, asked)
        else:
            self._take_googles(name, value)

    def finished(self) -> Fields:
        config, model = self._config, self._rules.model
        if "speechConfig" in config:
            modalities = config.setdefault("responseModalities", [])
            config["responseModalities"] = [*modalities, *(() if "AUDIO" in modalities else ("AUDIO",))]
        if is_third(model):
            config.setdefault("temperature", 1.0)
            thinking = config.get("thinkingConfig", {})
            if "image" not in model and not {"thinkingLevel", "thinkingBudget"} & thinking.keys():
                config["thinkingConfig"] = thinking | {"thinkingLevel": _least_level(model)}
        body = dict(self._root)
        if self._has_tools:
            body["tools"] = self._tools
        return body | ({"generationConfig": config} if config else {})

    def _take_googles(self, name: str, value: Any) -> None:
        """A field of Google's own; any other is left out."""
        if name in _ROOT:
            self._root[_ROOT[name]] = value
        elif name == "generationConfig" and isinstance(value, dict):
            self._config |= value
        elif name == "labels" and self._rules.labels:
            self._root["labels"] = value
        elif _UPPER.sub("_", name).lower() in _CONFIG:
            self._config[name] = value

    # --- single parameters -------------------------------------------------------------------------------------------

    def _take_tools(self, value: Any) -> None:
        if not isinstance(value, list):
            raise Untranslatable("tools must be a list")
        if not value:
            return
        try:
            self._tools = [*translate_tools(value), *self._tools]
        except NoSuchTool as error:
            raise Untranslatable(str(error)) from error
        self._has_tools = True

    def search(self, _: Any) -> None:
        self._has_tools = True
        if web_search() not in self._tools:
            self._tools = [*self._tools, web_search()]

    def choose(self, value: Any) -> None:
        try:
            choice = translate_choice(value)
        except NoSuchTool as error:
            raise refusal(str(error)) from error
        self._root["toolConfig"] = self._root.get("toolConfig", {}) | choice

    def _check_parallel(self, value: Any, asked: Mapping[str, Any]) -> None:
        tools = asked.get("tools", asked.get("functions"))
        if value is False and isinstance(tools, list) and len(tools) > 1 and not self._rules.drop:
            raise refusal(
                "`parallel_tool_calls=False` is not supported by Gemini when multiple tools are provided. Specify a single "
                "tool, or set `parallel_tool_calls=True`. If you want to drop this param, set `litellm.drop_params = True` "
                "or pass in `(.., drop_params=True)` in the requst - "
                "https://docs.litellm.ai/docs/completion/drop_params"
            )

    def stop(self, value: Any) -> None:
        if isinstance(value, str | list):
            self._config["stop_sequences"] = [value] if isinstance(value, str) else value

    def speak(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise Untranslatable("audio must be an object")
        if value.get("format") not in (None, "pcm16"):
            raise Untranslatable(f"audio: Gemini answers in pcm16 alone, not in {value['format']!r}; set audio.format")
        voice = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": value["voice"]}}} if "voice" in value else {}
        self._config["speechConfig"] = voice

    def speak_in(self, value: Any) -> None:
        if isinstance(value, list):
            self._config["responseModalities"] = [_MODALITIES.get(str(one), "MODALITY_UNSPECIFIED") for one in value]

    def format(self, wanted: Any) -> None:
        """The format of the answer, and its schema."""
        if not isinstance(wanted, dict):
            raise Untranslatable("response_format must be an object")
        kind = wanted.get("type")
        if kind in ("json_object", "text"):
            self._config["response_mime_type"] = "application/json" if kind == "json_object" else "text/plain"
        described = wanted.get("json_schema")
        schema = wanted.get("response_schema")
        if schema is None and kind == "json_schema" and isinstance(described, dict):
            schema = described.get("schema")
        if not isinstance(schema, dict):
            return
        self._config["response_mime_type"] = "application/json"
        try:
            if takes_json_schemas(self._rules.model):
                self._config["response_json_schema"] = json_schema(schema)
            else:
                self._config["response_schema"] = google_schema(schema, ordered=True)
        except ImpossibleSchema as error:
            raise Untranslatable(f"response_format: {error}") from error

    def think(self, value: Any) -> None:
        """Thinking as Anthropic's clients ask for it."""
        if not isinstance(value, dict):
            raise Untranslatable("thinking must be an object")
        enabled, budget = value.get("type") == "enabled", value.get("budget_tokens")
        thoughts: Fields = {}
        if is_third(self._rules.model):
            thoughts["includeThoughts"] = bool(enabled and budget)
            if enabled and budget:
                thoughts["thinkingLevel"] = _least_level(self._rules.model)
        else:
            if enabled and budget != 0:
                thoughts["includeThoughts"] = True
            if isinstance(budget, int):
                thoughts["thinkingBudget"] = budget
        self._config["thinkingConfig"] = thoughts

    def reason(self, value: Any) -> None:
        """Thinking as OpenAI's clients ask for it."""
        effort = value.get("effort") if isinstance(value, dict) else value
        if not isinstance(effort, str):
            return
        if effort not in _BUDGETS and effort != "minimal":
            raise Untranslatable(f"reasoning_effort: {effort!r} is none of minimal, {', '.join(_BUDGETS)}")
        model = self._rules.model
        how = (
            {"thinkingLevel": _level(effort, model)} if is_third(model) else {"thinkingBudget": _budget(effort, model)}
        )
        self._config["thinkingConfig"] = how | {"includeThoughts": effort not in _SILENT_EFFORTS}


def _takes_penalties(model: str) -> bool:
    return not is_third(model) and model != "gemini-2.5-pro-preview-06-05"


def _budget(effort: str, model: str) -> int:
    if effort != "minimal":
        return _BUDGETS[effort]
    return next((budget for piece, budget in _LEAST if piece in model.lower()), _LEAST_OF_OTHERS)


def _least_level(model: str) -> str:
    return "minimal" if "gemini-3-flash" in model.lower() else "low"


def _level(effort: str, model: str) -> str:
    if effort in ("minimal", *_SILENT_EFFORTS):
        return _least_level(model)
    if effort == "medium" and "gemini-3-flash" not in model.lower() and "gemini-3.1-pro-preview" not in model.lower():
        return "high"
    return effort


_TRANSLATED: dict[str, Callable[[_Body, Any], None]] = {
    "stop": _Body.stop,
    "tool_choice": _Body.choose,
    "audio": _Body.speak,
    "modalities": _Body.speak_in,
    "response_format": _Body.format,
    "thinking": _Body.think,
    "reasoning_effort": _Body.reason,
    "web_search_options": _Body.search,
}
