"""What clients do wrong is answered with a 4xx and the reference's words; never with a 5xx, a trace or a secret."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateways import AUTHORIZED, KEY, Gateway
from tests.proxy.api.refusals import CHAT, MESSAGES, error, post

pytestmark = pytest.mark.xdist_group("strict")
ENDPOINTS = {CHAT: "messages", "/v1/completions": "prompt", "/v1/embeddings": "input"}
names = st.text(max_size=5) | st.just("m")


@pytest.fixture(autouse=True)
def no_traces(strict: Gateway) -> Iterator[None]:
    before = len(strict.log())
    yield
    added = strict.log()[before:]
    assert "Traceback" not in added
    assert "sk-upstream-secret" not in added


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "why"),
        [
            (b"{model: 1}", "unexpected character, expected a string key: line 1 column 2 (char 1)"),
            (b'{"model": "m"', None),
            (b"not json", None),
            (b"[1, 2]", "a JSON object is expected"),
            (b'"text"', "a JSON object is expected"),
            (b"null", "a JSON object is expected"),
            (b"17", "a JSON object is expected"),
            (b"\xff\xfe\x00", None),
            (b'{"model": "m", "messages": [{"role": "user", "content": "\xff"}]}', None),
            (b'{"model": "\\ud800", "messages": []}', None),
            (
                b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
                "depth limit exceeded: line 1 column 1052 (char 1051)",
            ),
            (b'{"model": "m", "a": ' + b'{"a":' * 100_000, None),
        ],
    )
    def test_what_is_no_json_object(self, strict: Gateway, body: bytes, why: str | None) -> None:
        told = error(post(strict, body))
        assert (told["type"], told["param"]) == ("invalid_request_error", "request_body")
        assert told["message"].startswith("Invalid JSON payload: ")
        if why is not None:
            assert told["message"] == f"Invalid JSON payload: {why}"

    @pytest.mark.parametrize("path", ENDPOINTS)
    def test_an_empty_body_names_no_model(self, strict: Gateway, path: str) -> None:
        route = path.removeprefix("/v1")
        assert (
            f"'error': '{route}: Invalid model name passed in model=None." in error(post(strict, b"", path))["message"]
        )
        assert "model=None" in error(post(strict, b"{}", path))["message"]
        assert "model=None" in error(post(strict, b'{"model": null}', path))["message"]

    @pytest.mark.parametrize("model", [5, [], {}, True, 1.5, ["m"]])
    def test_a_model_that_is_no_text(self, strict: Gateway, model: Any) -> None:
        assert error(strict.chat(model))["param"] == "model"

    def test_an_unknown_model(self, strict: Gateway) -> None:
        assert error(strict.chat("nope")) == {
            "message": "{'error': '/chat/completions: Invalid model name passed in model=nope. "
            "Call `/v1/models` to view available models for your key.'}",
            "type": "None",
            "param": "None",
            "code": "400",
        }

    def test_an_unknown_model_where_any_could_have_been_served(self, gateway: Gateway) -> None:
        told = error(gateway.chat("nope"))
        assert told["message"].startswith("litellm.BadRequestError: You passed in model=nope. There are no healthy ")
        assert (told["type"], told["param"]) == (None, None)

    @pytest.mark.parametrize(("path", "field"), ENDPOINTS.items())
    def test_what_is_required(self, strict: Gateway, path: str, field: str) -> None:
        told = error(post(strict, b'{"model": "m"}', path))
        assert told["param"] == field

    @pytest.mark.parametrize("messages", ["text", 5, None, {}, ["text"], [None], [[]], [{"role": "user"}, 1]])
    def test_messages_that_are_no_list_of_objects(self, strict: Gateway, messages: Any) -> None:
        told = error(post(strict, json.dumps({"model": "m", "messages": messages}).encode()))
        assert told["message"].startswith("Invalid request format: ")
        assert told["type"] == "invalid_request_error"

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("timeout", "soon"),
            ("timeout", -1),
            ("timeout", 0),
            ("timeout", []),
            ("timeout", True),
            ("stream_timeout", "x"),
            ("num_retries", -1),
            ("num_retries", 1.5),
            ("num_retries", "many"),
            ("num_retries", 10**30),
            ("max_fallbacks", "x"),
            ("fallbacks", "m"),
            ("fallbacks", {"m": ["al"]}),
            ("context_window_fallbacks", 5),
            ("content_policy_fallbacks", "m"),
            ("extra_headers", "x: y"),
            ("extra_headers", {"x": 5}),
        ],
    )
    def test_options_of_the_wrong_type(self, strict: Gateway, name: str, value: Any) -> None:
        told = error(strict.chat("m", stream=name == "stream_timeout", **{name: value}))
        assert name in told["message"]

    @pytest.mark.parametrize("number", ["1e999", "-1e999", "1" * 5000, "0.0000001e-999"])
    @pytest.mark.parametrize("name", ["timeout", "num_retries", "temperature", "fallbacks", "extra_body", "model"])
    def test_numbers_that_no_computer_holds(self, strict: Gateway, name: str, number: str) -> None:
        body = f'{{"model": "m", "messages": [{{"role": "user", "content": "hi"}}], "{name}": {number}}}'
        assert post(strict, body.encode()).status_code < 500

    @pytest.mark.parametrize("depth", [100, 500, 900, 950, 980, 1000, 1500, 5000])
    @pytest.mark.parametrize("name", ["fallbacks", "extra_body", "metadata", "tools", "timeout", "stream", "messages"])
    def test_deep_values(self, strict: Gateway, name: str, depth: int) -> None:
        deep = "[" * depth + "]" * depth
        fields = {"model": '"m"', "messages": '[{"role": "user", "content": "hi"}]', name: deep}
        body = "{" + ",".join(f'"{key}": {value}' for key, value in fields.items()) + "}"
        assert post(strict, body.encode()).status_code < 500

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.dictionaries(
            st.sampled_from(
                ("model", "messages", "stream", "stream_options", "timeout", "fallbacks", "num_retries", "extra_headers",
                 "mock_response", "metadata", "tools", "n", "api_base", "extra_body", "max_fallbacks", "user", "cache")
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("m"),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
            ),
        ),
        st.booleans(),
    )  # fmt: skip
    def test_any_object(self, strict: Gateway, body: dict[str, Any], well_meant: bool) -> None:
        if well_meant:
            body = {"messages": MESSAGES, **body, "model": "m"}
        body.pop("mock_response", None) if body.get("mock_response") == "m" else None
        assert post(strict, json.dumps(body).encode()).status_code < 500

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=30), st.integers(0, 80))
    def test_any_bytes(self, strict: Gateway, noise: bytes, at: int) -> None:
        good = json.dumps({"model": "m", "messages": MESSAGES, "stream": True}).encode()
        assert post(strict, good[:at] + noise + good[at:]).status_code < 500


class TestSizes:
    def test_twenty_megabytes_are_accepted_and_arrive(self, strict: Gateway) -> None:
        text = "x" * 20_000_000
        assert strict.chat("m", text).status_code == 200

    @pytest.mark.parametrize("size", [60_000, 66_000, 100_000, 300_000, 1_000_001])
    def test_any_size_below_the_limit_is_accepted(self, strict: Gateway, size: int) -> None:
        for _ in range(3):
            assert strict.chat("m", "x" * size).status_code == 200

    def test_more_than_the_limit_is_413(self, strict: Gateway) -> None:
        told = error(post(strict, b'{"x": "' + b"x" * 25_000_001 + b'"}'), 413)
        assert "general_settings.max_request_size_mb" in told["message"]

    def test_a_chunked_body_over_the_limit_is_413(self, strict: Gateway) -> None:
        def pieces() -> Iterator[bytes]:
            for _ in range(27):
                yield b"x" * 1_000_000

        answer = strict.http.post(CHAT, content=pieces())
        assert error(answer, 413)["param"] == "request_body"

    def test_an_announced_size_of_ages_is_413(self, strict: Gateway) -> None:
        for announced in ("99999999999", "9" * 18):
            head = (
                f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\ncontent-length: {announced}\r\n\r\n"
            )
            assert raw(strict, head.encode()).startswith(b"HTTP/1.1 413 ")

    def test_a_chunked_body_is_accepted(self, strict: Gateway) -> None:
        body = json.dumps({"model": "m", "messages": MESSAGES}).encode()
        answer = strict.http.post(CHAT, content=iter([body[:10], body[10:]]))
        assert answer.status_code == 200

    def test_a_model_name_of_a_megabyte(self, strict: Gateway, gateway: Gateway) -> None:
        for one in (strict, gateway):
            assert one.chat("m" * 1_000_000).status_code == 400
            assert one.chat("any/" + "m" * 1_000_000).status_code == 400


class TestKeys:
    @pytest.mark.parametrize(
        "name",
        ["x-litellm-api-key", "authorization", "api-key", "x-api-key", "x-goog-api-key", "Ocp-Apim-Subscription-Key"],
    )
    def test_each_header(self, strict: Gateway, name: str) -> None:
        def ask(value: str) -> httpx.Response:
            return httpx.post(
                strict.url + CHAT, json={"model": "m", "messages": MESSAGES}, headers={name: value}, trust_env=False
            )

        assert ask(f"Bearer {KEY}").status_code == 200
        if name != "authorization":
            assert ask(KEY).status_code == 200
        for wrong in ("Bearer sk-wrong", f"Bearer {KEY}x", f"Bearer {KEY[:-1]}"):
            told = error(ask(wrong))
            assert (told["message"], told["type"], told["param"]) == ("No connected db.", "no_db_connection", None)
            assert KEY not in str(told)

    @pytest.mark.parametrize("path", [*ENDPOINTS, "/v1/models", "/health", "/v1/model/info"])
    def test_none(self, strict: Gateway, path: str) -> None:
        method = "POST" if path in ENDPOINTS else "GET"
        answer = httpx.request(method, strict.url + path, content=b"{}" if method == "POST" else None, trust_env=False)
        assert error(answer, 401) == {
            "message": "Authentication Error, No api key passed in.",
            "type": "auth_error",
            "param": "None",
            "code": "401",
        }
        assert not [name for name in answer.headers if name.startswith("x-litellm")]
        assert "www-authenticate" not in answer.headers

    @pytest.mark.parametrize("value", [KEY, f"Token {KEY}", "Bearer ", "Bearer", "", "\u00e9"])
    def test_a_malformed_one(self, strict: Gateway, value: str) -> None:
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {value}\r\ncontent-length: 0\r\n\r\n"
        answer = raw(strict, head.encode())
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"Malformed API Key passed in" in answer

    def test_a_better_header_wins(self, strict: Gateway) -> None:
        headers = {"x-litellm-api-key": "sk-wrong", **AUTHORIZED}
        assert error(httpx.post(strict.url + CHAT, headers=headers, trust_env=False))["type"] == "no_db_connection"

    def test_keys_are_checked_before_bodies_and_models(self, strict: Gateway) -> None:
        answer = httpx.post(strict.url + CHAT, content=b"{broken", trust_env=False)
        assert answer.status_code == 401


class TestRoutes:
    @pytest.mark.parametrize("path", ["/nope", "/v1", "/v1/chat", "/v1/chat/completions/x", "/v2/models", "/%00"])
    def test_unknown(self, strict: Gateway, path: str) -> None:
        for method in ("GET", "POST"):
            answer = strict.http.request(method, path)
            assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})

    @pytest.mark.parametrize("path", [*ENDPOINTS, "/chat/completions", "/embeddings"])
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
    def test_methods_of_model_endpoints(self, strict: Gateway, path: str, method: str) -> None:
        answer = strict.http.request(method, path)
        assert answer.status_code == 405
        if method != "HEAD":
            assert answer.json() == {"detail": "Method Not Allowed"}

    @pytest.mark.parametrize("path", ["/openai/deployments/m/chat/completions", "/engines/m/embeddings"])
    def test_methods_of_endpoints_whose_path_names_the_model(self, strict: Gateway, path: str) -> None:
        assert strict.http.get(path).status_code == 405

    @pytest.mark.parametrize("path", ["/v1/models", "/health/readiness", "/v1/model/info"])
    def test_methods_of_plain_routes(self, strict: Gateway, path: str) -> None:
        assert strict.http.post(path).status_code == 405

    def test_a_web_page_may_ask(self, strict: Gateway) -> None:
        headers = {"origin": "http://page.example", "access-control-request-method": "POST"}
        answer = strict.http.options(CHAT, headers={**headers, "access-control-request-headers": "authorization"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "http://page.example"


def raw(gateway: Gateway, sent: bytes, seconds: float = 5.0) -> bytes:
    """Everything that comes back until the connection ends, or until nothing comes for a while."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=seconds) as connection:
        connection.sendall(sent)
        received = b""
        connection.settimeout(0.5)
        try:
            while part := connection.recv(65536):
                received += part
        except TimeoutError:
            pass
    return received
