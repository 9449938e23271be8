"""Calls in Google's own format in front of Google itself: what is asked goes through, what is answered comes back.

https://ai.google.dev/api/generate-content. The model stands in the body too, as LiteLLM 1.81.14 writes it
(contracts/core/test_gemini_native.py).
"""

import msgspec

from proxy.call import Body, Usage
from proxy.providers.failures import StreamFailure
from proxy.providers.google_answers import UsageMetadata, chat_usage, decode_response
from proxy.providers.google_failures import exception_of, failure_within_stream
from proxy.providers.openai_format import encode, present, raw
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


class ContentEvents:
    """Hands Google's events on, and reads what counts in them.

    Args:
        vendor: ``gemini`` or ``vertex_ai``.
        secrets: masked in what Google reports.
    """

    done = False
    """Never said: what comes after a finish reason counts too."""
    text: list[str] | None = None
    """Not collected: no other vendor could go on in this format."""

    def __init__(self, vendor: str, secrets: list[bytes]) -> None:
        self._vendor = vendor
        self._secrets = secrets
        self._told = UsageMetadata()
        self._ended = False

    @property
    def usage(self) -> Usage:
        """As told so far."""
        return chat_usage(self._told)[1]

    def feed(self, data: bytes) -> bytes | None:
        """The event.

        Raises:
            StreamFailure: it is Google's error, or no event at all.
        """
        try:
            response = decode_response(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._broken("The stream turned into something that is no event.") from None
        if response.error is not None:
            told = without(self._secrets, data)
            failure = failure_within_stream(self._vendor, response.error, told)
            failure.event, failure.continuable = told, False
            raise failure
        if response.usage_metadata is not None:
            self._told = response.usage_metadata
        self._ended |= response.blocked or any(one.finish_reason is not None for one in response.candidates or ())
        return data

    def finish(self) -> list[bytes]:
        """Nothing more.

        Raises:
            StreamFailure: Google did not say why it ended.
        """
        if not self._ended:
            raise self._broken("The stream ended before it was complete.")
        return []

    def _broken(self, what: str) -> StreamFailure:
        return StreamFailure(exception_of(self._vendor), what, continuable=False)
