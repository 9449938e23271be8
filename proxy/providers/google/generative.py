"""Google's models behind OpenAI's format: what AI Studio (``gemini``) and Vertex AI (``vertex_ai``) have in common."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import msgspec

from proxy.errors import Headers
from proxy.providers.base import Attempt, Reply, wants_usage
from proxy.providers.failures import why_unreadable
from proxy.providers.google import embeddings, native
from proxy.providers.google.answers import chat_completion
from proxy.providers.google.chunks import ContentChunks
from proxy.providers.google.contents import Message, Untranslatable, contents, decode_messages, system_parts
from proxy.providers.google.failures import FAILURES, bad_request, exception_of
from proxy.providers.google.http import COUNT, GENERATE, GENERATE_STREAM, Target, headers_of, post, read
from proxy.providers.google.params import Rules, param_rules, translate
from proxy.providers.openai.format import encode, raw
from proxy.providers.openai.params import Facts, adapted
from proxy.providers.prompts import as_chat, as_text
from proxy.providers.secrecy import secrets_of, without
from proxy.providers.streams import EventStream
from proxy.providers.vendor_counts import VendorCount, vendor_count
from proxy.upstream.client import UpstreamClient, UpstreamResponse

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, TypeError, AttributeError, RecursionError)


class _Sent(NamedTuple):
    attempt: Attempt
    target: Target
    headers: Headers


class Google(ABC):
    """Speaks Google's dialect; where calls go is said by each vendor.

    Args:
        vendor: ``gemini`` or ``vertex_ai``.
    """

    speaks_contents = True
    """Calls in Google's own format go through."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`."""
        match attempt.endpoint:
            case "chat":
                return await self._chat(attempt, client)
            case "completions":
                return as_text(await self._chat(as_chat(attempt), client), stream=attempt.stream)
            case "embeddings":
                return await self._embed(attempt, client)
            case "contents":
                return await self._pass_through(attempt, client)
        raise bad_request(self.vendor, f"Google has no {attempt.endpoint}")

    @abstractmethod
    async def target_of(self, attempt: Attempt, client: UpstreamClient, method: str) -> Target:
        """Where a call of ``method``, such as ``generateContent``, goes.

        Raises:
            Failure: the deployment has no usable credentials.
        """

    # --- chat --------------------------------------------------------------------------------------------------------

    async def _chat(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        body = self._body(attempt)
        target = await self.target_of(attempt, client, GENERATE_STREAM if attempt.stream else GENERATE)
        sent = _Sent(attempt, target, headers_of(target, attempt))
        response = await post(client, target, sent.headers, encode(body), attempt)
        if attempt.stream:
            return await self._stream(sent, response)
        answer = await read(response, attempt)
        try:
            laid_out, usage = chat_completion(answer, attempt.shown_model)
        except _UNREADABLE as error:
            raise self._unreadable(sent, response, answer) from error
        return Reply(response.headers, target.shown, laid_out, usage=usage)

    def _body(self, attempt: Attempt) -> dict[str, Any]:
        """What is sent.

        Raises:
            Failure: 400, the call cannot be put to Google.
        """
        model = attempt.deployment.model
        rules = Rules(model, attempt.drop_params, labels=self.vendor != "gemini")
        taken = param_rules(model, self.vendor, attempt.facts)
        body = adapted(attempt.body, taken, drop=attempt.drop_params, allowed=attempt.allowed_params)
        try:
            messages = decode_messages(body["messages"])
            asked = {name: msgspec.json.decode(value) for name, value in body.items() if name != "messages"}
            fields = translate(asked, rules)
            told = self._conversation(messages, model, attempt.facts) | fields
        except (Untranslatable, msgspec.DecodeError, RecursionError) as error:
            raise bad_request(self.vendor, str(error)) from error
        if rules.labels and "labels" not in fields:
            labels = _labels(attempt.metadata)
            told |= {"labels": labels} if labels else {}
        return told

    def _conversation(self, messages: list[Message], model: str, facts: Facts) -> dict[str, Any]:
        """Models that nobody knows anything of are told system prompts by the user."""
        knows_prompts = bool(facts.get("supports_system_messages")) or "gemini/" in model
        told: dict[str, Any] = {"contents": contents(messages, model, with_system=not knows_prompts)}
        prompts = system_parts(messages) if knows_prompts else []
        return told | ({"system_instruction": {"parts": prompts}} if prompts else {})

    async def _stream(self, sent: _Sent, response: UpstreamResponse) -> Reply:
        attempt = sent.attempt
        shown = attempt.shown_model or attempt.deployment.model
        secrets = secrets_of(sent.headers)
        chunks = ContentChunks(self.vendor, shown, include_usage=wants_usage(attempt), secrets=secrets)
        chunks.text = [] if attempt.keep_text else None
        stream = EventStream(response, chunks, exception_of(self.vendor), attempt)
        await stream.start()
        return Reply(response.headers, sent.target.shown, stream=stream)

    def _unreadable(self, sent: _Sent, response: UpstreamResponse, body: bytes) -> Exception:
        shown = without(secrets_of(sent.headers), body)
        return FAILURES[self.vendor].unreadable(why_unreadable(response.headers, shown))

    # --- Google's own format -----------------------------------------------------------------------------------------

    async def _pass_through(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        model = attempt.deployment.model
        target = await self.target_of(attempt, client, GENERATE_STREAM if attempt.stream else GENERATE)
        sent = _Sent(attempt, target, headers_of(target, attempt))
        body = native.body_of(attempt.body, model, labels=self.vendor != "gemini")
        response = await post(client, target, sent.headers, body, attempt)
        if attempt.stream:
            events = native.ContentEvents(self.vendor, secrets_of(sent.headers))
            stream = EventStream(response, events, exception_of(self.vendor), attempt, closing=())
            await stream.start()
            return Reply(response.headers, target.shown, stream=stream)
        answer = await read(response, attempt)
        try:
            return Reply(response.headers, target.shown, answer, usage=native.usage_of(answer))
        except _UNREADABLE as error:
            raise self._unreadable(sent, response, answer) from error

    async def count_contents(self, attempt: Attempt, client: UpstreamClient) -> bytes:
        """The tokens of contents in Google's own format, which are not sent, in Google's words.

        Raises:
            Failure: Google refused, failed or could not be reached.
        """
        target = await self.target_of(attempt, client, COUNT)
        response = await post(client, target, headers_of(target, attempt), encode(attempt.body), attempt)
        return await read(response, attempt)

    async def count_chat(self, attempt: Attempt, client: UpstreamClient) -> VendorCount:
        """The tokens of ``contents``, or of ``messages`` as Google is told them; raises as :meth:`count_contents`."""
        told = attempt.body.get("contents")
        try:
            if told is None:
                messages = decode_messages(attempt.body["messages"])
                told = raw(contents(messages, attempt.deployment.model, with_system=True))
        except (Untranslatable, msgspec.DecodeError, RecursionError) as error:
            raise bad_request(self.vendor, str(error)) from error
        answer = await self.count_contents(msgspec.structs.replace(attempt, body={"contents": told}), client)
        try:
            return vendor_count(answer, "totalTokens", f"{self.vendor}_api")
        except msgspec.DecodeError as error:
            raise FAILURES[self.vendor].unreadable(str(error)) from error

    # --- embeddings --------------------------------------------------------------------------------------------------

    async def _embed(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        model = attempt.deployment.model
        try:
            asked = embeddings.asked_for(attempt.body, self.vendor, model, drop=attempt.drop_params)
        except msgspec.DecodeError as error:
            raise bad_request(self.vendor, f"input: must be a text or a list of texts ({error})") from error
        of_studio = self.vendor == "gemini"
        target = await self.target_of(attempt, client, "batchEmbedContents" if of_studio else "predict")
        headers = headers_of(target, attempt, "application/json; charset=utf-8" if of_studio else "application/json")
        body = encode(embeddings.batch(asked, model) if of_studio else embeddings.instances(asked))
        response = await post(client, target, headers, body, attempt)
        answer = await read(response, attempt)
        lay_out = embeddings.of_batch if of_studio else embeddings.of_predictions
        try:
            laid_out, usage = lay_out(answer, asked, attempt.shown_model or model)
        except _UNREADABLE as error:
            raise self._unreadable(_Sent(attempt, target, headers), response, answer) from error
        return Reply(response.headers, target.shown, laid_out, usage=usage)


def _labels(metadata: msgspec.Raw | None) -> dict[str, str]:
    """The client's metadata as far as they are texts, which Vertex AI shows beside the bill."""
    try:
        told = {} if metadata is None else msgspec.json.decode(metadata)
    except msgspec.DecodeError:
        return {}
    pairs = told.items() if isinstance(told, dict) else ()
    return {name: value for name, value in pairs if isinstance(value, str)}
