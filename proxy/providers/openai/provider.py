"""OpenAI's dialect, and OpenAI itself (``openai/MODEL``, also of any other server with an ``api_base``)."""

import time
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial

import msgspec

from proxy.call import Body
from proxy.deployment import Deployment
from proxy.errors import Failure, Headers
from proxy.providers.base import Attempt, Reply, wants_usage
from proxy.providers.chat_as_response import as_response, only_responds, told_as_chat
from proxy.providers.failures import failure_from_answer, timed_out, unreachable, unreadable, why_unreadable
from proxy.providers.openai import format as openai_format
from proxy.providers.openai import responses as openai_responses
from proxy.providers.openai.chunks import Chunks, TextChunks
from proxy.providers.openai.params import Facts, ParamRules, rules_of
from proxy.providers.prompts import as_chat, as_text
from proxy.providers.quirks import without_cache_control
from proxy.providers.secrecy import secrets_of, without
from proxy.providers.streams import Converter, EventStream
from proxy.providers.thoughts import without_signatures
from proxy.providers.vendor import OPENAI, Vendor
from proxy.upstream.client import (
    Broken,
    ConnectFailed,
    TimedOut,
    Timeouts,
    TooLarge,
    UpstreamClient,
    UpstreamResponse,
)

PATHS = {"chat": "/chat/completions", "completions": "/completions", "embeddings": "/embeddings"}
CONNECT_SECONDS = 10.0
MAX_ERROR_BODY = 1_000_000
_LAYOUTS = {
    "chat": openai_format.chat,
    "completions": openai_format.completion,
    "embeddings": openai_format.embeddings,
}


