"""Tokens of texts and chats before they are sent.

The rules are those of OpenAI's cookbook (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken) as LiteLLM
1.81.14 counts, for the models of every vendor; the numbers are recorded in contracts/F/test_F1_counting.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from proxy.tokens import encodings
from proxy.tokens.errors import Uncountable
from proxy.tokens.images import image_tokens
from proxy.tokens.tools import tools_text

Counter = Callable[[str], int]
"""Counts the tokens of a text."""

THE_ANSWER: Final = 3
"""Tokens that an answer is begun with."""
TOOLS: Final = 9
TOOLS_BESIDE_SYSTEM: Final = 5
CHOSEN_TOOL: Final = 7
NO_TOOL: Final = 1
A_MESSAGE: Final = 3
A_NAME: Final = 1
OF_OLD: Final = {"gpt-3.5-turbo-0301": (4, -1)}
"""Tokens of a message and of a name, for models where they are others."""


def counter_of(model: str) -> Counter:
    """Counts as the model does, as far as that is known; any other name, the empty one too, counts as GPT-3.5."""
    name = encodings.encoding_of(model) if model else encodings.CL100K
    return lambda text: encodings.count(text, name)


def count_text(text: str, model: str) -> int:
    """The tokens of a text. Blocks."""
    return counter_of(model)(text)


def count_messages(
    messages: Any, model: str, *, tools: Any = None, tool_choice: Any = None, counter: Counter | None = None
) -> int:
    """The tokens of a chat with what stands around its messages. Blocks.

    Args:
        messages: OpenAI's or Anthropic's, decoded.
        tools: OpenAI's function tools, decoded.
        counter: in place of the model's own.

    Raises:
        Uncountable: a part has no number of tokens (audio, files), or is not what it should be.
    """
    count = counter or counter_of(model)
    try:
        return _messages(messages, count, *OF_OLD.get(model, (A_MESSAGE, A_NAME))) + _around(
            messages, count, tools, tool_choice
        )
    except RecursionError:
        raise Uncountable("messages or tools are nested too deeply") from None


def _messages(messages: Any, count: Counter, a_message: int, a_name: int) -> int:
    total = 0
    for message in _list(messages, "messages"):
        total += a_message
        for name, value in _object(message, "a message").items():
            if name == "tool_calls" and value is not None:
                total += sum(count(_arguments(call)) for call in _list(value, name))
            elif isinstance(value, str):
                total += count(value) + (a_name if name == "name" else 0)
            elif name == "content" and isinstance(value, list):
                total += _parts(value, count)
    return total


def _arguments(call: Any) -> str:
    function = _object(_object(call, "a tool call").get("function"), "function of a tool call")
    return str(function.get("arguments", []))


def _parts(parts: Sequence[Any], count: Counter) -> int:
    return sum(count(part) if isinstance(part, str) else _part(_object(part, "a part"), count) for part in parts)


def _part(part: Mapping[str, Any], count: Counter) -> int:
    match part.get("type"):
        case "text":
            return count(str(part.get("text", "")))
        case "image_url":
            return image_tokens(part.get("image_url"))
        case "thinking":
            return count(str(part.get("thinking", "")))
        case "tool_use":
            return sum(_value(part.get(name), count) for name in ("name", "input", "caller"))
        case "tool_result":
            return _value(part.get("content"), count)
    raise Uncountable(f"nobody knows how many tokens a part of type {part.get('type')!r:.100} is")


def _value(value: Any, count: Counter) -> int:
    if isinstance(value, list):
        return _parts(value, count)
    return count(str(value)) if isinstance(value, str | dict) else 0


def _around(messages: Sequence[Mapping[str, Any]], count: Counter, tools: Any, tool_choice: Any) -> int:
    total = THE_ANSWER
    if tools:
        beside_system = any(message.get("role") == "system" for message in messages)
        total += count(tools_text(_list(tools, "tools"))) + (TOOLS_BESIDE_SYSTEM if beside_system else TOOLS)
    if tool_choice == "none":
        total += NO_TOOL
    elif isinstance(tool_choice, dict):
        chosen = _object(tool_choice.get("function"), "function of tool_choice")
        total += CHOSEN_TOOL + count(str(chosen.get("name")))
    return total


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise Uncountable(f"{what} must be a list")
    return value


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Uncountable(f"{what} must be an object")
    return value
