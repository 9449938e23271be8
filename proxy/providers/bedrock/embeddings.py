"""Embeddings of the models on Amazon Bedrock, each family in its own format behind ``/invoke``.

What Bedrock receives is what LiteLLM 1.81.14 sends (contracts/core/test_bedrock_invoke.py), but numbers are asked for whatever
the client's ``encoding_format``: they are written in base64 here.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from typing import Any, NamedTuple

import msgspec

from proxy.call import Usage
from proxy.errors import Headers
from proxy.providers.anthropic.answers import estimated_tokens
from proxy.providers.base import Attempt, Reply
from proxy.providers.bedrock.failures import FAILURES, bad_request
from proxy.providers.bedrock.http import Target, post, read, target_of
from proxy.providers.bedrock.models import Named
from proxy.providers.embedding_inputs import embeddings_body, refuse, texts_of
from proxy.providers.failures import why_unreadable
from proxy.providers.openai.format import encode
from proxy.upstream.client import UpstreamClient

Fields = dict[str, Any]

_TITAN = "amazon.titan-embed"
_TITAN_1 = "amazon.titan-embed-text-v1"
_COHERE = "cohere.embed"
_SHORTENED = ("cohere.embed-multilingual-v3", "cohere.embed-v4")
"""The models of Cohere's that may be asked for fewer dimensions."""
_COUNT = "x-amzn-bedrock-input-token-count"
_ELSEWHERE = ("model", "input", "encoding_format", "model_id")


class _Titan(msgspec.Struct):
    embedding: list[float] | None = None
    embeddingsByType: dict[str, list[float]] = {}  # noqa: N815 - Bedrock's
    inputTextTokenCount: int = 0  # noqa: N815 - Bedrock's


class _Cohere(msgspec.Struct):
    embeddings: list[list[float]] | dict[str, list[list[float]]]


_decode_titan = msgspec.json.Decoder(_Titan).decode
_decode_cohere = msgspec.json.Decoder(_Cohere).decode


class _Asked(NamedTuple):
    """A call for embeddings."""

    attempt: Attempt
    client: UpstreamClient
    target: Target
    texts: list[str]
    fields: Fields
    """Further ones, as the client named them."""

    async def answer(self, fields: Fields) -> tuple[bytes, Headers]:
        """The body and the headers of what the model says to these fields."""
        response = await post(self.client, self.target, encode(fields), self.attempt)
        return await read(response, self.attempt), response.headers


async def embed(attempt: Attempt, model: Named, client: UpstreamClient) -> Reply:
    """The embeddings of one or several texts.

    Raises:
        Failure: 400, the model has none or takes no such input; or as :func:`proxy.providers.bedrock.http.post`.
    """
    fields = {name: msgspec.json.decode(value) for name, value in attempt.body.items() if name not in _ELSEWHERE}
    asked = _Asked(attempt, client, target_of(attempt, model, "invoke"), texts_of(attempt.body), fields)
    if _TITAN in model.base:
        vectors, tokens = await _titan(asked, model)
    elif _COHERE in model.base:
        vectors, tokens = await _cohere(asked, model)
    else:
        raise bad_request(f"bedrock/{model.id} has no embeddings; amazon.titan-embed-* and cohere.embed-* have")
    usage = Usage(tokens, 0, tokens)
    return Reply([], asked.target.url, embeddings_body(attempt, vectors, usage), usage=usage)


async def _titan(asked: _Asked, model: Named) -> tuple[list[list[float]], int]:
    """One call for each text: the models take no more."""
    further = asked.fields
    refuse(asked.attempt, further, () if model.base == _TITAN_1 else ("dimensions",), "bedrock")
    if model.base == _TITAN_1:
        further = {}
    elif "encoding_format" in asked.attempt.body:
        further["embeddingTypes"] = ["float"]
    vectors, tokens = [], 0
    for text in asked.texts:
        body, headers = await asked.answer({"inputText": text} | further)
        try:
            answer = _decode_titan(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FAILURES.unreadable(why_unreadable(headers, body)) from error
        vectors.append(answer.embeddingsByType.get("float") or answer.embedding or [])
        tokens += answer.inputTextTokenCount
    return vectors, tokens


async def _cohere(asked: _Asked, model: Named) -> tuple[list[list[float]], int]:
    further = asked.fields
    refuse(asked.attempt, further, ("dimensions",) if model.base.startswith(_SHORTENED) else (), "bedrock")
    if "dimensions" in further:
        further["output_dimension"] = further.pop("dimensions")
    body, headers = await asked.answer({"input_type": "search_document", "texts": asked.texts} | further)
    try:
        told = _decode_cohere(body).embeddings
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FAILURES.unreadable(why_unreadable(headers, body)) from error
    counted = next((value for name, value in headers if name == _COUNT), "")
    tokens = int(counted) if counted.isdecimal() else sum(map(estimated_tokens, asked.texts))
    return told.get("float", []) if isinstance(told, dict) else told, tokens
