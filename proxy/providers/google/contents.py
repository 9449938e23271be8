"""A conversation in OpenAI's format as Google's contents (https://ai.google.dev/api/caching#Content).

What Google receives is what LiteLLM 1.81.14 sends (contracts/core/test_gemini.py): system prompts apart, the messages of one
side merged into one, results of tools without a role. Addresses of images and documents are handed on and never fetched
here: Google fetches them itself (https://ai.google.dev/gemini-api/docs/file-input-methods).
"""

import json
import re
from typing import Any

import msgspec

from proxy.providers.thoughts import SIGNATURE_MARK

Part = dict[str, Any]
Content = dict[str, Any]

NO_SIGNATURE = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
"""In place of one for models that insist: https://ai.google.dev/gemini-api/docs/thought-signatures"""
_DATA_URL = re.compile(r"data:(?P<media>[^;,]*)(?:;[^;,]*)*;base64,(?P<data>.*)", re.DOTALL)
_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "mp4": "video/mp4",
    "mov": "video/mov",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "avi": "video/avi",
    "wmv": "video/wmv",
    "mpegps": "video/mpegps",
    "flv": "video/flv",
    "webm": "video/webm",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pdf": "application/pdf",
    "txt": "text/plain",
}
"""Media types by the ending of an address."""
_OF_PICTURES = "image/jpeg"
"""Of pictures at addresses that tell nothing: Google wants a type, and looks at the picture itself."""
_RESOLUTIONS = {name: f"MEDIA_RESOLUTION_{name.upper()}" for name in ("low", "medium", "high", "ultra_high")}
_VIDEO = {"fps": "fps", "start_offset": "startOffset", "end_offset": "endOffset"}
_BLANK: Part = {"text": " "}


class Untranslatable(ValueError):
    """The client asks for something that cannot be said to Google; the text says what."""


class _Specific(msgspec.Struct):
    thought_signature: str | None = None
    thought_signatures: list[str] | None = None


class _Function(msgspec.Struct):
    name: str = ""
    arguments: str | dict[str, Any] | None = None
    provider_specific_fields: _Specific | None = None


class _ToolCall(msgspec.Struct):
    function: _Function
    id: str = ""
    provider_specific_fields: _Specific | None = None


class Message(msgspec.Struct):
    """A message of a chat, as far as it is told to Google."""

    role: str
    content: str | list[Part] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[Part] | None = None
    images: list[Part] | None = None
    provider_specific_fields: _Specific | None = None


decode_messages = msgspec.json.Decoder(list[Message]).decode


def is_third(model: str) -> bool:
    """Whether a model is of the third generation, which knows more of media and insists on signatures."""
    return "gemini-3" in model


def system_parts(messages: list[Message]) -> list[Part]:
    """The system prompts."""
    prompts = (message.content for message in messages if message.role in ("system", "developer"))
    return [{"text": _joined(content)} for content in prompts if content is not None]


def contents(messages: list[Message], model: str, *, with_system: bool) -> list[Content]:
    """The conversation.

    Args:
        with_system: system prompts are said by the user, to models that know none.

    Raises:
        Untranslatable: a message cannot be said to Google.
    """
    conversation = _Conversation(model)
    for message in messages:
        if message.role not in ("system", "developer"):
            conversation.add(message)
        elif with_system:
            conversation.add(msgspec.structs.replace(message, role="user"))
    return conversation.finished() or [
        {"role": "user", "parts": [_BLANK if not messages or with_system else {"text": "."}]}
    ]