class OpenAICompatible:
    """A vendor of OpenAI's dialect.

    Args:
        vendor: which one.
    """

    def __init__(self, vendor: Vendor) -> None:
        self.exception = vendor.exception
        self.vendor = vendor
        self._target = lru_cache(maxsize=4096)(self._make_target)

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`."""
        if attempt.endpoint == "completions" and not self.vendor.completes(attempt.deployment.model):
            return as_text(await self.send(as_chat(attempt), client), stream=attempt.stream)
        if attempt.endpoint == "chat" and self.vendor.responses is not None and only_responds(attempt):
            return told_as_chat(await self.send(as_response(attempt), client), attempt)
        api_base, url, headers = self._target_of(attempt)
        method, sent, resource = "POST", headers, attempt.resource
        if resource is not None:
            method, url = resource.method, resource.of(url)
        if attempt.headers:
            own = {name for name, _ in headers}
            sent = headers + [header for header in attempt.headers if header[0] not in own]
        started = time.perf_counter()
        try:
            response = await client.send(method, url, sent, self._body(attempt), _timeouts(attempt))
            if not 200 <= response.status < 300:
                raise await self._failure(attempt, response, headers)
            if attempt.stream:
                return await self._stream(attempt, response, api_base, headers)
            body = await response.read(attempt.max_answer)
        except TimedOut as error:
            spent = None if attempt.stream else (attempt.timeout, time.perf_counter() - started)
            raise timed_out(attempt.deployment.params.timeout, spent) from error
        except (ConnectFailed, Broken) as error:
            raise unreachable(self.exception) from error
        except TooLarge as error:
            raise unreadable(self.exception, f"The answer is larger than {error.limit} bytes.") from error
        return self._reply(attempt, response, api_base, body, headers)

    def rules(self, model: str, facts: Facts) -> ParamRules:
        """What ``model`` does not take; ``facts`` are its fields of the packaged table."""
        return self.vendor.rules(model, facts)

    def _reply(
        self, attempt: Attempt, response: UpstreamResponse, api_base: str, body: bytes, headers: Headers
    ) -> Reply:
        try:
            if attempt.endpoint == "responses":
                laid_out, usage = openai_responses.laid_out(body, attempt)
            else:
                laid_out, usage = _LAYOUTS[attempt.endpoint](body, attempt.shown_model)
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError) as error:
            shown = without(secrets_of(headers), body)
            raise unreadable(self.exception, why_unreadable(response.headers, shown)) from error
        return Reply(response.headers, api_base, laid_out, usage=usage)

    async def _stream(self, attempt: Attempt, response: UpstreamResponse, api_base: str, headers: Headers) -> Reply:
        if attempt.endpoint == "responses":
            events = openai_responses.ResponseEvents(attempt, self.exception)
            return Reply(response.headers, api_base, stream=await self._started(events, attempt, response))
        chat = attempt.endpoint == "chat"
        layout = Chunks if chat else TextChunks
        chunks = layout(attempt.shown_model, self.exception, include_usage=wants_usage(attempt))
        chunks.secrets = secrets_of(headers)
        chunks.keeps_text = attempt.keep_text or attempt.count is not None
        untold = None if attempt.count is None else partial(chunks.count, attempt.count)
        return Reply(response.headers, api_base, stream=await self._started(chunks, attempt, response, untold))

    async def _started(
        self,
        converter: Converter,
        attempt: Attempt,
        response: UpstreamResponse,
        untold: Callable[[], Awaitable[list[bytes]]] | None = None,
    ) -> EventStream:
        stream = EventStream(response, converter, self.exception, attempt, untold=untold)
        await stream.start()
        return stream

    async def _failure(self, attempt: Attempt, response: UpstreamResponse, headers: Headers) -> Failure:
        # some vendors repeat the key they refuse
        secrets = secrets_of(headers)
        body = without(secrets, await response.read(MAX_ERROR_BODY))
        shown = [(name, without(secrets, value.encode()).decode()) for name, value in response.headers]
        if attempt.endpoint == "responses" or (self.vendor.quotes_body and attempt.endpoint == "chat"):
            body = openai_format.encode({"error": {"message": body.decode(errors="replace")}})
        coded = attempt.endpoint not in ("chat", "responses")
        return self._failure_of(response.status, shown, body, coded=coded)

    def _failure_of(self, status: int, headers: Headers, body: bytes, *, coded: bool) -> Failure:
        return failure_from_answer(self.exception, status, headers, body, coded=coded)

    def _body(self, attempt: Attempt) -> bytes:
        deployment, vendor = attempt.deployment, self.vendor
        if attempt.endpoint == "responses":
            return self._response_body(attempt, vendor.model_path_of(deployment.model))
        defaults = {"chat": vendor.sends, "embeddings": vendor.embedding_sends}.get(attempt.endpoint, {})
        own = {"model": vendor.model_path_of(deployment.model), **defaults}
        body = {name: openai_format.raw(value) for name, value in own.items()} | attempt.body
        return openai_format.encode(self._adapted(body, attempt))

    def _response_body(self, attempt: Attempt, model: str) -> bytes:
        """Of a call of the Responses API."""
        if attempt.resource is not None and attempt.resource.exists:
            return b"" if attempt.resource.method == "GET" else b"{}"
        body = openai_responses.request(attempt, model.removeprefix("responses/"))
        return openai_format.encode(body if self.vendor.adapt_response is None else self.vendor.adapt_response(body))

    def _adapted(self, body: Body, attempt: Attempt) -> Body:
        """As the vendor wants chats; what is nested too deeply to be read is for the vendor to refuse."""
        deployment, vendor = attempt.deployment, self.vendor
        if attempt.endpoint != "chat":
            return body
        try:
            body = without_signatures(body, deployment.model)
            if not vendor.understands_cache_control(deployment.model):
                body = without_cache_control(body)
            return body if vendor.adapt is None else vendor.adapt(body, deployment)
        except RecursionError:
            return body

    def _target_of(self, attempt: Attempt) -> tuple[str, str, Headers]:
        deployment, own = attempt.deployment, attempt.credentials
        if not own:
            return self._target(deployment, attempt.endpoint)
        params = deployment.params
        fields = {name: own.get(name) for name in ("api_base", "api_key", "api_version", "organization")}
        fields["api_base"] = fields["api_base"] or own.get("base_url")
        changed = {name: value for name, value in fields.items() if value}
        others = {name: value for name, value in own.items() if name not in fields and name != "base_url"}
        params = msgspec.structs.replace(params, **changed, other=params.other | others)
        return self._make_target(msgspec.structs.replace(deployment, params=params), attempt.endpoint)

    def _make_target(self, deployment: Deployment, endpoint: str) -> tuple[str, str, Headers]:
        """Base URL, URL and headers of a deployment's calls."""
        params = deployment.params
        api_base = self.vendor.base_of(deployment)
        headers = self._credentials(deployment) | {"content-type": "application/json"} | self.vendor.own_headers()
        if params.organization:
            headers["openai-organization"] = params.organization
        headers |= {name.lower(): text for name, text in params.extra_headers.items()}
        return api_base, self._url(deployment, api_base, endpoint), list(headers.items())

    def _credentials(self, deployment: Deployment) -> dict[str, str]:
        return {"authorization": f"Bearer {self.vendor.key_of(deployment)}"}

    def _url(self, _deployment: Deployment, api_base: str, endpoint: str) -> str:
        return api_base + (self.vendor.responses or "" if endpoint == "responses" else PATHS[endpoint])

    @property
    def speaks_responses(self) -> bool:
        """Whether calls of the Responses API go through."""
        return self.vendor.responses is not None


class OpenAI(OpenAICompatible):
    """OpenAI itself, whose models differ in the parameters that they take."""

    def rules(self, model: str, facts: Facts) -> ParamRules:
        return rules_of(model, facts)


def _timeouts(attempt: Attempt) -> Timeouts:
    seconds = attempt.timeout
    connect = min(CONNECT_SECONDS, seconds)
    if attempt.stream:
        return Timeouts(connect=connect, first_byte=seconds, idle=seconds, total=None)
    return Timeouts(connect=connect, first_byte=seconds, idle=seconds, total=seconds)


provider = OpenAI(OPENAI)
