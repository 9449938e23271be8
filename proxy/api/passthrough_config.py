"""``/config/pass_through_endpoint``: the endpoints of the config. Adding and changing others needs a database."""

from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import FromPath

from proxy.api.plain import authenticated, identity, json_response
from proxy.errors import DetailError, GatewayError
from proxy.gateway import Gateway

PATH = "/config/pass_through_endpoint"
NO_DATABASE = (
    "DB not connected. Endpoints of the config are changed in its file: general_settings.pass_through_endpoints"
)


class _New(msgspec.Struct):
    """What an endpoint must have."""

    path: str
    target: str


@get([PATH, f"{PATH}/team/{{team_id:str}}"], guards=[authenticated], sync_to_thread=False)
def list_endpoints(request: Request[Any, Any, Any]) -> Response[bytes]:
    """All of them, or ``?endpoint_id=``. Values of headers are secrets and not shown."""
    _admins_only(request)
    gateway: Gateway = request.app.state.gateway
    wanted = request.query_params.get("endpoint_id")
    entries = [route.described() for route in gateway.snapshot.passthrough.endpoints]
    return json_response({"endpoints": [entry for entry in entries if wanted in (None, entry["id"])]})


@post(PATH, guards=[authenticated])
async def create_endpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Refused: there is no database."""
    _admins_only(request)
    try:
        msgspec.json.decode(await request.body(), type=_New)
    except msgspec.DecodeError as error:
        raise DetailError(422, [{"type": "missing", "loc": ["body"], "msg": str(error)}]) from error
    raise DetailError(400, {"error": NO_DATABASE})


@post(f"{PATH}/{{endpoint_id:str}}", guards=[authenticated], sync_to_thread=False)
def update_endpoint(request: Request[Any, Any, Any], endpoint_id: FromPath[str]) -> Response[bytes]:  # noqa: ARG001
    """Refused: only endpoints of a database can be changed, and there is none."""
    _admins_only(request)
    raise DetailError(404, {"error": "No pass-through endpoints found"})


@delete(PATH, guards=[authenticated], status_code=200, sync_to_thread=False)
def delete_endpoint(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Refused: only endpoints of a database can be deleted, and there is none."""
    _admins_only(request)
    raise DetailError(400, {"error": "There are no pass-through endpoints setup."})


def _admins_only(request: Request[Any, Any, Any]) -> None:
    if not identity(request).is_admin:
        raise GatewayError(403, "Only an admin may see or change pass-through endpoints", type="auth_error")
