"""Google's own format: ``/v1beta/models/MODEL:generateContent``, ``:streamGenerateContent`` and ``:countTokens``. Raw ASGI.

https://ai.google.dev/api/generate-content. Google's deployments are asked as they are; others do not speak it. Google's own
SDK says ``/v1`` unless it is told otherwise.
"""

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from litestar.types import ASGIApp, Receive, Scope

from proxy.api import headers as answer_headers
from proxy.api.decoding import decode_value
from proxy.api.llm import ModelEndpoint, refusal
from proxy.api.model_request import read_model_request
from proxy.call import Answer, Body, Call
from proxy.deployment import Deployment
from proxy.errors import Failure, GatewayError
from proxy.gateway import Gateway
from proxy.pipeline import Pipeline
from proxy.preparation import CONTENTS, ModelRequest
from proxy.providers.base import Attempt, find_provider

log = logging.getLogger(__name__)

_path = re.compile(
    r"(?:/v1(?:beta|alpha)?)?/models/(?P<model>.+):(?P<verb>generateContent|streamGenerateContent|countTokens)",
    re.DOTALL,
)
_KEY = b"x-goog-api-key"
_TRUE, _FALSE = msgspec.Raw(b"true"), msgspec.Raw(b"false")
COUNT_SECONDS = 10.0
"""How long Google may count; longer, and it is counted here."""
_COUNTED = ("contents", "tools", "systemInstruction", "generationConfig")


class GoogleEndpoint(ModelEndpoint):
    """Generates content.

    Args:
        stream: what is streamed is said by the path.
    """

    def __init__(self, gateway: Gateway, *, stream: bool) -> None:
        super().__init__(gateway, CONTENTS)
        self._stream = stream

    async def _admit(self, call: Call, scope: Scope, receive: Receive) -> Pipeline | Answer:
        """Google's clients may give their key in the query."""
        keys = parse_qs(scope.get("query_string", b"")).get(b"key")
        if keys and b"authorization" not in call.headers:
            call.headers = {_KEY: keys[0], **call.headers}
        return await super()._admit(call, scope, receive)

    def _read(self, call: Call, fields: Body, model_in_path: str | None) -> ModelRequest:
        told = {name: value for name, value in fields.items() if name != "model"}
        return read_model_request(call, told | {"stream": _TRUE if self._stream else _FALSE}, model_in_path)


class CountEndpoint(GoogleEndpoint):
    """Counts the tokens of contents: as Google does, else as OpenAI's models would."""

    async def _run(self, call: Call, pipeline: Pipeline) -> Answer:  # noqa: ARG002
        body = {name: call.body[name] for name in _COUNTED if name in call.body}
        try:
            answer = await self._counted(call, body)
        except GatewayError as error:
            return refusal(call, error)
        call.outcome.status, call.outcome.ending = 200, "done"
        return Answer(200, [answer_headers.JSON], answer)

    async def _counted(self, call: Call, body: Body) -> bytes:
        counted_as = call.model
        for deployment in call.snapshot.router.groups.find(call.model) or ():
            counted_as = deployment.model
            counting = getattr(find_provider(deployment.provider), "count_contents", None)
            if counting is not None:
                try:
                    counted: bytes = await counting(_attempt(deployment, body), self._gateway.client)
                except Failure as failure:
                    if failure.kind == "bad_request":
                        raise
                    log.warning(
                        "tokens are counted here, since %s could not count them: %s", deployment.id, failure.message
                    )
                    break
                return counted
        tokens = await asyncio.to_thread(_of_texts, body, counted_as)
        return msgspec.json.encode({"totalTokens": tokens, "promptTokensDetails": []})


def _attempt(deployment: Deployment, body: Body) -> Attempt:
    return Attempt(deployment, CONTENTS, body, stream=False, timeout=COUNT_SECONDS, shown_model=None)


def google_endpoints(gateway: Gateway) -> Mapping[str, ASGIApp]:
    """By the verb at the end of a path."""
    return {
        "generateContent": GoogleEndpoint(gateway, stream=False),
        "streamGenerateContent": GoogleEndpoint(gateway, stream=True),
        "countTokens": CountEndpoint(gateway, stream=False),
    }


def model_and_verb(path: str) -> tuple[str, str] | None:
    """What a path asks of which model; ``None``: it is another's."""
    found = _path.fullmatch(path)
    return None if found is None else (found["model"], found["verb"])


def _of_texts(body: Body, model: str) -> int:
    from proxy.tokens.count import count_text

    texts = _texts([decode_value(name, value) for name, value in body.items()])
    return sum(count_text(text, model) for text in texts)


def _texts(value: Any) -> Iterator[str]:
    """Every text within; not the data of media."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "text" and isinstance(item, str):
                yield item
            else:
                yield from _texts(item)
