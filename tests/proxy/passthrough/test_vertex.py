"""A location in a path becomes part of a host: only what is one may."""

import asyncio
from typing import cast

import pytest

from proxy.errors import GatewayError
from proxy.passthrough.addresses import base_of
from proxy.passthrough.target import Asked
from proxy.passthrough.vertex import VertexRoute, _address, vertex_host
from proxy.routing.router import Router
from proxy.upstream.client import UpstreamClient
from tests.proxy.routing.making import entry, router


@pytest.mark.parametrize("location", ["us-central1", "europe-west4"])
def test_a_location_has_its_host(location: str) -> None:
    assert vertex_host(location) == f"{location}-aiplatform.googleapis.com"
    assert vertex_host("global") == "aiplatform.googleapis.com"


@pytest.mark.parametrize(
    "location",
    [None, "", "evil.test", "evil.test%23", "a@evil.test", "evil.test:443", "a#", "a?", "US", "%2e%2e", "a\\b"],
)
def test_nothing_else_does(location: str | None) -> None:
    with pytest.raises(GatewayError) as refused:
        vertex_host(location)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("rest", "path"),
    [
        ("v1/projects/a/locations/b/endpoints", "/v1/projects/P/locations/L/endpoints"),
        ("v1beta1/projects/a/locations/b/cachedContents/1", "/v1beta1/projects/P/locations/L/cachedContents/1"),
        ("cachedContents", "/v1beta1/projects/P/locations/L/cachedContents"),
        ("v1/publishers/google/models/m:predict", "/v1/projects/P/locations/L/publishers/google/models/m:predict"),
    ],
)
def test_paths_name_the_projects_place(rest: str, path: str) -> None:
    base = base_of("https://v.test")
    assert _address(base, rest, "P", "L") == f"https://v.test{path}"
    with pytest.raises(GatewayError):
        _address(base, f"{rest}/../x", "P", "L")


@pytest.mark.parametrize("project", ["a\\1", "\\g<9>", "\\q"])
def test_a_project_is_no_template(project: str) -> None:
    with pytest.raises(GatewayError) as refused:
        called(f"v1/projects/{project}/locations/b/endpoints", router([]))
    assert (refused.value.status, refused.value.param) == (400, "path")


@pytest.mark.parametrize("model", ["v1", "pub", "models", "e", "gemini"])
def test_a_configured_model_is_named_where_the_model_is(model: str) -> None:
    deployed = router([entry(model, model="vertex_ai/theirs", use_in_pass_through=True)])
    url = called(f"v1/projects/p/locations/l1/publishers/google/models/{model}:predict", deployed)
    place = "https://l1-aiplatform.googleapis.com/v1/projects/p/locations/l1"
    assert url == f"{place}/publishers/google/models/theirs:predict"


def called(rest: str, models: Router) -> str:
    """The address of a call with an account of the client's own."""

    async def read() -> bytes:
        return b""

    asked = Asked(
        method="POST",
        rest=rest,
        query="",
        headers={b"authorization": b"Bearer own"},
        private=frozenset(),
        read=read,
        router=models,
        client=cast("UpstreamClient", None),
    )
    return asyncio.run(VertexRoute("/vertex_ai", {}, ()).target(asked)).url
