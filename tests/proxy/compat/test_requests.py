import asyncio

import pytest

from proxy.compat.requests import Request

SCOPE = {
    "type": "http",
    "method": "POST",
    "scheme": "http",
    "path": "/v1/chat/completions",
    "query_string": b"a=1&a=2&b=",
    "headers": [(b"host", b"gate:4000"), (b"X-Tag", b"one"), (b"x-tag", b"two"), (b"cookie", b"s=1; t=2")],
    "client": ("10.0.0.1", 5555),
}


def test_the_parts_that_auth_functions_read() -> None:
    request = Request(SCOPE)
    assert request.method == "POST"
    assert str(request.url) == "http://gate:4000/v1/chat/completions?a=1&a=2&b="
    assert (request.url.path, request.url.hostname, request.url.port) == ("/v1/chat/completions", "gate", 4000)
    assert str(request.base_url) == "http://gate:4000/"
    assert request.client
    assert (request.client.host, request.client.port) == ("10.0.0.1", 5555)
    assert request.cookies == {"s": "1", "t": "2"}
    request.state.user = "u"
    assert request.state.user == "u"


def test_headers_ignore_case() -> None:
    headers = Request(SCOPE).headers
    assert headers["X-TAG"] == headers.get("x-tag") == "one"
    assert headers.getlist("X-Tag") == ["one", "two"]
    assert dict(headers) == {"host": "gate:4000", "x-tag": "one", "cookie": "s=1; t=2"}
    assert "HOST" in headers
    assert headers.get("absent") is None
    with pytest.raises(KeyError):
        headers["absent"]


def test_the_query() -> None:
    query = Request(SCOPE).query_params
    assert dict(query) == {"a": "2", "b": ""}
    assert query.getlist("a") == ["1", "2"]
    assert query.multi_items() == [("a", "1"), ("a", "2"), ("b", "")]


def test_the_body_is_read_once() -> None:
    reads = []

    async def read() -> bytes:
        reads.append(1)
        return b'{"model": "m"}'

    async def twice(request: Request) -> list[object]:
        return [await request.json(), await request.body(), await request.json()]

    assert asyncio.run(twice(Request(SCOPE, read))) == [{"model": "m"}, b'{"model": "m"}', {"model": "m"}]
    assert len(reads) == 1


def test_a_body_that_is_no_json() -> None:
    with pytest.raises(ValueError, match="truncated"):
        asyncio.run(Request(SCOPE, b"{").json())


def test_a_bare_scope_is_enough() -> None:
    request = Request({"type": "http"})
    assert request.client is None
    assert str(request.url) == "http://localhost/"
    assert len(request.headers) == 0
