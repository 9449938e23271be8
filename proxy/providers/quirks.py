"""What single vendors of OpenAI's dialect want otherwise in the body of a chat. Facts: what LiteLLM 1.81.14 sends to them.

Each function takes the body, with ``model``, and the deployment, and returns what is sent; bodies are not changed in place.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from proxy.call import Body
from proxy.deployment import Deployment
from proxy.providers.openai.format import present, raw
from proxy.providers.openai.params import refusal

Adapt = Callable[[Body, Deployment], Body]
Message = dict[str, Any]
_SELECT = "Please select a tool to handle the current issue."
"""What Moonshot's guide to migrating from OpenAI recommends in place of a required tool."""
_EFFORTS = ((10_000, "high"), (5_000, "medium"), (2_000, "low"), (0, "minimal"))


def chained(*steps: Adapt) -> Adapt:
    """One quirk after the other."""

    def adapt(body: Body, deployment: Deployment) -> Body:
        for step in steps:
            body = step(body, deployment)
        return body

    return adapt


def plain_texts(body: Body, _: Deployment) -> Body:
    """Contents that are lists of texts become one text; lists with images or files stay, for the vendor to refuse."""
    if b'"content":[' not in bytes(body["messages"]).replace(b" ", b""):
        return body
    return _each(body, "messages", _with_text)


def _with_text(message: Message) -> Message:
    content = message.get("content")
    if not isinstance(content, list) or not all(
        isinstance(part, dict) and isinstance(part.get("text"), str) for part in content
    ):
        return message
    return message | {"content": "".join(part["text"] for part in content)}


def only_users_have_names(body: Body, _: Deployment) -> Body:
    """Other messages without ``name``."""
    return _named(body, "user")


def only_tools_have_names(body: Body, _: Deployment) -> Body:
    """Other messages without ``name``."""
    return _named(body, "tool")


def _named(body: Body, role: str) -> Body:
    def changed(message: Message) -> Message:
        return message if message.get("role") == role else {key: item for key, item in message.items() if key != "name"}

    return _each(body, "messages", changed) if b'"name"' in bytes(body["messages"]) else body


def without_strict(body: Body, _: Deployment) -> Body:
    """Tools without ``strict``."""
    return _with_tools(body, lambda function: {name: value for name, value in function.items() if name != "strict"})


def loose_tools(body: Body, _: Deployment) -> Body:
    """Tools without ``strict`` and ``additionalProperties``, at any depth."""
    return _with_tools(body, lambda function: _without(function, ("strict", "additionalProperties")))


def without_schema_ids(body: Body, _: Deployment) -> Body:
    """Tools whose parameters say nothing of the schema's own identity."""
    return _with_tools(body, lambda function: _without(function, ("$id", "$schema")))


def _with_tools(body: Body, change: Callable[[Message], Message]) -> Body:
    def changed(tool: Message) -> Message:
        function = tool.get("function")
        return tool | {"function": change(function)} if isinstance(function, dict) else tool

    return _each(body, "tools", changed)


def _each(body: Body, name: str, change: Callable[[Message], Message]) -> Body:
    """``body`` with the objects of a list changed; what is no object, or no list, is for the vendor to refuse."""
    items = msgspec.json.decode(body.get(name, b"null"))
    if not isinstance(items, list):
        return body
    return body | {name: raw([change(item) if isinstance(item, dict) else item for item in items])}


