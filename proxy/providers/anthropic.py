"""Anthropic's Messages API (``anthropic/MODEL``).

Chats are translated both ways; what is sent and told is what LiteLLM 1.81.14 sends and tells, recorded in
contracts/core/test_provider_anthropic*.py.
"""

import os
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from proxy.deployment import Deployment
from proxy.errors import Failure, Headers
from proxy.providers.anthropic_answers import chat_completion
from proxy.providers.anthropic_betas import betas_of, known_betas
from proxy.providers.anthropic_chunks import EXCEPTION, MessageChunks
from proxy.providers.anthropic_failures import (
    bad_request,
    failure_from_answer,
    no_key,
    timed_out,
    unreachable,
    unreadable,
)
from proxy.providers.anthropic_messages import Untranslatable, decode_messages, prefill, split, uses_tools
from proxy.providers.anthropic_params import Rules, translate, with_user
from proxy.providers.base import Attempt, Reply
from proxy.providers.failures import why_unreadable
from proxy.providers.openai_format import encode
from proxy.providers.secrecy import secrets_of, without
from proxy.providers.streams import EventStream
from proxy.upstream.client import (
    Broken,
    ConnectFailed,
    TimedOut,
    Timeouts,
    TooLarge,
    UpstreamClient,
    UpstreamResponse,
)

DEFAULT_BASE = "https://api.anthropic.com"
BASE_VARIABLES = ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")
KEY_VARIABLE = "ANTHROPIC_API_KEY"
VERSION = "2023-06-01"
"""Of Anthropic's API: https://docs.anthropic.com/en/api/versioning"""
PATH = "/v1/messages"
CONNECT_SECONDS = 10.0
MAX_ERROR_BODY = 1_000_000
_OAUTH = "sk-ant-oat"
"""Begins tokens that a person's login gave, which are no API keys."""
_OAUTH_BETA = "oauth-2025-04-20"
_LIMITS = ("limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens")


class Target(NamedTuple):
    """Where the calls of a deployment go, and as whom."""

    api_base: str
    url: str
    headers: dict[str, str]
    betas: tuple[str, ...]


class _Chat(NamedTuple):
    """A chat that is asked of Anthropic."""

    attempt: Attempt
    target: Target
    headers: Headers
    fields: dict[str, Any]
    """Of Anthropic's body."""
    prefix: str
    """The answer begins with it."""
    in_schema: bool


