"""``/v1/models``: what a caller may ask for."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath, FromQuery

from proxy.api.model_fallbacks import KINDS, configured_fallbacks
from proxy.api.model_names import listed_names
from proxy.api.plain import guarded, identity, json_response
from proxy.auth.permissions import Group
from proxy.errors import DetailError
from proxy.gateway import Gateway

CREATED = 1677610602
OWNER = "openai"


@get(["/v1/models", "/models"], guards=[guarded(Group.LLM | Group.INFO)])
async def list_models(
    request: Request[Any, Any, Any],
    include_metadata: FromQuery[bool] = False,
    fallback_type: FromQuery[str | None] = None,
) -> Response[bytes]:
    """All names that the caller may use: aliases that are not hidden first, then the model groups."""
    gateway: Gateway = request.app.state.gateway
    snapshot = gateway.snapshot
    if fallback_type is not None and fallback_type not in KINDS:
        raise DetailError(400, f"Invalid fallback_type. Must be one of: {list(KINDS)}")
    models = [_model(name) for name in listed_names(snapshot, identity(request))]
    if include_metadata:
        settings, kind = snapshot.router.settings, fallback_type or "general"
        for model in models:
            model["metadata"] = {"fallbacks": configured_fallbacks(settings, kind, model["id"])}
    return json_response({"data": models, "object": "list"})


@get(["/v1/models/{model:path}", "/models/{model:path}"], guards=[guarded(Group.LLM | Group.INFO)])
async def get_model(request: Request[Any, Any, Any], model: FromPath[str]) -> Response[bytes]:
    """One model group, or one known model behind a wildcard. An alias is none (A.md, A5)."""
    gateway: Gateway = request.app.state.gateway
    name = model.lstrip("/")
    if name not in listed_names(gateway.snapshot, identity(request)):
        raise DetailError(404, f"The model `{name}` does not exist or is not accessible")
    groups = gateway.snapshot.router.groups
    if name in groups.aliases and name not in groups.by_name:
        raise DetailError(404, f"Model '{name}' not found in router configuration")
    return json_response(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": OWNER}
