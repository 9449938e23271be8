"""``/utils/token_counter``: the tokens of a prompt or of messages, counted here or by the vendor."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

import msgspec

from proxy.api.management.operation import Asked
from proxy.api.management.validation import Body, Query
from proxy.api.messages import DISABLED
from proxy.api.model_names import may_use
from proxy.auth import admission
from proxy.deployment import Deployment
from proxy.errors import DetailError, Failure, GatewayError
from proxy.providers.base import Attempt, find_provider
from proxy.providers.vendor_counts import VendorCount
from proxy.routing.request import RouteRequest
from proxy.tokens.count import Counter, count_messages, counter_of
from proxy.tokens.custom import custom_counter
from proxy.tokens.errors import Uncountable

log = logging.getLogger(__name__)

VENDOR_SECONDS = 10.0
"""How long a vendor may count; longer, and it is counted here."""


class ToCount(Body):
    """Of ``POST /utils/token_counter``."""

    model: str
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    contents: list[dict[str, Any]] | None = None
    """Google's own format, which Google alone counts."""


class How(Query):
    call_endpoint: bool = False
    """Whether to ask the vendor."""


@dataclass
class Counted:
    """The answer."""

    total_tokens: int
    request_model: str
    model_used: str
    tokenizer_type: str
    original_response: Any = None
    """The vendor's, if it counted."""
    error: bool = False
    error_message: str | None = None
    status_code: int | None = None


async def token_counter(asked: Asked, body: ToCount, query: How) -> Counted:
    """The tokens of a prompt or of messages for a model: a group, an alias, or any name that tokenizers know.

    With `call_endpoint=true` the vendor is asked, if it is one that counts (Anthropic, Gemini, Vertex AI, Bedrock); should it
    fail, the tokens are counted here.
    """
    if body.prompt is None and body.messages is None and body.contents is None:
        raise DetailError(400, "prompt or messages or contents must be provided")
    if body.prompt is not None and body.messages is not None:
        raise DetailError(400, "prompt and messages cannot both be counted; send one of them")
    deployment = _deployment(asked, await _called(asked, body.model))
    disabled = not asked.gateway.snapshot.router.may_count
    if query.call_endpoint and deployment is not None:
        counted = await _by_vendor(asked, body, deployment, disabled=disabled)
        if counted is not None:
            return counted
    if disabled:
        raise GatewayError(
            503,
            DISABLED,
            type="token_counting_disabled",
            param="model",
        )
    return await asyncio.to_thread(_here, asked, body, deployment)


async def _called(asked: Asked, model: str) -> str | None:
    """What the caller means by a model; ``None``: something that it may not call."""
    snapshot = asked.gateway.snapshot
    if snapshot.admission is None:
        return model if may_use(snapshot, asked.caller, model) else None
    request = asked.request
    headers = dict(request.scope["headers"])
    admitted = await snapshot.admission.admit(
        admission.Asked(identity=asked.caller, headers=headers, path=request.scope["path"], model=model)
    )
    return admitted.model


def _deployment(asked: Asked, model: str | None) -> Deployment | None:
    """One that would serve a call now; ``None`` when nobody would."""
    if model is None:
        return None
    router = asked.gateway.snapshot.router
    try:
        return router.pick(model, router.candidates(model), set(), RouteRequest(model=model))
    except Failure:
        return None


# --- by the vendor ---------------------------------------------------------------------------------------------------


async def _by_vendor(asked: Asked, body: ToCount, deployment: Deployment, *, disabled: bool) -> Counted | None:
    """As the vendor counts; ``None``: it does not, or failed.

    Raises:
        GatewayError: the vendor failed, and nothing may be counted here.
    """
    counting = getattr(find_provider(deployment.provider), "count_chat", None)
    given = {name: getattr(body, name) for name in ("messages", "contents") if getattr(body, name)}
    if counting is None or not given:
        return None
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in given.items()}
    attempt = Attempt(deployment, "messages", fields, False, VENDOR_SECONDS, None)
    try:
        count: VendorCount = await counting(attempt, asked.gateway.client)
    except Failure as failure:
        if disabled:
            raise GatewayError(failure.status, failure.message, type="token_counting_error", param="model") from failure
        log.warning("tokens are counted here, since %s could not count them: %s", deployment.id, failure.message)
        return None
    return Counted(count.tokens, body.model, deployment.model, count.tokenizer, count.answer)


# --- here ------------------------------------------------------------------------------------------------------------


def _here(asked: Asked, body: ToCount, deployment: Deployment | None) -> Counted:
    """Runs in a thread.

    Raises:
        DetailError: 400, these cannot be counted here.
    """
    model = body.model if deployment is None else deployment.model
    custom = None
    if deployment is not None:
        custom = custom_counter(deployment.info.get("custom_tokenizer"), asked.gateway.snapshot.config.folder)
    count = counter_of(model) if custom is None else custom
    try:
        total = _total(body, model, count)
    except Uncountable as error:
        raise DetailError(400, f"The tokens cannot be counted: {error}") from error
    return Counted(total, body.model, model, "openai_tokenizer" if custom is None else "huggingface_tokenizer")


def _total(body: ToCount, model: str, count: Counter) -> int:
    if body.prompt is not None:
        return count(body.prompt)
    if body.messages is None:
        raise Uncountable("contents are counted by Google alone; use call_endpoint=true and a model of Google's")
    return count_messages(body.messages, model, counter=count)