class _Conversation:
    def __init__(self, model: str) -> None:
        self._third = is_third(model)
        self._contents: list[Content] = []
        self._side = ""
        self._parts: list[Part] = []
        self._calls: dict[str, str] = {}
        self._said: set[str] = set()

    def add(self, message: Message) -> None:
        match message.role:
            case "user":
                self._turn("user")
                self._parts += self._of_user(message)
            case "assistant":
                self._turn("model")
                self._parts += self._of_model(message)
            case "tool" | "function":
                self._turn("")
                self._parts += self._result(message)
            case _:
                raise Untranslatable(f"messages: unknown role {message.role!r}")

    def finished(self) -> list[Content]:
        self._turn("end")
        return self._contents

    def _turn(self, side: str) -> None:
        """Whose parts come next."""
        if side == self._side:
            return
        if self._parts:
            if self._side == "user" and not any("text" in part for part in self._parts):
                self._parts.append(_BLANK)
            self._contents.append(({"role": self._side} if self._side else {}) | {"parts": self._parts})
        self._side, self._parts = side, []
        self._said.clear()

    # --- the user ----------------------------------------------------------------------------------------------------

    def _of_user(self, message: Message) -> list[Part]:
        if isinstance(message.content, str):
            return [{"text": message.content}]
        converted = (self._part(part) for part in message.content or ())
        return [part for part in converted if part is not None]

    def _part(self, part: Part) -> Part | None:
        """``None``: there is nothing in it, or Google has nothing like it."""
        match part.get("type"):
            case "text":
                return {"text": part["text"]} if part.get("text") else None
            case "image_url":
                given = part.get("image_url")
                return self._picture(given if isinstance(given, dict) else {"url": given})
            case "input_audio":
                return _sound(part.get("input_audio"))
            case "file":
                return self._file(part.get("file"))
        return None

    def _picture(self, given: Part) -> Part:
        made = _media(given.get("url"), given.get("format"), "image_url", _OF_PICTURES)
        return made | self._seen(given)

    def _file(self, given: Any) -> Part:
        file: Part = given if isinstance(given, dict) else {}
        made = _media(file.get("file_id") or file.get("file_data"), file.get("format"), "file", None)
        film = file.get("video_metadata")
        if self._third and isinstance(film, dict):
            told = {name: film[given_as] for given_as, name in _VIDEO.items() if given_as in film}
            made |= {"video_metadata": told} if told else {}
        return made | self._seen(file)

    def _seen(self, given: Part) -> Part:
        """How closely a picture is looked at."""
        level = _RESOLUTIONS.get(str(given.get("detail"))) if self._third else None
        return {} if level is None else {"media_resolution": {"level": level}}

    # --- the model ---------------------------------------------------------------------------------------------------

    def _of_model(self, message: Message) -> list[Part]:
        parts: list[Part] = []
        if message.reasoning_content is not None:
            parts.append({"thought": True, "text": message.reasoning_content})
        parts += [part for block in message.thinking_blocks or () for part in _thought(block)]
        specific = message.provider_specific_fields or _Specific()
        if isinstance(message.content, str):
            signed = {"thoughtSignature": specific.thought_signatures[0]} if specific.thought_signatures else {}
            parts.append({"text": message.content} | signed)
        else:
            parts += [{"text": part.get("text", "")} for part in message.content or () if part.get("type") == "text"]
        for image in message.images or ():
            given = image.get("image_url")
            if isinstance(given, dict) and given.get("url"):
                parts.append(self._picture(given))
        return parts + self._function_calls(message)

    def _function_calls(self, message: Message) -> list[Part]:
        parts = []
        for call in message.tool_calls or ():
            if call.id and call.id in self._said:
                continue
            self._said.add(call.id)
            self._calls[call.id] = call.function.name
            signatures = (
                _signature(call.provider_specific_fields),
                _signature(call.function.provider_specific_fields),
                call.id.partition(SIGNATURE_MARK)[2],
            )
            parts.append(self._call(call.function, next(filter(None, signatures), "")))
        if message.function_call is not None and message.tool_calls is None:
            parts.append(self._call(message.function_call, _signature(message.function_call.provider_specific_fields)))
        return parts

    def _call(self, function: _Function, signature: str) -> Part:
        made: Part = {"function_call": {"name": function.name, "args": _arguments(function)}}
        signature = signature or (NO_SIGNATURE if self._third else "")
        return made | ({"thoughtSignature": signature} if signature else {})

    # --- results of tools --------------------------------------------------------------------------------------------

    def _result(self, message: Message) -> list[Part]:
        name = self._calls.get(message.tool_call_id or "") or message.name
        if not name:
            raise Untranslatable(
                f"messages: the result of tool call {message.tool_call_id!r} has no such call before it; send the "
                "assistant's message with the call, or name the tool"
            )
        content = message.content
        text = content if isinstance(content, str) else "".join(str(part.get("text", "")) for part in content or ())
        parts: list[Part] = [{"function_response": {"name": name, "response": _response(text)}}]
        if isinstance(content, list):
            parts += [part for part in map(_shown, content) if part is not None][-1:]
        return parts


