"""``/fallback``: where calls of a model group go when it fails."""

from typing import Any

from litestar import Request, Response, delete, get, post
from litestar.params import FromPath, FromQuery

from proxy.api.plain import guarded, json_response
from proxy.auth.permissions import Group
from proxy.config.model import RouterSettings
from proxy.config.redact import masked
from proxy.errors import DetailError
from proxy.gateway import Gateway
from proxy.routing.fallbacks import configured_lists, lookup

NO_MODEL_STORE = "Database storage not enabled. Set 'STORE_MODEL_IN_DB=True' in your environment to use this feature."
"""The reference's answer without a database; fallbacks of the config are changed in its file."""
KINDS = ("general", "context_window", "content_policy")


@get("/fallback/{model:path}", guards=[guarded(Group.NONE)])
async def get_fallback(
    request: Request[Any, Any, Any], model: FromPath[str], fallback_type: FromQuery[str] = "general"
) -> Response[bytes]:
    """The configured fallbacks of one kind. 404 when there are none, 422 for an unknown kind."""
    if fallback_type not in KINDS:
        raise DetailError(422, [_unknown_kind(fallback_type)])
    gateway: Gateway = request.app.state.gateway
    name = model.lstrip("/")
    found = configured_fallbacks(gateway.snapshot.router.settings, fallback_type, name)
    if not found:
        raise DetailError(404, {"error": f"No {fallback_type} fallbacks configured for model '{name}'"})
    return json_response({"model": name, "fallback_models": found, "fallback_type": fallback_type})


@post("/fallback", guards=[guarded(Group.NONE)], sync_to_thread=False)
def create_fallback() -> Response[bytes]:
    """Refused: there is no model store."""
    raise DetailError(400, {"error": NO_MODEL_STORE})


@delete("/fallback/{model:path}", guards=[guarded(Group.NONE)], status_code=200, sync_to_thread=False)
def delete_fallback(model: FromPath[str]) -> Response[bytes]:  # noqa: ARG001
    """Refused: there is no model store."""
    raise DetailError(400, {"error": NO_MODEL_STORE})


def configured_fallbacks(settings: RouterSettings, kind: str, model: str) -> list[Any]:
    """What the config lists for a name and a kind of failure, secrets in entries masked."""
    configured = {
        "general": settings.fallbacks,
        "context_window": settings.context_window_fallbacks,
        "content_policy": settings.content_policy_fallbacks,
    }[kind]
    found: list[Any] = masked(lookup(configured_lists(configured) or [], model) or [])
    return found


def _unknown_kind(given: str) -> dict[str, Any]:
    expected = "'general', 'context_window' or 'content_policy'"
    return {
        "type": "literal_error",
        "loc": ["query", "fallback_type"],
        "msg": f"Input should be {expected}",
        "input": given,
        "ctx": {"expected": expected},
    }
