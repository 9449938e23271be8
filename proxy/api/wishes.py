"""What a call says about the deployments that may serve it, where a config has filters that look at it."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from proxy.api.decoding import decode_value, wrong_type
from proxy.call import Body, Call
from proxy.errors import GatewayError
from proxy.fields import names_of
from proxy.routing.request import RouteRequest

REGION: Final = "allowed_model_region"
TAGS: Final = "tags"
TAGS_HEADER: Final = b"x-litellm-tags"
OWN: Final = "litellm_metadata"
#: Endpoints whose ``metadata`` is the vendor's.
_VENDORS: Final = frozenset(("messages", "responses"))


def add_wishes(route: RouteRequest, call: Call, fields: Body) -> None:
    """Set region, format and tags of ``route``, and the tags of ``call``.

    Args:
        fields: of the client's body.

    Raises:
        GatewayError: 400, a field is of the wrong type.
    """
    router = call.snapshot.router
    settings = router.settings
    if settings.enable_pre_call_checks:
        route.region = call.identity.region or _region(fields)
        wanted = fields.get("response_format")
        route.wants_format = call.endpoint == "chat" and wanted is not None and bytes(wanted) != b"null"
    if router.reads_tags:
        route.tags = call.tags = _tags(call, fields)


def _region(fields: Body) -> str | None:
    region = decode_value(REGION, fields[REGION]) if REGION in fields else None
    if region is not None and not isinstance(region, str):
        raise wrong_type(REGION, "the name of a region, such as eu")
    return region


def _tags(call: Call, fields: Body) -> Sequence[str]:
    """The body's ``tags`` or the header's; without either those of the metadata, with the key's and the team's."""
    chosen = decode_value(TAGS, fields[TAGS]) if TAGS in fields else None
    if isinstance(chosen, list):
        return _names(TAGS, chosen)
    header = call.headers.get(TAGS_HEADER)
    if header is not None:
        return names_of([name.strip() for name in header.decode("latin-1").split(",")])
    told = _tags_of_metadata(call.endpoint, fields)
    identity = call.identity
    added = [*names_of(identity.metadata.get(TAGS)), *names_of(identity.team_metadata.get(TAGS))]
    if not added:
        return told
    tags = [] if isinstance(told, str) else [*told]
    return [*tags, *dict.fromkeys(name for name in added if name not in tags)]


def _tags_of_metadata(endpoint: str, fields: Body) -> Sequence[str]:
    for field in (OWN,) if endpoint in _VENDORS else (OWN, "metadata"):
        metadata = _metadata(field, fields)
        tags = metadata.get(TAGS)
        if isinstance(tags, str) and tags:
            return tags
        if tags:
            return _names(f"{field}.{TAGS}", tags)
    return ()


def _metadata(field: str, fields: Body) -> dict[str, Any]:
    """An object, or one that is encoded once more, as forms have to."""
    metadata = decode_value(field, fields[field]) if field in fields else None
    if isinstance(metadata, str):
        try:
            metadata = decode_value(field, msgspec.Raw(metadata.encode()))
        except GatewayError:
            raise wrong_type(field, "an object") from None
    if metadata is not None and not isinstance(metadata, dict):
        raise wrong_type(field, "an object")
    return metadata or {}


def _names(field: str, tags: Any) -> list[str]:
    if not isinstance(tags, list) or not all(isinstance(name, str) for name in tags):
        raise wrong_type(field, "a list of texts")
    return names_of(tags)
