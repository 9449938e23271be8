"""Every path of a model endpoint, with and without the model in it."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Vendor
from tests.gateways import Gateway

BODIES: dict[str, dict[str, Any]] = {
    "/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/completions": {"prompt": "hi"},
    "/embeddings": {"input": "hi"},
}


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_the_model_in_the_body(gateway: Gateway, vendor: Vendor, prefix: str, path: str) -> None:
    answer = gateway.http.post(prefix + path, json={"model": vendor.name, **BODIES[path]})
    assert answer.status_code == 200
    assert answer.json()["model"] == vendor.name
    (entry,) = vendor.received
    assert (entry.path, entry.body["model"]) == (f"/v1{path}", vendor.model)


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("prefix", ["/engines/{}", "/openai/deployments/{}"])
@pytest.mark.parametrize("escaped", [False, True])
def test_the_model_in_the_path(gateway: Gateway, vendor: Vendor, prefix: str, path: str, escaped: bool) -> None:
    """Its slash may be escaped or not."""
    named = prefix.format(quote(vendor.name, safe="") if escaped else vendor.name)
    answer = gateway.http.post(named + path + "?api-version=2024-10-21", json=BODIES[path])
    assert answer.status_code == 200
    assert answer.headers["x-litellm-model-group"] == vendor.name
    (entry,) = vendor.received
    assert (entry.path, entry.body["model"], entry.query) == (f"/v1{path}", vendor.model, {})


@pytest.mark.parametrize("name", ["a/b/c", "a b", "ü", "a%b", "a/chat/completions", "engines/x", "..", "a?b#c"])
def test_odd_names_in_the_path(gateway: Gateway, vendor: Vendor, name: str) -> None:
    model = f"any/{vendor.model}/{name}"
    body = BODIES["/chat/completions"]
    answer = gateway.http.post(f"/openai/deployments/{quote(model, safe='')}/chat/completions", json=body)
    assert answer.status_code == 200
    assert answer.headers["x-litellm-model-group"].encode("latin-1") == model.encode("latin-1")


def test_an_unknown_model_in_the_path(gateway: Gateway) -> None:
    answer = gateway.http.post("/engines/nope/chat/completions", json=BODIES["/chat/completions"])
    assert answer.status_code == 400
    assert "model=nope" in answer.json()["error"]["message"]


def test_the_path_beats_the_body(gateway: Gateway, vendor: Vendor) -> None:
    body = {"model": "echo", **BODIES["/chat/completions"]}
    assert gateway.http.post(f"/engines/{vendor.name}/chat/completions", json=body).status_code == 200
    assert vendor.calls == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_slash_at_the_end(gateway: Gateway, vendor: Vendor, stream: bool) -> None:
    body = {"model": vendor.name, "stream": stream, **BODIES["/chat/completions"]}
    answer = gateway.http.post("/v1/chat/completions/", json=body)
    assert answer.status_code == 200
    assert answer.text.endswith("data: [DONE]\n\n") is stream
    assert vendor.calls == 1
