"""Which headers go along."""

import pytest

from proxy.auth.keys import key_headers
from proxy.passthrough.headers import downward, upward

GIVEN = {
    b"host": b"gateway",
    b"authorization": b"Bearer sk-gateway",
    b"x-litellm-api-key": b"sk-gateway",
    b"content-type": b"application/json",
    b"content-length": b"9",
    b"connection": b"keep-alive, x-hop",
    b"x-hop": b"1",
    b"te": b"trailers",
    b"x-own": b"yes",
    b"x-pass-beta": b"one",
    b"x-pass-host": b"evil.test",
    b"x-pass-": b"nothing",
    b"x-litellm-tags": b"a",
}


def _sent(own: dict[str, str], forwarded: frozenset[str] | None = frozenset()) -> dict[str, str]:
    headers = upward(GIVEN, own, forwarded=forwarded, kept_back=key_headers(GIVEN, GIVEN))
    assert len({name.lower() for name, _ in headers}) == len(headers)
    return dict(headers)


def test_only_what_the_body_needs_goes_along() -> None:
    assert _sent({"X-Key": "k"}) == {"X-Key": "k", "content-type": "application/json", "beta": "one"}


def test_all_go_along_but_those_of_the_connection_and_the_gateway() -> None:
    assert _sent({}, None) == {"content-type": "application/json", "x-own": "yes", "beta": "one"}


@pytest.mark.parametrize("name", ["X-Own", "BETA", "content-TYPE"])
def test_configured_headers_win_however_they_are_written(name: str) -> None:
    assert {key.lower(): value for key, value in _sent({name: "mine"}, None).items()}[name.lower()] == "mine"


def test_the_configured_headers_are_not_touched() -> None:
    own = {"Authorization": "Bearer vendor"}
    headers = upward({b"x-pass-authorization": b"Bearer mine", b"x-pass-more": b"1"}, own, forwarded=None, kept_back=())
    assert dict(headers) == {"Authorization": "Bearer vendor", "more": "1"}
    assert own == {"Authorization": "Bearer vendor"}


def test_the_key_is_found_wherever_it_stands() -> None:
    given = {b"x-api-key": b"sk-1", b"authorization": b"Bearer sk-1", b"api-key": b"another"}
    assert key_headers(given, given) == {b"authorization", b"x-api-key", b"x-litellm-api-key"}


def test_another_credential_is_the_clients_own() -> None:
    given = {b"x-litellm-api-key": b"sk-1", b"authorization": b"Bearer of-the-vendor"}
    assert key_headers(given, given) == {b"x-litellm-api-key"}


def test_what_comes_back() -> None:
    headers = [
        ("content-type", "text/plain"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("content-length", "4"),
        ("date", "now"),
        ("server", "vendor"),
        ("x-litellm-call-id", "of another gateway"),
        ("access-control-allow-origin", "https://vendor.test"),
    ]
    assert downward(headers) == [
        (b"content-type", b"text/plain"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
        (b"server", b"vendor"),
    ]
