"""What of a caller's headers reaches a vendor, and what never does: whatever the caller was told by."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, running

AUTH = """
from litellm.proxy._types import UserAPIKeyAuth


async def auth(request, api_key: str) -> UserAPIKeyAuth:
    if request.headers.get("authorization") == "Token tok-alice" or api_key == "tok-bob":
        return UserAPIKeyAuth(user_id="alice")
    raise Exception("who is that?")
"""


def served(upstream: UpstreamControl, folder: Any, **settings: Any) -> Any:
    config = {
        "model_list": [],
        "environment_variables": {
            "ANTHROPIC_API_BASE": f"{upstream.url}/case/keys",
            "ANTHROPIC_API_KEY": "sk-ant-up",
            "GEMINI_API_BASE": f"{upstream.url}/case/keys",
            "GEMINI_API_KEY": "g-up",
        },
        "general_settings": {
            "pass_through_endpoints": [
                {"path": "/forwards", "target": f"{upstream.url}/case/keys", "forward_headers": True}
            ],
            **settings,
        },
    }
    return running(folder, config)


@pytest.fixture(scope="module")
def custom(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("custom")
    (folder / "own_auth.py").write_text(AUTH)
    settings = {"custom_auth": "own_auth.auth", "litellm_key_header_name": "X-My-Key", "master_key": KEY}
    with served(upstream, folder, **settings) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def keyed(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with served(upstream, tmp_path_factory.mktemp("keyed"), master_key=KEY) as gateway:
        yield gateway


def received(
    gateway: Gateway, upstream: UpstreamControl, path: str, headers: Mapping[str, str] | list[tuple[str, str]]
) -> Mapping[str, str]:
    """The headers that the vendor got."""
    upstream.script("keys", {})
    answer = httpx.get(gateway.url + path, headers=headers, trust_env=False)
    [entry] = upstream.journal("keys")
    assert answer.status_code in (200, 404)
    return entry.headers


@pytest.mark.parametrize("path", ["/forwards/x", "/anthropic/v1/x"])
def test_what_a_function_decided_on_stays_here(custom: Gateway, upstream: UpstreamControl, path: str) -> None:
    headers = received(custom, upstream, path, {"authorization": "Token tok-alice", "api-key": "k", "x-more": "1"})
    assert headers["x-more"] == "1"
    assert not {"authorization", "api-key"} & set(headers)
    headers = received(custom, upstream, path, {"x-my-key": "Bearer tok-bob", "authorization": "Bearer own"})
    assert "x-my-key" not in headers
    assert headers["authorization"] == "Bearer own"


def test_a_header_of_ones_own_is_the_only_one(upstream: UpstreamControl, tmp_path: Any) -> None:
    with served(upstream, tmp_path, master_key=KEY, litellm_key_header_name="X-My-Key") as gateway:

        def asked(path: str, **headers: str) -> int:
            named = {name.replace("_", "-"): text for name, text in headers.items()}
            return httpx.get(gateway.url + path, headers=named, trust_env=False).status_code

        assert asked("/v1/models", x_my_key=f"Bearer {KEY}") == 200
        assert asked("/v1/models", authorization=f"Bearer {KEY}") == 401
        assert asked("/v1/models", x_my_key=KEY) == 401
        assert asked(f"/gemini/v1beta/models?key={KEY}") == 401
        headers = received(gateway, upstream, "/gemini/v1beta/models", {"x-my-key": f"Bearer {KEY}"})
        assert KEY not in str(headers)


def test_a_header_that_came_twice_is_a_list(keyed: Gateway, upstream: UpstreamControl) -> None:
    given = [("authorization", f"Bearer {KEY}"), ("anthropic-beta", "one"), ("anthropic-beta", "two")]
    assert received(keyed, upstream, "/anthropic/v1/x", given)["anthropic-beta"] == "one, two"


def test_a_key_that_came_twice_is_refused(keyed: Gateway, upstream: UpstreamControl) -> None:
    upstream.script("keys", {})
    given = [("authorization", "Bearer other"), ("authorization", f"Bearer {KEY}")]
    answer = httpx.get(f"{keyed.url}/anthropic/v1/x", headers=given, trust_env=False)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "authorization"
    assert upstream.journal("keys") == []
