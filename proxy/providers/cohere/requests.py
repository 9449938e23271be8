"""A chat in OpenAI's format as Cohere's (v2) wants it: nearly the same, under other names.

What Cohere receives is what LiteLLM 1.81.14 sends (contracts/core/test_cohere.py), and what Cohere knows too although the
reference refuses or forgets it: ``tool_choice``, ``response_format``, ``max_completion_tokens``.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from proxy.providers.base import Attempt
from proxy.providers.cohere.failures import bad_request
from proxy.providers.openai.params import adapted, vendor_rules
from proxy.providers.thoughts import without_signatures
from proxy.providers.vendor import words

Fields = dict[str, Any]

TAKES = words(
    "temperature max_tokens max_completion_tokens top_p frequency_penalty presence_penalty stop n tools tool_choice seed "
    "response_format stream_options"
)
_RENAMED = {"max_completion_tokens": "max_tokens", "top_p": "p", "stop": "stop_sequences", "n": "num_generations"}
_CHOICES = {"required": "REQUIRED", "none": "NONE"}
_ELSEWHERE = ("model", "stream", "stream_options", "max_retries")
_Message = dict[str, Any]
_messages = msgspec.json.Decoder(list[_Message])


def translate(attempt: Attempt, model: str) -> Fields:
    """The body of a chat.

    Raises:
        Failure: 400, the call cannot be put to Cohere.
    """
    rules = vendor_rules(model, attempt.deployment.provider, TAKES, frozenset(), _RENAMED)
    body = adapted(attempt.body, rules, drop=attempt.drop_params, allowed=attempt.allowed_params)
    try:
        body = without_signatures(body, model)
        fields: Fields = {
            "model": model,
            "messages": [_message(message) for message in _messages.decode(body["messages"])],
        }
        asked = {name: msgspec.json.decode(value) for name, value in body.items() if name != "messages"}
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_request(str(error)) from error
    fields["stream"] = attempt.stream
    for name, value in asked.items():
        if value is None or name in _ELSEWHERE:
            continue
        translated = _TRANSLATIONS[name](value) if name in _TRANSLATIONS else value
        if translated is not None:
            fields[name] = translated
    return fields


def _message(message: _Message) -> _Message:
    """What Cohere knows of a message: no marks for a cache, no nulls, addresses of images as objects."""
    made = {name: value for name, value in message.items() if value is not None and name != "cache_control"}
    if made.get("role") == "developer":
        made["role"] = "system"
    if isinstance(made.get("content"), list):
        made["content"] = [_part(part) if isinstance(part, dict) else part for part in made["content"]]
    return made


def _part(part: Fields) -> Fields:
    made = {name: value for name, value in part.items() if name != "cache_control"}
    if isinstance(made.get("image_url"), str):
        made["image_url"] = {"url": made["image_url"]}
    return made


def _tools(tools: Any) -> Any:
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise bad_request("tools must be a list of objects")
    return [{name: value for name, value in tool.items() if name != "cache_control"} for tool in tools] or None


def _choice(choice: Any) -> Any:
    """Cohere has no word for ``auto``, which is what it does anyway, and none for a single tool."""
    return _CHOICES.get(choice) if isinstance(choice, str) else "REQUIRED" if isinstance(choice, dict) else None


def _answer_format(wanted: Any) -> Any:
    if not isinstance(wanted, dict) or wanted.get("type") == "text":
        return None
    described = wanted.get("json_schema")
    if wanted.get("type") != "json_schema":
        return wanted
    if not isinstance(described, dict) or not isinstance(described.get("schema"), dict):
        raise bad_request("response_format: json_schema needs a schema")
    return {"type": "json_object", "schema": described["schema"]}


_TRANSLATIONS: dict[str, Callable[[Any], Any]] = {
    "tools": _tools,
    "tool_choice": _choice,
    "response_format": _answer_format,
}
