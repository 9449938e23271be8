"""What a virtual key may do at every kind of endpoint, through the whole gateway."""

import gzip
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("served")
    config = {
        "model_list": [deployment("mine", upstream.url), deployment("theirs", upstream.url)],
        "general_settings": {
            "master_key": KEY,
            "database_url": f"sqlite:///{folder}/keys.db",
            "pass_through_endpoints": [
                {"path": "/guarded", "target": f"{upstream.url}/v1/chat/completions", "auth": True},
            ],
        },
    }
    with running(folder, config) as started:
        yield started


def key(gateway: Gateway, **fields: Any) -> dict[str, str]:
    made = gateway.http.post("/key/generate", json=fields)
    assert made.status_code == 200
    return {"authorization": f"Bearer {made.json()['key']}"}


def error_type(answer: Any) -> str:
    return str(answer.json()["error"]["type"])


MESSAGES = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": MESSAGES}),
        ("/engines/theirs/chat/completions", {"messages": MESSAGES}),
        ("/v1/completions", {"prompt": "hi"}),
        ("/v1/embeddings", {"input": "hi"}),
        ("/v1/messages", {"messages": MESSAGES, "max_tokens": 5}),
        ("/v1/responses", {"input": "hi"}),
        ("/v1beta/models/theirs:generateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
        ("/v1beta/models/theirs:countTokens", {"contents": [{"parts": [{"text": "hi"}]}]}),
        ("/openai/chat/completions", {"messages": MESSAGES}),
        ("/anthropic/v1/messages", {"messages": MESSAGES}),
        ("/bedrock/model/theirs/invoke", {}),
        ("/azure/openai/deployments/theirs/chat/completions", {"messages": MESSAGES}),
        ("/azure/openai/deployments/theirs/chat/completions", {"messages": MESSAGES, "model": "mine"}),
        ("/azure/theirs/anything", {}),
    ],
)
def test_models_of_a_key_hold_everywhere(gateway: Gateway, path: str, body: dict[str, Any]) -> None:
    body = body if "theirs" in path else {**body, "model": "theirs"}
    answer = gateway.http.post(path, json=body, headers=key(gateway, models=["mine"]))
    assert answer.status_code == 401
    assert error_type(answer) == "key_model_access_denied"


def test_what_an_endpoint_needs_is_never_dropped(gateway: Gateway, upstream: UpstreamControl) -> None:
    upstream.script("undropped", {"mine": []})
    body = {"model": "mine", "messages": MESSAGES, "user": "me", "additional_drop_params": ["messages", "user"]}
    assert gateway.http.post("/v1/chat/completions", json=body).status_code == 200
    [call] = upstream.journal("undropped")
    assert call.body["messages"] == MESSAGES
    assert "user" not in call.body


def test_extra_fields_are_checked_as_others_are(gateway: Gateway) -> None:
    body = {"model": "mine", "messages": MESSAGES, "extra_body": {"messages": ["developer"]}}
    answer = gateway.http.post("/v1/chat/completions", json=body)
    assert (answer.status_code, error_type(answer)) == (400, "invalid_request_error")


def test_googles_clients_give_their_key_in_the_query(gateway: Gateway) -> None:
    secret = key(gateway, models=["mine"])["authorization"].removeprefix("Bearer ")
    path = f"/gemini/v1beta/models/theirs:generateContent?key={secret}"
    answer = httpx.post(gateway.url + path, json={"contents": []})
    assert (answer.status_code, error_type(answer)) == (401, "key_model_access_denied")


FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc\r\n'
    b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\n%s\r\n--x--\r\n'
)


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "multipart/form-data; boundary=x"}, FORM % b"theirs", 401),
        ({"content-type": "application/x-www-form-urlencoded"}, b"a=1&model=th%65irs", 401),
        ({"content-type": "text/plain"}, b'{"model": "theirs"}', 401),
        ({"content-type": "application/json", "content-encoding": "gzip"}, gzip.compress(b'{"model": "theirs"}'), 415),
    ],
    ids=["multipart", "urlencoded", "text", "gzip"],
)
def test_no_form_of_a_body_hides_its_model(
    gateway: Gateway, headers: dict[str, str], content: bytes, status: int
) -> None:
    narrow = key(gateway, models=["mine"])
    path = "/openai/v1/audio/transcriptions"
    assert gateway.http.post(path, content=content, headers={**narrow, **headers}).status_code == status
    free = gateway.http.post(path, content=content, headers={**key(gateway), **headers})
    assert "denied" not in free.text


