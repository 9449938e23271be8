"""Regions and tags that a call asks for, from wherever they stand."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from proxy.api.wishes import add_wishes
from proxy.call import Call, Identity
from proxy.errors import GatewayError
from proxy.fields import LONGEST_NAME, MOST_TAGS
from proxy.routing.request import RouteRequest
from tests.proxy.routing.making import entry, router

KEY = Identity(metadata={"tags": ["of-key", 7]}, team_metadata={"tags": ["of-team", "of-key"]})


def wishes(
    fields: dict[str, Any],
    *,
    identity: Identity | None = None,
    header: bytes | None = None,
    endpoint: str = "chat",
    **settings: bool,
) -> RouteRequest:
    snapshot = SimpleNamespace(router=router([entry("g", "g-1")], **settings))
    call = Call(cast(Any, snapshot), endpoint, {} if header is None else {b"x-litellm-tags": header})
    if identity is not None:
        call.identity = identity
    route = RouteRequest(model="g")
    add_wishes(route, call, {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()})
    return route


def tags(fields: dict[str, Any], **options: Any) -> Any:
    return wishes(fields, enable_tag_filtering=True, **options).tags


def test_only_what_the_config_looks_at_is_read() -> None:
    fields = {"allowed_model_region": 7, "metadata": "broken", "tags": [7]}
    assert wishes(fields) == RouteRequest(model="g", count_tokens=wishes({}).count_tokens)


def test_tags_of_key_and_team_are_added() -> None:
    assert tags({"metadata": {"tags": ["mine", "of-team"]}}, identity=KEY) == ["mine", "of-team", "of-key"]
    assert tags({"metadata": {"tags": "mine"}}, identity=KEY) == ["of-key", "of-team"]
    assert tags({"tags": []}, identity=KEY) == []
    assert tags({}, identity=KEY, header=b"a, b") == ["a", "b"]


@pytest.mark.parametrize("endpoint", ["messages", "responses"])
def test_metadata_of_vendors_is_not_read(endpoint: str) -> None:
    assert tags({"metadata": "theirs"}, endpoint=endpoint) == ()
    assert tags({"metadata": "theirs", "litellm_metadata": {"tags": ["a"]}}, endpoint=endpoint) == ["a"]


def test_tags_are_bounded() -> None:
    assert len(tags({"tags": ["x"] * 1000})) == MOST_TAGS
    assert len(tags({}, header=b"y" * 5000)[0]) == LONGEST_NAME


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tags": [7]}, "tags must be a list of texts"),
        ({"metadata": {"tags": {"a": 1}}}, "metadata.tags must be a list of texts"),
        ({"litellm_metadata": {"tags": [None]}}, "litellm_metadata.tags must be a list of texts"),
        ({"metadata": []}, "metadata must be an object"),
        ({"metadata": ""}, "metadata must be an object"),
        ({"metadata": "[1]"}, "metadata must be an object"),
        ({"metadata": "[" * 100_000}, "metadata must be an object"),
    ],
)
def test_mistakes_name_their_field(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(GatewayError) as refused:
        tags(fields)
    assert (refused.value.status, refused.value.message) == (400, message)


def test_a_region_of_the_caller_replaces_what_is_asked() -> None:
    fields = {"allowed_model_region": "us"}
    assert wishes(fields, enable_pre_call_checks=True).region == "us"
    assert wishes(fields, enable_pre_call_checks=True, identity=Identity(region="eu")).region == "eu"
    with pytest.raises(GatewayError, match="allowed_model_region must be the name of a region, such as eu"):
        wishes({"allowed_model_region": ["eu"]}, enable_pre_call_checks=True)
