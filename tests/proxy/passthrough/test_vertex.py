"""A location in a path becomes part of a host: only what is one may."""

import pytest

from proxy.errors import GatewayError
from proxy.passthrough.addresses import base_of
from proxy.passthrough.vertex import _address, vertex_host


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
