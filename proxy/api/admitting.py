"""The admission of model calls, where a database says who may call what."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_to_bytes

import msgspec

from proxy.api.upload import ClientBody
from proxy.auth.permissions import Group, check_route, matches
from proxy.call import NO_FIELDS, Body, Call, Identity
from proxy.errors import GatewayError
from proxy.passthrough.deployed import AzureRoute
from proxy.passthrough.endpoints import EndpointRoute
from proxy.passthrough.target import Route

if TYPE_CHECKING:
    from proxy.limits.limiter import Limiter
    from proxy.passthrough.routes import Found

GRANTED = "allowed_passthrough_routes"
COMPRESSED = (
    "What this key may do depends on the model, and the model of a compressed body cannot be seen; send it as it is"
)
#: What forms say in fields called ``model``.
_in_multipart = re.compile(rb'name="?model"?(?:;[^\r\n]*)?\r?\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]*)')
_in_urlencoded = re.compile(rb"(?:^|&)model=([^&]*)")
_in_path = re.compile(
    r"/models/(?P<google>[^:/]+):|^/bedrock/model/(?P<bedrock>.+)/(?:invoke|converse)[a-z-]*$", re.DOTALL
)
#: Where vendors make batches.
_batches = re.compile(
    r"(?:/batches|/batch/jobs|/embed-jobs|/batchPredictionJobs|:batchGenerateContent|:asyncBatchEmbedContent)/*$",
    re.IGNORECASE,
)


async def admitted_model(call: Call, fields: Body, model: str | None) -> str | None:
    """What a call that may be made calls in the end: aliases of keys and teams stand for other models.

    Args:
        fields: of the body.
        model: that the client names.

    Raises:
        GatewayError: 400, 401, 403 or 503: it may not be made.
    """
    admission = call.snapshot.admission
    if admission is None:
        check_route(call.identity, call.path, Group.LLM)
        return model
    from proxy.auth.admission import Asked

    admitted = await admission.admit(Asked(call.identity, call.headers, call.path, fields, model))
    call.customer, call.customer_rate = admitted.customer, admitted.customer_rate
    if admitted.region is not None:
        call.identity = msgspec.structs.replace(call.identity, region=admitted.region)
    return admitted.model


async def check_caller(call: Call) -> None:
    """Let a caller ask about what it made earlier, or not.

    Raises:
        GatewayError: 400, 401 or 403.
    """
    if call.snapshot.admission is not None:
        await call.snapshot.admission.check_caller(call.identity, budgets=True)
    check_route(call.identity, call.path, Group.LLM)


def depends_on_model(call: Call) -> bool:
    """Whether a caller may do with some models what it may not with others."""
    caller, admission = call.identity, call.snapshot.admission
    if caller.rates is not None and caller.rates.by_model:
        return True
    return admission is not None and caller.access is not None and admission.restricts(caller.access)


async def admit_passed(call: Call, route: Route, method: str, body: ClientBody) -> list[str]:
    """Let a call through that goes to a vendor as it came, or not.

    Returns:
        The models that it is about, as it names them and as aliases do, where somebody has a use for that.

    Raises:
        GatewayError: 400, 401, 403 or 503: it may not be made.
    """
    caller, restricted = call.identity, depends_on_model(call)
    if caller.access is None:
        check_route(caller, call.path, Group.LLM)
        if not restricted and not call.snapshot.limits.of_models:
            return []
    elif isinstance(route, EndpointRoute) and not caller.is_admin and not _is_granted(caller, call.path):
        check_route(caller, call.path, Group.NONE, method)
    named, fields = await _models_of(call, route, method, body, restricted=restricted)
    if caller.access is None:
        return named
    if not named:
        await admitted_model(call, fields, None)
    called = [await admitted_model(call, fields, model) for model in named]
    return named + [model for model in called if model]


def check_uncounted(call: Call, found: Found, method: str, limiter: Limiter) -> None:
    """Refuse a batch that goes to a vendor as it came to a caller for whom it matters what is in it.

    Raises:
        GatewayError: 403.
    """
    if method != "POST":
        return
    route, path = found.route, call.path
    if isinstance(route, EndpointRoute):
        path = unquote(route.address(found.rest)) if route.vendor else ""
    if _batches.search(path) and (depends_on_model(call) or limiter.of_batch(call)):
        told = (
            "This caller has limits, or may call certain models alone, and a batch that is passed through is not looked "
            "at. Make it at /v1/batches"
        )
        raise GatewayError(403, told, type="invalid_request_error", param="path")


async def _models_of(
    call: Call, route: Route, method: str, body: ClientBody, *, restricted: bool
) -> tuple[list[str], Body]:
    """Every model that a vendor may read in a call, and the fields of its body.

    Args:
        restricted: whether none may be overlooked.

    Raises:
        GatewayError: 415, the body cannot be read here.
    """
    models: list[str | None] = [_model_in(call.path)]
    if isinstance(route, AzureRoute):
        models += _models_of_azure(call)
    fields = NO_FIELDS
    if method != "GET":
        content_type = call.headers.get(b"content-type", b"json").lower()
        if restricted and call.headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise GatewayError(415, COMPRESSED, type="invalid_request_error", param="content-encoding")
        if restricted and b"form" in content_type:
            models += _models_of_form(await body())
        elif restricted or b"json" in content_type:
            fields = _object(await body())
            models.append(named_model(fields))
    return [model for model in models if model], fields


def _is_granted(caller: Identity, path: str) -> bool:
    """Whether ``allowed_passthrough_routes`` of the key or its team have the path."""
    team = None if caller.access is None else caller.access.team
    of_team = team["metadata"] if team is not None else {}
    routes = caller.metadata.get(GRANTED) or of_team.get(GRANTED)
    return isinstance(routes, list) and any(matches(str(entry), path) for entry in routes)


def _model_in(path: str) -> str | None:
    found = _in_path.search(path)
    return None if found is None else found["google"] or found["bedrock"]


def _models_of_azure(call: Call) -> list[str]:
    """Models of the config that a segment of the path may be, and the vendor's deployment that it names."""
    parts = call.path.split("/")
    named = [after for before, after in pairwise(parts) if before == "deployments"]
    return named + [part for part in parts if part and call.snapshot.router.groups.knows(part)]


def _models_of_form(body: bytes) -> list[str]:
    """Every model that somebody may read in a form."""
    found = [*_in_multipart.findall(body), *map(unquote_to_bytes, _in_urlencoded.findall(body))]
    return [name.decode("utf-8", "replace").strip() for name in found]


def _object(body: bytes) -> Body:
    """The fields of a body; none of one that is the vendor's to refuse."""
    try:
        return msgspec.json.decode(body, type=Body)
    except (msgspec.DecodeError, RecursionError):
        return NO_FIELDS


def named_model(fields: Body) -> str | None:
    """The model of a body; ``None`` for what is no name, which is refused elsewhere."""
    value = fields.get("model")
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=str)
    except msgspec.DecodeError:
        return None


def raw(text: str) -> msgspec.Raw:
    """A text as it stands in a body."""
    return msgspec.Raw(msgspec.json.encode(text))
