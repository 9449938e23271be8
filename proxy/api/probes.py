"""Calls that only ask whether a deployment answers."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from proxy.accounting.catalog import Catalog
from proxy.api.shown import shown_params
from proxy.deployment import Deployment, split_model
from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply, find_provider
from proxy.providers.mock import mock_reply
from proxy.providers.openai.format import raw
from proxy.upstream.client import UpstreamClient

SECONDS = 60.0
"""How long a probe may take; ``model_info.health_check_timeout`` changes it."""
AT_ONCE = 50
_QUESTION = "Answer with one word: are you there?"
PROBES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("chat", {"messages": [{"role": "user", "content": _QUESTION}]}),
    "completion": ("completions", {"prompt": _QUESTION}),
    "embedding": ("embeddings", {"input": [_QUESTION]}),
}
"""By ``mode``: the endpoint and the body."""
LIMITS = ("x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-ms-region")
NEVER_SENT = frozenset(("stream", "stream_options"))
CHEAPEST = 3
"""How many of a provider's models are tried for a wildcard, until one answers."""


class Probed(msgspec.Struct):
    """How a deployment answered; ``error`` is ``None`` when it did."""

    shown: dict[str, Any]
    error: str | None = None


async def probe_all(deployments: Iterable[Deployment], catalog: Catalog, client: UpstreamClient) -> list[Probed]:
    """Probe them, a few at a time; in the same order."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def probe(deployment: Deployment) -> Probed:
        async with limit:
            return await _probe(deployment, catalog, client)

    return await asyncio.gather(*map(probe, deployments))


async def _probe(deployment: Deployment, catalog: Catalog, client: UpstreamClient) -> Probed:
    named = deployment.info.get("health_check_model")
    if named:
        deployment = deployment.serving(split_model(str(named))[1])
    if "*" not in deployment.model:
        return await _ask(deployment, catalog, client)
    models = catalog.cheapest_chat_models(deployment.provider, CHEAPEST)
    if not models:
        return Probed(
            shown_params(deployment),
            f"Unable to health check wildcard model for provider {deployment.provider}: no model of it is known. "
            "Name one in model_info.health_check_model.",
        )
    for model in models:
        probed = await _ask(deployment.serving(model), catalog, client)
        if probed.error is None:
            break
    return probed


async def _ask(deployment: Deployment, catalog: Catalog, client: UpstreamClient) -> Probed:
    shown = shown_params(deployment)
    mode = _mode(deployment, catalog)
    if mode not in PROBES:
        return Probed(shown, f"Mode {mode} not supported: only {', '.join(PROBES)} deployments can be probed")
    endpoint, body = PROBES[mode]
    params = deployment.params
    fields = params.request | body | params.extra_body
    dropped = NEVER_SENT.union(params.additional_drop_params)
    attempt = Attempt(
        deployment=deployment,
        endpoint=endpoint,
        body={name: raw(value) for name, value in fields.items() if name not in dropped},
        stream=False,
        timeout=_seconds(deployment),
        shown_model=None,
    )
    try:
        reply = await _send(attempt, client)
    except Failure as failure:
        return Probed(shown, failure.message)
    return Probed(shown | {name: value for name, value in reply.headers if name in LIMITS})


async def _send(attempt: Attempt, client: UpstreamClient) -> Reply:
    params = attempt.deployment.params
    if params.mock_response is not None:
        return mock_reply(attempt, params.mock_response)
    return await find_provider(attempt.deployment.provider).send(attempt, client)


def _mode(deployment: Deployment, catalog: Catalog) -> str:
    """What kind of model it is: as configured, else as the packaged table knows it."""
    mode = deployment.info.get("mode")
    if mode is None:
        entry = catalog.entry(deployment)
        mode = entry.fields.get("mode") if entry is not None else None
    return str(mode or "chat")


def _seconds(deployment: Deployment) -> float:
    seconds = deployment.info.get("health_check_timeout")
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else SECONDS
