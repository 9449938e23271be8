"""Text completions of vendors that only chat: the prompt is asked as a user, and the answer told as a text."""

import msgspec

from proxy.call import Body
from proxy.errors import GatewayError
from proxy.providers.base import Attempt, Reply
from proxy.providers.openai.chunks import DONE
from proxy.providers.openai.format import decode_object, decode_objects, encode, present, raw, usage_fields
from proxy.providers.translated import TranslatedStream

_NULL = msgspec.Raw(b"null")
_EMPTY = msgspec.Raw(b'""')
_prompts = msgspec.json.Decoder(str | list[str])


def as_chat(attempt: Attempt) -> Attempt:
    """The chat that asks for a text completion.

    Raises:
        GatewayError: 400, the prompt is of tokens, whose meaning only the vendor of a model knows.
    """
    body = dict(attempt.body)
    try:
        prompt = _prompts.decode(body.pop("prompt"))
    except msgspec.ValidationError as error:
        raise GatewayError(
            400, f"prompt: {attempt.deployment.provider} takes a text or a list of texts, not tokens", type="None"
        ) from error
    texts = [prompt] if isinstance(prompt, str) else prompt
    body["messages"] = raw([{"role": "user", "content": text} for text in texts])
    return msgspec.structs.replace(attempt, endpoint="chat", body=body)


def as_text(reply: Reply, *, stream: bool) -> Reply:
    """The answer of such a chat as that of a text completion."""
    if stream and reply.stream is not None:
        return msgspec.structs.replace(reply, stream=_TextStream(reply.stream))
    fields = decode_object(reply.body)
    choices = [_text_choice(choice, "message") for choice in decode_objects(fields["choices"])]
    details = {"completion_tokens_details": _NULL, "prompt_tokens_details": _NULL}
    laid_out = {
        "id": fields.get("id", _EMPTY),
        "object": raw("text_completion"),
        "created": fields.get("created", raw(0)),
        "model": fields.get("model", _EMPTY),
        "choices": raw(choices),
        "usage": raw(details | usage_fields(fields.get("usage"))),
    }
    return msgspec.structs.replace(reply, body=encode(laid_out))


def _text_choice(choice: Body, part: str) -> Body:
    said = decode_object(choice.get(part, msgspec.Raw(b"{}")))
    content = said.get("content")
    text = content if present(content) and content is not None else _EMPTY
    reason = {"finish_reason": choice["finish_reason"]} if "finish_reason" in choice else {}
    return {"index": choice.get("index", raw(0)), "text": text, "logprobs": choice.get("logprobs", _NULL), **reason}


class _TextStream(TranslatedStream):
    """A chat's stream as one of a text completion."""

    @property
    def text(self) -> list[str] | None:
        """The chat's."""
        return self._source.text

    def _events_of(self, batch: list[bytes]) -> list[bytes]:
        return [event if event == DONE else _text_chunk(event) for event in batch]


def _text_chunk(event: bytes) -> bytes:
    fields = decode_object(event)
    choices = [_text_choice(choice, "delta") for choice in decode_objects(fields["choices"])]
    return encode(fields | {"object": raw("text_completion"), "choices": raw(choices)})
