"""``/v1/messages/count_tokens``. Messages themselves are model calls: see :mod:`proxy.api.llm`."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import msgspec
from litestar import Request, Response, post

from proxy.api.decoding import decode_object, decode_value
from proxy.api.model_names import may_use
from proxy.api.plain import guarded, identity, json_response
from proxy.auth.permissions import Group
from proxy.call import Body
from proxy.deployment import Deployment
from proxy.errors import DetailError, Failure
from proxy.gateway import Gateway
from proxy.providers.base import Attempt, find_provider

log = logging.getLogger(__name__)

COUNT_SECONDS = 10.0
"""How long a vendor may count; longer, and it is counted here."""
DISABLED = "Token counting is disabled (litellm_settings.disable_token_counter) and no vendor counted"
COUNTED = ("messages", "system", "tools", "tool_choice", "thinking", "mcp_servers")
"""What a vendor counts, beside the model."""


@post("/v1/messages/count_tokens", guards=[guarded(Group.LLM)], status_code=200)
async def count_tokens(request: Request[Any, Any, Any]) -> Response[bytes]:
    """How many tokens a message would take: as its vendor counts them, else as OpenAI's models would."""
    gateway: Gateway = request.app.state.gateway
    fields = decode_object(await request.body())
    given = decode_value("model", fields.get("model", msgspec.Raw(b"null")))
    model = given if isinstance(given, str) else ""
    if not model:
        raise DetailError(400, {"error": "model parameter is required"})
    messages = decode_value("messages", fields.get("messages", msgspec.Raw(b"null")))
    if not messages:
        raise DetailError(400, {"error": "messages parameter is required"})
    body = {name: fields[name] for name in COUNTED if name in fields}
    counted_as = model
    for deployment in gateway.snapshot.router.groups.find(model) or ():
        counted_as = deployment.model
        counting = getattr(find_provider(deployment.provider), "count_tokens", None)
        if counting is not None and may_use(gateway.snapshot, identity(request), deployment.group):
            try:
                return json_response(
                    {"input_tokens": await counting(_attempt(request, deployment, body), gateway.client)}
                )
            except Failure as failure:
                log.warning(
                    "tokens are counted here, since %s could not count them: %s", deployment.id, failure.message
                )
            break
    if not gateway.snapshot.router.may_count:
        raise DetailError(503, {"type": "error", "error": {"type": "api_error", "message": DISABLED}})
    return json_response({"input_tokens": await asyncio.to_thread(_counted, body, counted_as)})


def _attempt(request: Request[Any, Any, Any], deployment: Deployment, body: Body) -> Attempt:
    headers = dict(request.scope["headers"])
    return Attempt(deployment, "messages", body, False, COUNT_SECONDS, None, client_headers=headers)


def _counted(body: Body, model: str) -> int:
    """Of messages whose parts nobody can count, their texts."""
    from proxy.tokens.count import A_MESSAGE, THE_ANSWER, count_messages
    from proxy.tokens.errors import Uncountable

    decoded = {name: decode_value(name, value) for name, value in body.items()}
    messages = decoded.pop("messages")
    try:
        total = count_messages(messages, model)
    except Uncountable:
        count = len(messages) if isinstance(messages, list) else 1
        total = count * A_MESSAGE + _of_texts(messages, model) + THE_ANSWER
    return total + _of_texts(decoded, model)


def _of_texts(value: Any, model: str) -> int:
    from proxy.tokens.count import count_text

    return sum(count_text(text, model) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    """Every text within; not the data of images and files."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in ("source", "type", "cache_control"):
                yield from _texts(item)
