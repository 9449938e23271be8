"""Embeddings for vendors that do not speak OpenAI's dialect: the texts that are asked about, the answer as OpenAI lays it out."""

import base64
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from proxy.call import Body, Usage
from proxy.errors import Failure
from proxy.providers.base import Attempt
from proxy.providers.openai_format import encode

_inputs = msgspec.json.Decoder(str | list[str])
_BASE64 = b'"base64"'


def texts_of(body: Body) -> list[str]:
    """The texts of ``input``.

    Raises:
        Failure: 400, they are none; tokens mean something only to the vendor of the model that they are for.
    """
    try:
        given = _inputs.decode(body["input"])
    except msgspec.ValidationError as error:
        raise Failure(
            400,
            "litellm.BadRequestError: input: this model takes a text or a list of texts, no tokens",
            kind="bad_request",
            reached=False,
        ) from error
    return [given] if isinstance(given, str) else given


def embeddings_body(attempt: Attempt, vectors: Sequence[Sequence[float]], usage: Usage, details: Any = None) -> bytes:
    """The answer, in the ``encoding_format`` that the client asked for.

    Args:
        details: of the prompt's tokens.
    """
    in_base64 = bytes(attempt.body.get("encoding_format", b"")) == _BASE64
    data = [
        {"embedding": _base64(vector) if in_base64 else vector, "index": index, "object": "embedding"}
        for index, vector in enumerate(vectors)
    ]
    counted = {
        "completion_tokens": usage.completion_tokens,
        "prompt_tokens": usage.prompt_tokens,
        "total_tokens": usage.total_tokens,
        "completion_tokens_details": None,
        "prompt_tokens_details": details,
    }
    model = attempt.shown_model or attempt.deployment.model
    return encode({"model": model, "data": data, "object": "list", "usage": counted})


def _base64(vector: Sequence[float]) -> str:
    """As OpenAI does: little-endian floats of four bytes."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
