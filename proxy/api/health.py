"""``/health*``: is the process alive, is it ready, do the deployments answer."""

import asyncio
from typing import Any

from litestar import Request, Response, get

from proxy.api.headers import CONTRACT_VERSION
from proxy.api.plain import authenticated, json_response
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.gateway import Gateway
from proxy.providers.base import Attempt, find_provider
from proxy.providers.openai_format import raw

PROBE_SECONDS = 60.0
PROBES_AT_ONCE = 10
PROBES: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "Answer with one word: are you there?"}]},
    "completion": {"prompt": "Answer with one word: are you there?"},
    "embedding": {"input": ["Are you there?"]},
}
ENDPOINTS = {"chat": "chat", "completion": "completions", "embedding": "embeddings"}


@get(["/health/liveliness", "/health/liveness"], sync_to_thread=False)
def alive() -> Response[bytes]:
    """Whether the process runs."""
    return json_response("I'm alive!")


@get("/health/readiness", sync_to_thread=False)
def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Whether new calls should be sent here: not while the process shuts down."""
    gateway: Gateway = request.app.state.gateway
    settings = gateway.snapshot.config.settings
    body = {
        "status": "stopping" if gateway.draining else "healthy",
        "db": "Not connected",
        "cache": None,
        "litellm_version": CONTRACT_VERSION.decode(),
        "success_callbacks": [*settings.callbacks, *settings.success_callback],
        "use_aiohttp_transport": False,
        "state": "local",
    }
    return json_response(body, 503 if gateway.draining else 200)


@get("/health", guards=[authenticated])
async def health(request: Request[Any, Any, Any], model: str | None = None) -> Response[bytes]:
    """Call every deployment, or those of one model group, and tell which answer."""
    gateway: Gateway = request.app.state.gateway
    groups = gateway.snapshot.router.groups
    deployments = groups.deployments if model is None else groups.find(model) or ()
    limit = asyncio.Semaphore(PROBES_AT_ONCE)
    results = await asyncio.gather(*(_probe(gateway, deployment, limit) for deployment in deployments))
    healthy = [shown for shown, error in results if error is None]
    unhealthy = [shown | {"error": error} for shown, error in results if error is not None]
    return json_response(
        {
            "healthy_endpoints": healthy,
            "unhealthy_endpoints": unhealthy,
            "healthy_count": len(healthy),
            "unhealthy_count": len(unhealthy),
        }
    )


async def _probe(
    gateway: Gateway, deployment: Deployment, limit: asyncio.Semaphore
) -> tuple[dict[str, Any], str | None]:
    """What is shown of a deployment, and the error it answered with."""
    shown: dict[str, Any] = {"model": deployment.params.model, "model_id": deployment.id}
    if deployment.params.api_base:
        shown["api_base"] = deployment.params.api_base
    mode = str(deployment.info.get("mode", "chat"))
    attempt = Attempt(
        deployment=deployment,
        endpoint=ENDPOINTS.get(mode, "chat"),
        body={name: raw(value) for name, value in PROBES.get(mode, PROBES["chat"]).items()},
        stream=False,
        timeout=PROBE_SECONDS,
        shown_model=None,
    )
    async with limit:
        try:
            await find_provider(deployment.provider).send(attempt, gateway.client)
        except Failure as failure:
            return shown, failure.message
    return shown, None