def _without(value: Any, keywords: tuple[str, ...]) -> Any:
    """A JSON schema without some keywords, at any depth. What stands below ``properties`` are names."""
    if isinstance(value, list):
        return [_without(item, keywords) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {name: item for name, item in value.items() if name not in keywords}
    return {
        name: {own: _without(schema, keywords) for own, schema in item.items()}
        if name == "properties" and isinstance(item, dict)
        else _without(item, keywords)
        for name, item in kept.items()
    }


def any_tool(body: Body, _: Deployment) -> Body:
    """A required tool is ``any``; the vendor cannot be told which."""
    choice = body.get("tool_choice")
    if not present(choice) or bytes(choice or b"") in (b'"auto"', b'"none"', b'"any"'):
        return body
    return body | {"tool_choice": raw("any")}


def required_tool_is_asked_for(body: Body, _: Deployment) -> Body:
    """A required tool is asked for in words."""
    if bytes(body.get("tool_choice", b"")) != b'"required"':
        return body
    asked = {"role": "user", "content": _SELECT}
    messages = [*msgspec.json.decode(body["messages"], type=list[msgspec.Raw]), raw(asked)]
    return {name: value for name, value in body.items() if name != "tool_choice"} | {"messages": raw(messages)}


def cool(body: Body, _: Deployment) -> Body:
    """Temperatures between 0 and 1, and of at least 0.3 where several answers are asked for."""
    temperature, n = _number(body.get("temperature")), _number(body.get("n")) or 1
    if temperature is None or (temperature <= 1 and (temperature >= 0.3 or n <= 1)):
        return body
    return body | {"temperature": raw(1 if temperature > 1 else 0.3)}


def without_text_format(body: Body, _: Deployment) -> Body:
    """``{"type": "text"}`` is what the vendor answers anyway."""
    return _without_format(body, lambda kind: kind == "text")


def only_schemas(body: Body, _: Deployment) -> Body:
    """Of the formats of an answer only a JSON schema is known."""
    return _without_format(body, lambda kind: kind != "json_schema")


def _without_format(body: Body, unwanted: Callable[[Any], bool]) -> Body:
    wanted = body.get("response_format")
    if not present(wanted) or not unwanted(_fields(wanted).get("type")):
        return body
    return {name: value for name, value in body.items() if name != "response_format"}


def effort_for_thinking(body: Body, _: Deployment) -> Body:
    """Anthropic's ``thinking`` is an effort here, by its budget of tokens."""
    if not present(body.get("thinking")):
        return body
    thinking = _fields(body["thinking"])
    body = {name: value for name, value in body.items() if name != "thinking"}
    if thinking.get("type") != "enabled" or present(body.get("reasoning_effort")):
        return body
    budget = thinking.get("budget_tokens")
    tokens = budget if isinstance(budget, int) else 0
    effort = next((effort for least, effort in _EFFORTS if tokens >= least), "minimal")
    return body | {"reasoning_effort": raw(effort)}


def free_tool_choice(body: Body, deployment: Deployment) -> Body:
    """The vendor always chooses the tool itself.

    Raises:
        Failure: 400, a tool is required.
    """
    choice = body.get("tool_choice")
    if not present(choice):
        return body
    if bytes(choice or b"") not in (b'"auto"', b'"none"') and not deployment.params.drop_params:
        raise refusal(
            f"Deepinfra doesn't support tool_choice={msgspec.json.decode(choice or b'')}. To drop unsupported openai params "
            "from the call, set `litellm.drop_params = True`"
        )
    return {name: value for name, value in body.items() if name != "tool_choice"}


def fireworks(body: Body, deployment: Deployment) -> Body:
    """Schemas in a place of their own, and no strict tools."""
    wanted = _fields(body.get("response_format"))
    if isinstance(wanted.get("json_schema"), dict):
        schema = wanted["json_schema"].get("schema")
        body = body | {"response_format": raw({"type": "json_object", "schema": schema})}
    return without_strict(body, deployment)


def without_cache_control(body: Body) -> Body:
    """Messages and tools without Anthropic's ``cache_control``."""
    changed = {
        name: raw(_without(msgspec.json.decode(body[name]), ("cache_control",)))
        for name in ("messages", "tools")
        if name in body and b'"cache_control"' in bytes(body[name])
    }
    return body | changed if changed else body


def _fields(value: msgspec.Raw | None) -> Message:
    fields = None if value is None else msgspec.json.decode(value)
    return fields if isinstance(fields, dict) else {}


def _number(value: msgspec.Raw | None) -> float | None:
    number = None if value is None else msgspec.json.decode(value)
    return number if isinstance(number, (int, float)) else None
