"""A user's own auth file, as such files are written for the reference, served unmodified."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import Gateway, deployment, eventually, running
from tests.wire import Connection, chat_body

pytestmark = pytest.mark.xdist_group("custom-auth")

AUTH = '''
    import json
    import os
    import time

    from fastapi import HTTPException, Request
    from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth

    USERS = {"sk-ann": "ann", "sk-bob": "bob"}


    async def user_api_key_auth(request: Request, api_key: str) -> UserAPIKeyAuth:
        """Knows two users; bob may not stream."""
        if api_key == "sk-http":
            raise HTTPException(status_code=403, detail="not today")
        if api_key == "sk-proxy":
            raise ProxyException(message="pay first", type="budget", param="key", code=402)
        if api_key == "sk-crash":
            raise KeyError("nobody")
        if api_key == "sk-nothing":
            return None
        if api_key not in USERS:
            raise Exception(f"who is that? {request.method} {request.url.path}")
        body = await request.json() if request.method == "POST" else {}
        if USERS[api_key] == "bob" and body.get("stream"):
            raise Exception("bob may not stream")
        return UserAPIKeyAuth(
            api_key=api_key,
            user_id=USERS[api_key],
            user_role=LitellmUserRoles.PROXY_ADMIN,
            metadata={"agent": request.headers.get("user-agent")},
        )


    def plain(request, api_key):
        time.sleep(0.3)
        return UserAPIKeyAuth(api_key=api_key, user_id="plain")
'''


@pytest.fixture(scope="module", params=["user_api_key_auth", "plain"])
def guarded(
    request: pytest.FixtureRequest, upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "my_auth.py").write_text(dedent(AUTH), encoding="utf-8")
    config = {
        "model_list": [deployment("any/*", upstream.url, model="*")],
        "router_settings": {"num_retries": 0},
        "general_settings": {"custom_auth": f"my_auth.{request.param}", "max_request_size_mb": 1},
    }
    with running(folder, config) as gateway:
        yield gateway


only = pytest.mark.parametrize("guarded", ["user_api_key_auth"], indirect=True)


def ask(gateway: Gateway, key: str | None, model: str, **fields: object) -> httpx.Response:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    body = chat_body(model, **fields)
    return httpx.post(f"{gateway.url}/v1/chat/completions", content=body, headers=headers, trust_env=False)


@only
def test_who_is_known_may_call(guarded: Gateway, vendor: Vendor) -> None:
    for key in ("sk-ann", "sk-bob"):
        assert ask(guarded, key, vendor.name, user="x" * 100_000).status_code == 200
    assert ask(guarded, "sk-ann", vendor.name, stream=True).text.endswith("data: [DONE]\n\n")
    assert vendor.received[0].body["user"] == "x" * 100_000
    models = httpx.get(f"{guarded.url}/v1/models", headers={"authorization": "Bearer sk-ann"}, trust_env=False)
    assert models.status_code == 200


@only
@pytest.mark.parametrize(
    ("key", "status", "message"),
    [
        ("sk-eve", 401, "Authentication Error, who is that? POST /v1/chat/completions"),
        ("sk-crash", 401, "Authentication Error, 'nobody'"),
        ("sk-http", 403, "not today"),
        ("sk-proxy", 402, "pay first"),
    ],
)
def test_who_is_refused_hears_why(guarded: Gateway, vendor: Vendor, key: str, status: int, message: str) -> None:
    answer = ask(guarded, key, vendor.name)
    assert (answer.status_code, answer.json()["error"]["message"]) == (status, message)
    assert vendor.calls == 0


@only
def test_the_body_decides_too(guarded: Gateway, vendor: Vendor) -> None:
    answer = ask(guarded, "sk-bob", vendor.name, stream=True)
    assert answer.status_code == 401
    assert "bob may not stream" in answer.text


@only
@pytest.mark.parametrize("key", ["sk-nothing", None])
def test_no_answer_is_no(guarded: Gateway, vendor: Vendor, key: str | None) -> None:
    assert ask(guarded, key, vendor.name).status_code == 401


@only
@pytest.mark.parametrize("body", [b"{broken", b"", b"[1]", b"\xff"])
def test_broken_bodies_are_no_5xx(guarded: Gateway, body: bytes) -> None:
    answer = httpx.post(
        f"{guarded.url}/v1/chat/completions", content=body, headers={"authorization": "Bearer sk-ann"}, trust_env=False
    )
    assert 400 <= answer.status_code < 500


@only
def test_a_body_over_the_limit_is_413(guarded: Gateway, vendor: Vendor) -> None:
    assert ask(guarded, "sk-ann", vendor.name, user="x" * 1_100_000).status_code == 413


@only
def test_a_client_that_leaves_while_its_body_is_read(guarded: Gateway, vendor: Vendor) -> None:
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-ann\r\ncontent-length: 500\r\n\r\n{"
    )
    with Connection(guarded).send(head):
        pass
    assert eventually(lambda: ask(guarded, "sk-ann", vendor.name).status_code == 200)
    assert "Traceback" not in guarded.log()


@pytest.mark.parametrize("guarded", ["plain"], indirect=True)
def test_a_plain_function_blocks_nobody_else(guarded: Gateway, vendor: Vendor) -> None:
    with Connection(guarded) as one:
        one.send(chat_request(vendor.name))
        assert httpx.get(f"{guarded.url}/health/liveliness", trust_env=False).elapsed.total_seconds() < 0.25
        assert b"HTTP/1.1 200" in one.read_until(b"}}")


def chat_request(model: str) -> bytes:
    body = chat_body(model)
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-any\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def test_the_master_keys_own_door(upstream: UpstreamControl, vendor: Vendor, tmp_path: Path) -> None:
    """A text as the function's answer is a key to go on with."""
    (tmp_path / "swap.py").write_text("async def auth(request, api_key):\n    return api_key.removeprefix('x-')\n")
    config = {
        "model_list": [deployment("any/*", upstream.url, model="*")],
        "general_settings": {"custom_auth": "swap.auth", "master_key": "sk-master"},
    }
    with running(tmp_path, config) as gateway:
        assert ask(gateway, "x-sk-master", vendor.name).status_code == 200
        assert ask(gateway, "x-sk-other", vendor.name).json()["error"]["type"] == "no_db_connection"
