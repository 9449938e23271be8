"""Cohere (``cohere/MODEL``, ``cohere_chat/MODEL``): chats of its API v2, and embeddings.

What is sent and told is what LiteLLM 1.81.14 sends and tells, recorded in contracts/core/test_cohere*.py; its streams it
cannot read.
"""

import os
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from proxy.call import Usage
from proxy.deployment import Deployment
from proxy.errors import Headers
from proxy.providers.base import Attempt, Reply, wants_usage
from proxy.providers.calling import post, read
from proxy.providers.cohere.answers import CohereChunks, Failed, chat_completion
from proxy.providers.cohere.failures import EXCEPTION, FAILURES, no_key
from proxy.providers.cohere.requests import translate
from proxy.providers.embedding_inputs import embeddings_body, refuse, texts_of
from proxy.providers.failures import why_unreadable
from proxy.providers.openai.format import encode
from proxy.providers.prompts import as_chat, as_text
from proxy.providers.secrecy import secrets_of, without
from proxy.providers.streams import EventStream
from proxy.upstream.client import UpstreamClient, UpstreamResponse

DEFAULT_BASE = "https://api.cohere.com"
BASE_VARIABLE = "COHERE_API_BASE"
KEY_VARIABLES = ("COHERE_API_KEY", "CO_API_KEY")
PATHS = {"chat": "/v2/chat", "embeddings": "/v2/embed"}
_VERSIONS = ("v1/", "v2/")
"""Of Cohere's API, before the names of models; v1 of it is no longer asked."""


class _Target(NamedTuple):
    """Where the calls of a deployment go, and as whom."""

    url: str
    headers: dict[str, str]


class _Embeddings(msgspec.Struct):
    embeddings: dict[str, list[list[float]]]
    meta: dict[str, Any] = {}


_decode_embeddings = msgspec.json.Decoder(_Embeddings).decode


class Cohere:
    """Speaks Cohere's dialect."""

    def __init__(self) -> None:
        self._target = lru_cache(maxsize=4096)(_make_target)

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`."""
        if attempt.endpoint == "completions":
            return as_text(await self.send(as_chat(attempt), client), stream=attempt.stream)
        target = self._target_of(attempt)
        headers = list((dict(attempt.headers) | target.headers).items())
        if attempt.endpoint == "embeddings":
            return await _embed(attempt, target.url, headers, client)
        body = encode(translate(attempt, _model(attempt.deployment)))
        response = await post(client, target.url, headers, body, attempt, failures=FAILURES)
        if attempt.stream:
            return await _stream(attempt, target.url, headers, response)
        return _reply(attempt, target.url, headers, response, await read(response, attempt, failures=FAILURES))

    def _target_of(self, attempt: Attempt) -> _Target:
        own = attempt.credentials
        base, key = own.get("api_base") or own.get("base_url"), own.get("api_key")
        deployment = attempt.deployment
        if not base and not key:
            return self._target(deployment, attempt.endpoint)
        params = deployment.params
        params = msgspec.structs.replace(params, api_base=base or params.api_base, api_key=key or params.api_key)
        return _make_target(msgspec.structs.replace(deployment, params=params), attempt.endpoint)


def _make_target(deployment: Deployment, endpoint: str) -> _Target:
    """Raises Failure, 401: the deployment has no key."""
    params = deployment.params
    key = params.api_key or next(filter(None, map(os.environ.get, KEY_VARIABLES)), None)
    if not key:
        raise no_key(deployment.group)
    base = (params.api_base or os.environ.get(BASE_VARIABLE) or DEFAULT_BASE).rstrip("/")
    url = base if base.endswith(("/chat", "/embed")) else base.removesuffix("/v2") + PATHS[endpoint]
    own = {name.lower(): text for name, text in params.extra_headers.items()}
    told = {"accept": "application/json", "content-type": "application/json", "authorization": f"Bearer {key}"}
    return _Target(url, own | told)


def _model(deployment: Deployment) -> str:
    """What Cohere calls the model."""
    return next(
        (deployment.model.removeprefix(v) for v in _VERSIONS if deployment.model.startswith(v)), deployment.model
    )


def _reply(attempt: Attempt, url: str, headers: Headers, response: UpstreamResponse, body: bytes) -> Reply:
    try:
        answer, usage = chat_completion(body, attempt.shown_model or attempt.deployment.model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FAILURES.unreadable(why_unreadable(response.headers, without(secrets_of(headers), body))) from error
    except Failed as error:
        raise FAILURES.unreadable(str(error)) from error
    return Reply(response.headers, url, answer, usage=usage)


async def _stream(attempt: Attempt, url: str, headers: Headers, response: UpstreamResponse) -> Reply:
    shown = attempt.shown_model or attempt.deployment.model
    chunks = CohereChunks(shown, include_usage=wants_usage(attempt), secrets=secrets_of(headers))
    chunks.text = [] if attempt.keep_text else None
    stream = EventStream(response, chunks, EXCEPTION, attempt)
    await stream.start()
    return Reply(response.headers, url, stream=stream)


async def _embed(attempt: Attempt, url: str, headers: Headers, client: UpstreamClient) -> Reply:
    fields = {name: msgspec.json.decode(value) for name, value in attempt.body.items()}
    fields = {name: value for name, value in fields.items() if name not in ("model", "input") and value is not None}
    refuse(attempt, fields, ("dimensions",), attempt.deployment.provider)
    # base64 is written here
    if fields.pop("encoding_format", None) is not None:
        fields["embedding_types"] = ["float"]
    if "dimensions" in fields:
        fields["output_dimension"] = fields.pop("dimensions")
    asked = {"model": _model(attempt.deployment), "texts": texts_of(attempt.body), "input_type": "search_document"}
    response = await post(client, url, headers, encode(asked | fields), attempt, failures=FAILURES)
    body = await read(response, attempt, failures=FAILURES)
    try:
        answer = _decode_embeddings(body)
        vectors = answer.embeddings["float"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise FAILURES.unreadable(why_unreadable(response.headers, without(secrets_of(headers), body))) from error
    billed = answer.meta.get("billed_units")
    tokens = int(billed.get("input_tokens") or 0) if isinstance(billed, dict) else 0
    usage = Usage(tokens, 0, tokens)
    details = dict.fromkeys(("audio_tokens", "cache_write_tokens", "cached_tokens", "image_tokens")) | {
        "text_tokens": tokens
    }
    return Reply(response.headers, url, embeddings_body(attempt, vectors, usage, details), usage=usage)


provider = Cohere()
