"""Embeddings in OpenAI's format as Google's two kinds of them, and back.

https://ai.google.dev/api/embeddings, https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api.
What is sent and told is what LiteLLM 1.81.14 sends and tells (contracts/core/test_gemini_embeddings.py).
"""

import base64
import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.call import Body, Usage
from proxy.providers.anthropic.answers import estimated_tokens
from proxy.providers.openai.format import encode
from proxy.providers.openai.params import refusal

Fields = dict[str, Any]

_REFUSED = ("user",)
_inputs = msgspec.json.Decoder(str | list[str])


class Asked(msgspec.Struct):
    """What a call asks for."""

    texts: list[str]
    settings: Fields
    """Further fields, by Google's names."""
    as_base64: bool = False


class _Values(msgspec.Struct):
    values: list[float]


class _Batch(msgspec.Struct):
    embeddings: list[_Values]


class _Statistics(msgspec.Struct, frozen=True):
    token_count: int = 0


class _Embeddings(msgspec.Struct):
    values: list[float]
    statistics: _Statistics = _Statistics()


class _Prediction(msgspec.Struct):
    embeddings: _Embeddings


class _Predictions(msgspec.Struct):
    predictions: list[_Prediction]


def asked_for(body: Body, vendor: str, model: str, *, drop: bool) -> Asked:
    """Read a call.

    Raises:
        Failure: 400, Google has nothing like a parameter.
        msgspec.DecodeError: the input is neither a text nor a list of texts.
    """
    fields = {name: msgspec.json.decode(value) for name, value in body.items() if name not in ("input", "model")}
    refused = {name: fields.pop(name) for name in _REFUSED if fields.get(name) is not None}
    if refused and not drop:
        raise refusal(
            f"{vendor} does not support parameters: {refused}, for model={model}. To drop these, set "
            "`litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n"
        )
    given = _inputs.decode(body["input"])
    as_base64 = fields.pop("encoding_format", None) == "base64"
    if "dimensions" in fields:
        fields["outputDimensionality"] = fields.pop("dimensions")
    if "input_type" in fields:
        fields["task_type"] = fields["input_type"]
    settings = {name: value for name, value in fields.items() if value is not None}
    return Asked([given] if isinstance(given, str) else given, settings, as_base64)


def batch(asked: Asked, model: str) -> Fields:
    """The body of ``batchEmbedContents``."""
    name = f"models/{model}"
    return {
        "requests": [{"model": name, "content": {"parts": [{"text": text}]}} | asked.settings for text in asked.texts]
    }


def of_batch(body: bytes, asked: Asked, model: str) -> tuple[bytes, Usage]:
    """The answer to :func:`batch`, whose tokens Google does not count.

    Raises:
        msgspec.DecodeError: it is none.
    """
    vectors = [one.values for one in msgspec.json.decode(body, type=_Batch).embeddings]
    return _laid_out(vectors, asked, model, sum(map(estimated_tokens, asked.texts)))


def instances(asked: Asked) -> Fields:
    """The body of ``predict``."""
    told = {name: asked.settings[name] for name in ("task_type", "title") if name in asked.settings}
    return {"instances": [{"content": text} | told for text in asked.texts], "parameters": asked.settings}


def of_predictions(body: bytes, asked: Asked, model: str) -> tuple[bytes, Usage]:
    """The answer to :func:`instances`; raises as :func:`of_batch`."""
    found = [one.embeddings for one in msgspec.json.decode(body, type=_Predictions).predictions]
    tokens = sum(one.statistics.token_count for one in found)
    return _laid_out([one.values for one in found], asked, model, tokens)


def _laid_out(vectors: list[list[float]], asked: Asked, model: str, tokens: int) -> tuple[bytes, Usage]:
    data: list[Mapping[str, Any]] = [
        {"embedding": _packed(vector) if asked.as_base64 else vector, "index": index, "object": "embedding"}
        for index, vector in enumerate(vectors)
    ]
    usage = {"completion_tokens": 0, "prompt_tokens": tokens, "total_tokens": tokens}
    details = {"completion_tokens_details": None, "prompt_tokens_details": None}
    answer = {"model": model, "data": data, "object": "list", "usage": usage | details}
    return encode(answer), Usage(tokens, 0, tokens)


def _packed(vector: list[float]) -> str:
    """As OpenAI packs vectors: 32-bit floats, the low byte first."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