def test_sessions_know_who_calls(gateway: Gateway) -> None:
    for fields, status in (({"models": ["mine"]}, 403), ({"allowed_routes": ["/v1/models"]}, 403)):
        url = gateway.url.replace("http", "ws") + "/v1/realtime?model=theirs"
        with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=key(gateway, **fields)):
            pass
        assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    "fields", [{"models": ["mine"]}, {"model_max_budget": {"mine": {"budget_limit": 1, "time_period": "1d"}}}], ids=str
)
def test_a_key_for_certain_models_opens_no_session_of_any_model(gateway: Gateway, fields: dict[str, Any]) -> None:
    url = gateway.url.replace("http", "ws") + "/vertex_ai/live?model=mine"
    with pytest.raises(InvalidStatus) as refused, connect(url, additional_headers=key(gateway, **fields)):
        pass
    assert refused.value.response.status_code == 403
    with connect(url, additional_headers=key(gateway)):
        pass


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/openai/chat/completions", "/v1/models"])
def test_a_budget_holds_everywhere(gateway: Gateway, path: str) -> None:
    headers = key(gateway, spend=2.0, max_budget=1.0)
    body = {"model": "gpt-4o", "messages": MESSAGES, "input": "hi"}
    answer = (
        gateway.http.get(path, headers=headers)
        if path == "/v1/models"
        else gateway.http.post(path, json=body, headers=headers)
    )
    assert (answer.status_code, error_type(answer)) == (400, "budget_exceeded")


def test_routes_of_a_key_hold_everywhere(gateway: Gateway) -> None:
    headers = key(gateway, allowed_routes=["/v1/embeddings"])
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/openai/chat/completions"):
        answer = gateway.http.post(path, json={"model": "mine", "messages": MESSAGES, "input": "hi"}, headers=headers)
        assert answer.status_code == 403
        assert f"Tried to call route: {path}" in answer.json()["detail"]
    for path in ("/v1/models", "/model/info", "/v1/responses/resp_1"):
        assert gateway.http.get(path, headers=headers).status_code == 403


def test_configured_pass_through_is_granted(gateway: Gateway) -> None:
    body = {"model": "mine", "messages": MESSAGES}
    refused = gateway.http.post("/guarded", json=body, headers=key(gateway))
    assert (refused.status_code, error_type(refused)) == (401, "auth_error")
    granted = key(gateway, metadata={"allowed_passthrough_routes": ["/guarded"]})
    assert gateway.http.post("/guarded", json=body, headers=granted).status_code == 200
    listed = key(gateway, allowed_routes=["/guarded"])
    assert gateway.http.post("/guarded", json=body, headers=listed).status_code == 200
    assert gateway.http.post("/guarded", json=body).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models", 200),
        ("GET", "/model/info", 200),
        ("GET", "/model_group/info", 200),
        ("GET", "/fallback/mine", 401),
        ("DELETE", "/fallback/mine", 401),
        ("POST", "/fallback", 401),
        ("GET", "/config/pass_through_endpoint", 401),
        ("POST", "/config/pass_through_endpoint", 401),
    ],
)
def test_plain_routes_know_who_calls(gateway: Gateway, method: str, path: str, status: int) -> None:
    answer = gateway.http.request(
        method, path, headers=key(gateway, models=["mine"]), json={} if method == "POST" else None
    )
    assert answer.status_code == status
    assert "theirs" not in answer.text


@pytest.mark.parametrize(
    "value",
    [
        b"Bearer sk-' OR 1=1; --",
        b"Bearer sk-\xff\xfe\x80",
        b"Bearer sk-" + b"x" * 8000,
        b"Bearer " + b"a.b.c",
        b"Basic \xff",
        b"\xc3\xa9",
    ],
)
def test_odd_headers_are_the_clients_mistake(gateway: Gateway, value: bytes) -> None:
    for path in ("/v1/chat/completions", "/key/generate"):
        answer = gateway.http.post(path, json={"model": "mine", "messages": MESSAGES}, headers={"authorization": value})
        assert 400 <= answer.status_code < 500


def test_a_huge_header_is_the_clients_mistake(gateway: Gateway) -> None:
    answer = gateway.http.post(
        "/v1/chat/completions", json={}, headers={"authorization": b"Bearer sk-" + b"x" * 1_000_000}
    )
    assert 400 <= answer.status_code < 500
