"""Calls in Google's own format in front of Google itself: what is asked goes through, what is answered comes back.

https://ai.google.dev/api/generate-content. The model stands in the body too, as LiteLLM 1.81.14 writes it
(contracts/core/test_gemini_native.py).
"""

from collections.abc import Sequence

import msgspec

from proxy.call import Body, Usage
from proxy.providers.chunking import incomplete, no_event
from proxy.providers.failures import StreamFailure
from proxy.providers.google.answers import UsageMetadata, chat_usage, decode_response
from proxy.providers.google.events import ContentReader
from proxy.providers.google.failures import exception_of
from proxy.providers.openai.format import encode, present, raw
from proxy.providers.secrecy import without

_FIELDS = {
    "contents": "contents",
    "tools": "tools",
    "toolConfig": "tool_config",
    "safetySettings": "safety_settings",
    "systemInstruction": "system_instruction",
    "generationConfig": "generation_config",
    "cachedContent": "cached_content",
}
"""What goes through, in the two spellings that Google takes."""


def body_of(body: Body, model: str, *, labels: bool) -> bytes:
    """The body for Google.

    Args:
        labels: the vendor takes them.
    """
    fields = _FIELDS | ({"labels": "labels"} if labels else {})
    told: Body = {"model": raw(model)}
    for name, spelling in fields.items():
        given = body.get(name, body.get(spelling))
        if present(given) and given is not None:
            told[name] = given
    return encode(told)


def usage_of(body: bytes) -> Usage:
    """The usage that an answer tells.

    Raises:
        msgspec.DecodeError: it is no answer.
    """
    response = decode_response(body)
    if response.candidates is None and not response.blocked:
        raise msgspec.ValidationError("Object missing required field `candidates`")
    return chat_usage(response.usage_metadata or UsageMetadata())[1]


class ContentEvents(ContentReader):
    """Hands Google's events on, and reads what counts in them; their text is not collected: no other vendor could go on.

    Args:
        vendor: ``gemini`` or ``vertex_ai``.
        secrets: masked in what Google reports.
    """

    def __init__(self, vendor: str, secrets: Sequence[bytes]) -> None:
        super().__init__(secrets)
        self._vendor = vendor
        self._ended = False

    def feed(self, data: bytes) -> bytes | None:
        """The event.

        Raises:
            StreamFailure: it is Google's error, or no event at all.
        """
        try:
            response = decode_response(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise no_event(exception_of(self._vendor), continuable=False) from None
        try:
            self._note(response, data)
        except StreamFailure as failure:
            failure.event, failure.continuable = without(self.secrets, data), False
            raise
        self._ended |= response.blocked or any(one.finish_reason is not None for one in response.candidates or ())
        return data

    def finish(self) -> list[bytes]:
        """Nothing more.

        Raises:
            StreamFailure: Google did not say why it ended.
        """
        if not self._ended:
            raise incomplete(exception_of(self._vendor))
        return []
