"""``/health*``: is the process alive, is it ready, do the deployments answer."""

from collections.abc import Iterable
from typing import Any

from litestar import Request, Response, get, route
from litestar.enums import HttpMethod
from litestar.params import FromQuery

from proxy.api.headers import CONTRACT_VERSION
from proxy.api.model_names import may_use
from proxy.api.plain import guarded, identity, json_response
from proxy.api.probes import Probed, probe_all
from proxy.auth.permissions import Group
from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.errors import DetailError
from proxy.gateway import Gateway
from proxy.routing.groups import Groups
from proxy.state.settings import redis_settings

LIVELINESS, LIVENESS, READINESS = "/health/liveliness", "/health/liveness", "/health/readiness"
_PROBED_WITH = {
    "allow": "GET, OPTIONS",
    "access-control-allow-methods": "GET, OPTIONS",
    "access-control-allow-headers": "*",
}


@route([LIVELINESS, LIVENESS, READINESS], http_method=HttpMethod.OPTIONS, sync_to_thread=False)
def options() -> Response[bytes]:
    """Load balancers that probe with OPTIONS get what the reference gives them: 200 and nothing."""
    return Response(b"", status_code=200, media_type="text/plain", headers=_PROBED_WITH)


@get([LIVELINESS, LIVENESS], sync_to_thread=False)
def alive() -> Response[bytes]:
    """Whether the process runs."""
    return json_response("I'm alive!")


@get(READINESS, sync_to_thread=False)
def ready(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Whether new calls should be sent here: not while the process shuts down."""
    gateway: Gateway = request.app.state.gateway
    config = gateway.snapshot.config
    settings = config.settings
    body = {
        "status": "stopping" if gateway.draining else "healthy",
        "db": "Not connected",
        "cache": _cache_type(config),
        "litellm_version": CONTRACT_VERSION.decode(),
        "success_callbacks": [*settings.callbacks, *settings.success_callback],
        "use_aiohttp_transport": False,
        "state": gateway.state.kind,
    }
    return json_response(body, 503 if gateway.draining else 200)


def _cache_type(config: ProxyConfig) -> str | None:
    """What the reference says of the cache of answers, whether or not it can be reached."""
    if config.settings.cache:
        return str(config.settings.cache_params.get("type", "redis"))
    if config.router_settings.cache_responses:
        return "local" if redis_settings(config) is None else "redis"
    return None


@get("/health", guards=[guarded(Group.INFO)])
async def health(
    request: Request[Any, Any, Any], model: FromQuery[str | None] = None, model_id: FromQuery[str | None] = None
) -> Response[bytes]:
    """Call every deployment, or those of one upstream model or model group, or one, and tell which answer."""
    gateway: Gateway = request.app.state.gateway
    snapshot, caller = gateway.snapshot, identity(request)
    wanted = [
        item
        for item in _wanted(snapshot.router.groups, model, model_id)
        if may_use(snapshot, caller, item.group) and item.id not in snapshot.router.choosers
    ]
    probed = await probe_all(wanted, snapshot.catalog, gateway.client)
    details = snapshot.config.general_settings.other.get("health_check_details", True) is not False
    healthy = [_endpoint(item, details) for item in probed if item.error is None]
    unhealthy = [_endpoint(item, details) for item in probed if item.error is not None]
    return json_response(
        {
            "healthy_endpoints": healthy,
            "unhealthy_endpoints": unhealthy,
            "healthy_count": len(healthy),
            "unhealthy_count": len(unhealthy),
        }
    )


def _wanted(groups: Groups, model: str | None, model_id: str | None) -> Iterable[Deployment]:
    """``model`` is what a deployment calls, else the name of a group or of an alias; nothing is called so: nothing."""
    if model_id is not None:
        if model_id not in groups.by_id:
            raise DetailError(404, {"error": f"Model with ID {model_id} not found"})
        return [groups.by_id[model_id]]
    if model is None:
        return groups.deployments
    named = [deployment for deployment in groups.deployments if deployment.params.model == model]
    return named or groups.by_name.get(groups.unaliased(model), ())


def _endpoint(probed: Probed, details: bool) -> dict[str, Any]:
    """``general_settings.health_check_details: false`` leaves the model alone."""
    if not details:
        return {"model": probed.shown["model"]}
    return probed.shown if probed.error is None else probed.shown | {"error": probed.error}