class Anthropic:
    """Speaks Anthropic's dialect."""

    def __init__(self) -> None:
        self._target = lru_cache(maxsize=4096)(_make_target)

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`."""
        if attempt.endpoint != "chat":
            raise bad_request(f"Anthropic has no {attempt.endpoint}; it answers chat completions")
        chat = _chat(attempt, self.target_of(attempt))
        response = await post(client, chat.target.url, chat.headers, encode(chat.fields), attempt)
        if attempt.stream:
            return await _stream(chat, response)
        return _reply(chat, response, await read(response, attempt))

    def target_of(self, attempt: Attempt) -> Target:
        """Where the attempt goes: to its deployment, or where its own credentials say.

        Raises:
            Failure: 401, there is no key.
        """
        deployment, own = attempt.deployment, attempt.credentials
        base, key = own.get("api_base") or own.get("base_url"), own.get("api_key")
        if not base and not key:
            return self._target(deployment)
        params = deployment.params
        params = msgspec.structs.replace(params, api_base=base or params.api_base, api_key=key or params.api_key)
        return _make_target(msgspec.structs.replace(deployment, params=params))


def _make_target(deployment: Deployment) -> Target:
    params = deployment.params
    key = params.api_key or os.environ.get(KEY_VARIABLE)
    if not key:
        raise no_key(deployment.group)
    from_variables = next(filter(None, map(os.environ.get, BASE_VARIABLES)), None)
    base = (params.api_base or from_variables or DEFAULT_BASE).rstrip("/")
    headers = {name.lower(): text for name, text in params.extra_headers.items()}
    betas = [beta.strip() for beta in headers.pop("anthropic-beta", "").split(",")]
    headers |= {"accept": "application/json", "content-type": "application/json", "anthropic-version": VERSION}
    if key.startswith(_OAUTH):
        headers |= {"authorization": f"Bearer {key}", "anthropic-dangerous-direct-browser-access": "true"}
        betas.append(_OAUTH_BETA)
    else:
        headers["x-api-key"] = key
    return Target(base, base if base.endswith(PATH) else base + PATH, headers, tuple(known_betas(betas)))


def headers_of(target: Target, asked: Headers, betas: Iterable[str]) -> Headers:
    """The headers of a call: the deployment's, those that the client may add, and what the body needs switched on."""
    wanted = {*target.betas, *betas}
    headers = dict(target.headers)
    for name, text in asked:
        if name == "anthropic-beta":
            wanted.update(known_betas(text.split(",")))
        else:
            headers.setdefault(name, text)
    if wanted:
        headers["anthropic-beta"] = ",".join(sorted(wanted))
    return list(headers.items())


async def post(client: UpstreamClient, url: str, headers: Headers, body: bytes, attempt: Attempt) -> UpstreamResponse:
    """The head of a good answer.

    Raises:
        Failure: Anthropic refused, failed or could not be reached.
    """
    seconds = attempt.timeout
    connect, total = min(CONNECT_SECONDS, seconds), None if attempt.stream else seconds
    started = time.perf_counter()
    try:
        response = await client.send("POST", url, headers, body, Timeouts(connect, seconds, seconds, total))
        if 200 <= response.status < 300:
            return response
        # some vendors repeat the key they refuse
        shown = without(secrets_of(headers), await response.read(MAX_ERROR_BODY))
    except TimedOut as error:
        taken = time.perf_counter() - started
        raise timed_out(seconds, taken, attempt.deployment.params.timeout) from error
    except (ConnectFailed, Broken) as error:
        raise unreachable() from error
    except TooLarge as error:
        raise unreadable(f"The error is larger than {error.limit} bytes") from error
    raise failure_from_answer(response.status, response.headers, shown)


async def read(response: UpstreamResponse, attempt: Attempt) -> bytes:
    """The whole body of a good answer; raises as :func:`post`."""
    started = time.perf_counter()
    try:
        return await response.read(attempt.max_answer)
    except TimedOut as error:
        taken = time.perf_counter() - started
        raise timed_out(attempt.timeout, taken, attempt.deployment.params.timeout) from error
    except Broken as error:
        raise unreachable() from error
    except TooLarge as error:
        raise unreadable(f"The answer is larger than {error.limit} bytes") from error


def rate_limits(headers: Headers) -> Headers:
    """The vendor's headers, and what they tell of its limits under OpenAI's names."""
    told = dict(headers)
    ours = ((f"x-ratelimit-{name}", told.get(_anthropic_name(name))) for name in _LIMITS)
    return headers + [(name, text) for name, text in ours if text is not None]


def _anthropic_name(limit: str) -> str:
    which, what = limit.split("-")
    return f"anthropic-ratelimit-{what}-{which}"


# --- chat ------------------------------------------------------------------------------------------------------------


def _chat(attempt: Attempt, target: Target) -> _Chat:
    """What is sent.

    Raises:
        Failure: 400, the call cannot be put to Anthropic.
    """
    deployment = attempt.deployment
    try:
        messages = decode_messages(attempt.body["messages"])
        asked = {name: msgspec.json.decode(value) for name, value in attempt.body.items() if name != "messages"}
        params = translate(asked, Rules(deployment.model, attempt.facts, attempt.drop_params, attempt.allowed_params))
        system, conversation = split(messages)
    except (Untranslatable, msgspec.DecodeError, RecursionError) as error:
        raise bad_request(str(error)) from error
    if not conversation:
        raise bad_request("Anthropic requires at least one message that is no system prompt")
    if uses_tools(messages) and "tools" not in params.fields:
        raise _tools_are_missing()
    fields = {"model": deployment.model, "messages": conversation, **params.fields}
    with_user(fields, _user_of(attempt.metadata))
    if system:
        fields["system"] = system
    if attempt.stream:
        fields["stream"] = True
    _add_code_execution(fields)
    headers = headers_of(target, attempt.headers, betas_of(fields, messages))
    return _Chat(attempt, target, headers, fields, prefill(messages), params.in_schema)


def _tools_are_missing() -> Failure:
    return Failure(
        400,
        "litellm.UnsupportedParamsError: Anthropic takes a conversation with tool calls only together with `tools`; "
        "send the tools that were called",
        kind="bad_request",
        type="None",
        reached=False,
    )


class _Metadata(msgspec.Struct):
    user_id: Any = None


def _user_of(metadata: msgspec.Raw | None) -> Any:
    try:
        return None if metadata is None else msgspec.json.decode(metadata, type=_Metadata).user_id
    except msgspec.DecodeError:
        return None


def _add_code_execution(fields: dict[str, Any]) -> None:
    """Uploaded files are of use only to a model that may run code."""
    blocks = (block for message in fields["messages"] for block in message["content"])
    tools = fields.get("tools") or []
    if any(block.get("type") == "container_upload" for block in blocks) and not any(
        str(tool.get("type")).startswith("code_execution") for tool in tools
    ):
        fields["tools"] = [*tools, {"name": "code_execution", "type": "code_execution_20250522"}]


def _reply(chat: _Chat, response: UpstreamResponse, body: bytes) -> Reply:
    try:
        answer, usage = chat_completion(
            body,
            chat.attempt.shown_model,
            prefix=chat.prefix,
            in_schema=chat.in_schema,
            speed=chat.fields.get("speed"),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(why_unreadable(response.headers, without(secrets_of(chat.headers), body))) from error
    return Reply(rate_limits(response.headers), chat.target.api_base, answer, usage=usage)


async def _stream(chat: _Chat, response: UpstreamResponse) -> Reply:
    attempt = chat.attempt
    chunks = MessageChunks(
        attempt.shown_model or attempt.deployment.model,
        include_usage=_wants_usage(attempt),
        in_schema=chat.in_schema,
    )
    chunks.secrets = secrets_of(chat.headers)
    chunks.text = [] if attempt.keep_text else None
    stream = EventStream(response, chunks, EXCEPTION, attempt)
    try:
        await stream.start()
    except BaseException:
        await stream.aclose()
        raise
    return Reply(response.headers, chat.target.url, stream=stream)


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


def _wants_usage(attempt: Attempt) -> bool:
    try:
        return msgspec.json.decode(attempt.body.get("stream_options", b"{}"), type=_StreamOptions).include_usage
    except msgspec.DecodeError:
        return False


provider = Anthropic()
