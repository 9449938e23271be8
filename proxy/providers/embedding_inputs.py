"""Embeddings for vendors that do not speak OpenAI's dialect: the texts that are asked about, the answer as OpenAI lays it out."""

import base64
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from proxy.call import Body, Usage
from proxy.errors import Failure
from proxy.providers.base import Attempt
from proxy.providers.openai.format import encode
from proxy.providers.openai.params import refusal

_inputs = msgspec.json.Decoder(str | list[str])
_BASE64 = b'"base64"'
_OPENAIS = ("dimensions", "user")


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


def refuse(attempt: Attempt, fields: dict[str, Any], taken: Sequence[str], vendor: str) -> None:
    """Take OpenAI's parameters that the model does not take out of ``fields``.

    Raises:
        Failure: 400, there are some, and they are not to be dropped.
    """
    refused = {
        name: fields[name]
        for name in _OPENAIS
        if fields.get(name) is not None and name not in taken and name not in attempt.allowed_params
    }
    if refused and not attempt.drop_params:
        raise refusal(
            f"{vendor} does not support parameters: {refused}, for model={attempt.deployment.model}. To drop these, set "
            "`litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n"
        )
    for name in refused:
        del fields[name]


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