def _joined(content: str | list[Part]) -> str:
    return content if isinstance(content, str) else "".join(str(part.get("text") or "") for part in content)


def _signature(specific: _Specific | None) -> str:
    return (specific.thought_signature or "") if specific is not None else ""


def _thought(block: Part) -> list[Part]:
    """A block of thinking that is signed; it may hold a whole part as JSON."""
    said, signature = block.get("thinking"), block.get("signature")
    if block.get("type") != "thinking" or not isinstance(said, str) or signature is None:
        return []
    try:
        part = json.loads(said)
    except (ValueError, RecursionError):
        part = None
    return [{"thoughtSignature": signature, **(part if isinstance(part, dict) else {"text": said})}]


def _arguments(function: _Function) -> dict[str, Any]:
    if not function.arguments or isinstance(function.arguments, dict):
        return function.arguments or {}
    try:
        arguments = json.loads(function.arguments)
    except (ValueError, RecursionError) as error:
        raise Untranslatable(f"the arguments of tool {function.name!r} are no JSON: {error}") from None
    if not isinstance(arguments, dict):
        raise Untranslatable(f"the arguments of tool {function.name!r} are no JSON object")
    return arguments


def _response(text: str) -> Part:
    """Google wants an object: the text itself if it is one."""
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            pass
    return {"content": text}


# --- media -----------------------------------------------------------------------------------------------------------


def _shown(part: Part) -> Part | None:
    """A picture or a file within the result of a tool."""
    kind = part.get("type")
    if kind in ("image_url", "input_image"):
        given = part.get("image_url")
        return _media(given.get("url") if isinstance(given, dict) else given, None, "image_url", _OF_PICTURES)
    if kind in ("file", "input_file"):
        file = part.get("file")
        return _media(
            part.get("file_data") or (file.get("file_data") if isinstance(file, dict) else file), None, "file", None
        )
    return None


def _sound(given: Any) -> Part | None:
    sound: Part = given if isinstance(given, dict) else {}
    data, kind = sound.get("data"), sound.get("format")
    if not isinstance(data, str) or not isinstance(kind, str):
        return None
    return {"inline_data": {"data": data, "mime_type": kind if kind.startswith("audio/") else f"audio/{kind}"}}


def _media(source: Any, media: Any, what: str, otherwise: str | None) -> Part:
    """Data, or where it is.

    Args:
        media: its type, if the client says so.
        otherwise: its type if nobody knows; ``None``: that must be known.
    """
    if not isinstance(source, str) or not source:
        raise Untranslatable(
            f"{what}: " + ("url must be a text" if what == "image_url" else "give file_id or file_data")
        )
    inline = _DATA_URL.fullmatch(source)
    if inline is not None:
        return {"inline_data": {"data": inline["data"], "mime_type": media or inline["media"]}}
    if not source.startswith(("https://", "http://", "gs://")):
        raise Untranslatable(f'{what}: must be "data:MEDIA/TYPE;base64,..." or an address with https:// or gs://')
    path = source.partition("?")[0].partition("#")[0]
    kind = media or _TYPES.get(path.rpartition(".")[2].lower()) or otherwise
    if kind is None:
        raise Untranslatable(f"{what}: the address does not tell the media type; give it as {what}.format")
    return {"file_data": {"mime_type": kind, "file_uri": source}}
