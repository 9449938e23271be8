"""What a call says about the deployments that may serve it, where a config has filters that look at it."""

from proxy.api.decoding import decode_value, wrong_type
from proxy.call import Body, Call
from proxy.routing.request import RouteRequest


def add_wishes(route: RouteRequest, call: Call, fields: Body) -> None:
    """Set the region of ``route``.

    Args:
        fields: of the client's body.

    Raises:
        GatewayError: 400, a field is of the wrong type.
    """
    settings = call.snapshot.router.settings
    if settings.enable_pre_call_checks:
        route.region = call.identity.region or _region(fields)


def _region(fields: Body) -> str | None:
    name = "allowed_model_region"
    region = decode_value(name, fields[name]) if name in fields else None
    if region is not None and not isinstance(region, str):
        raise wrong_type(name, "the name of a region, such as eu")
    return region
