"""Requests that are wrong: never a server error, never a word about the gateway's insides."""

from typing import Any

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/calls.yaml")

CHAT = "/v1/chat/completions"
PATHS = {"chat": CHAT, "completions": "/v1/completions", "embeddings": "/v1/embeddings"}


def _is_the_clients_mistake(answer: Exchange) -> None:
    assert answer.status == 400
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    assert answer.json["error"]["code"] == "400"
    assert "Traceback" not in answer.text


def _is_a_server_error(answer: Exchange) -> None:
    assert answer.status == 500


@pytest.mark.parametrize("endpoint", PATHS)
def test_an_unknown_model(case: Case, endpoint: str) -> None:
    answer = case.post(PATHS[endpoint], {"model": "no-such-model", "messages": USER, "prompt": "a", "input": "a"})
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert answer.status == 400
    assert "Invalid model name passed in model=no-such-model" in answer.json["error"]["message"]


@pytest.mark.parametrize("endpoint", PATHS)
def test_no_model(case: Case, endpoint: str) -> None:
    answer = case.post(PATHS[endpoint], {"messages": USER, "prompt": "a", "input": "a"})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "model=None" in answer.json["error"]["message"]


BROKEN = {
    "truncated": b'{"model": "sent-chat", "messages": [',
    "no-quotes": b"{model: sent-chat}",
    "trailing-comma": b'{"model": "sent-chat",}',
    "words": b"hello",
    "two-objects": b'{"model": "sent-chat"} {"model": "sent-chat"}',
    "blank": b"   ",
    "single-quotes": b"{'model': 'sent-chat'}",
    "control-character": b'{"model": "sent\x01chat"}',
}


@pytest.mark.parametrize("body", BROKEN)
def test_broken_json(case: Case, body: str) -> None:
    answer = case.request("POST", CHAT, content=BROKEN[body])
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert answer.json["error"]["message"].startswith("Invalid JSON payload: ")


def test_an_empty_body(case: Case) -> None:
    answer = case.request("POST", CHAT, content=b"", headers={"content-type": "application/json"})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "model=None" in answer.json["error"]["message"]


@pytest.mark.parametrize("body", [b"[]", b'[{"model": "sent-chat"}]', b'"text"', b"17"])
def test_json_that_is_no_object(case: Case, body: bytes) -> None:
    answer = case.request("POST", CHAT, content=body)
    case.deviates(answer, as_recorded=_is_a_server_error, required=_is_the_clients_mistake)


@pytest.mark.parametrize("endpoint", PATHS)
def test_a_required_field_is_missing(case: Case, endpoint: str) -> None:
    answer = case.post(PATHS[endpoint], {"model": "sent-chat"})
    case.deviates(answer, as_recorded=_is_a_server_error, required=_is_the_clients_mistake)


def test_messages_that_are_texts(case: Case) -> None:
    answer = case.post(CHAT, {"model": "sent-chat", "messages": ["hello"]})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 400
    assert answer.json["error"]["message"].startswith("Invalid request format: ")


def test_messages_that_are_a_text(case: Case) -> None:
    answer = case.post(CHAT, {"model": "sent-chat", "messages": "hello"})
    case.assert_same_as_recorded(ignore=["body.error.message", "body.error.param"])
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert answer.json["error"]["message"].startswith("Invalid request format: ")


WRONG_TYPES: dict[str, dict[str, Any]] = {
    "model-number": {"model": 17},
    "model-list": {"model": ["sent-chat"]},
    "model-object": {"model": {"name": "sent-chat"}},
    "messages-null": {"messages": None},
    "messages-number": {"messages": 17},
    "timeout-text": {"timeout": "soon"},
    "timeout-list": {"timeout": [1]},
}


@pytest.mark.parametrize("field", WRONG_TYPES)
def test_a_field_of_the_wrong_type_is_no_server_error(case: Case, field: str) -> None:
    case.script({"upstream-sent": []})
    answer = case.post(CHAT, {"model": "sent-chat", "messages": USER, **WRONG_TYPES[field]})
    case.deviates(answer, as_recorded=_is_a_server_error, required=_is_the_clients_mistake)


@pytest.mark.parametrize(
    "option", [{"num_retries": "often"}, {"fallbacks": "error-chat"}], ids=["retries", "fallbacks"]
)
def test_an_option_that_cannot_be_used_is_refused(case: Case, option: dict[str, Any]) -> None:
    case.script({"upstream-sent": []})
    answer = case.post(CHAT, {"model": "sent-chat", "messages": USER, **option})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    case.deviates(answer, as_recorded=as_recorded, required=_is_the_clients_mistake)


@pytest.mark.parametrize("messages", [[], [{"role": "user"}], [{"role": "nobody", "content": "hello"}]])
def test_odd_messages_are_the_vendors_business(case: Case, messages: list[Any]) -> None:
    case.script({"upstream-sent": []})
    answer = case.post(CHAT, {"model": "sent-chat", "messages": messages})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"] == messages


def test_bytes_that_are_no_utf8(case: Case) -> None:
    answer = case.request("POST", CHAT, content=b'{"model": "sent-chat", "messages": "\xff\xfe"}')
    assert answer.status == 400
    assert answer.json["error"]["code"] == "400"


def _nested(depth: int) -> bytes:
    return b'{"model": "no-such-model", "metadata": ' + b"[" * depth + b"]" * depth + b"}"


def test_deep_nesting(case: Case) -> None:
    answer = case.request("POST", CHAT, content=_nested(200))
    case.deviates(answer, as_recorded=_is_a_server_error, required=_is_the_clients_mistake)


def test_nesting_without_end(case: Case) -> None:
    answer = case.request("POST", CHAT, content=_nested(20_000))
    _is_the_clients_mistake(answer)


def test_a_large_body_passes(case: Case) -> None:
    case.script({"upstream-sent": []})
    text = "many words " * 20_000
    answer = case.chat("sent-chat", messages=[{"role": "user", "content": text}])
    assert answer.status == 200
    assert case.journal().bodies[0]["messages"][0]["content"] == text


@contract("core", config="core/calls.yaml", provenance="documented")
def test_a_body_of_20_megabytes_is_no_server_error(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.request("POST", CHAT, content=b'{"model": "no-such-model", "x": "' + b"a" * 20_000_000 + b'"}')
    assert answer.status in (400, 413)
    assert "error" in answer.json
    assert len(case.journal()) == 0


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/chat/completions", "/chat", "/v1/chat/completions/more"])
def test_an_unknown_route(case: Case, path: str) -> None:
    answer = case.post(path, {"model": "sent-chat", "messages": USER})
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_wrong_method(case: Case, method: str) -> None:
    answer = case.request(method, CHAT)
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (405, {"detail": "Method Not Allowed"})


def test_a_browser_of_any_origin_may_call(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", options={"headers": {"origin": "https://page.test"}})
    case.assert_same_as_recorded(headers=["access-control-allow-credentials"])
    assert answer.headers["access-control-allow-origin"] in ("*", "https://page.test")


def test_a_browser_may_ask_first(case: Case) -> None:
    asked = {
        "origin": "https://page.test",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    answer = case.request("OPTIONS", CHAT, key=None, headers=asked)
    case.assert_same_as_recorded(
        headers=["access-control-allow-headers", "access-control-allow-methods", "access-control-max-age"]
    )
    assert answer.status == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


@pytest.mark.parametrize(
    "fields",
    [
        {"api_base": "http://upstream.test/case/elsewhere/v1"},
        {"base_url": "http://upstream.test/case/elsewhere/v1"},
        {"api_key": "sk-client"},
        {"api_base": "http://upstream.test/v1", "api_key": "sk-client"},
    ],
    ids=["api_base", "base_url", "api_key", "both"],
)
def test_a_client_chooses_no_host_and_no_credential(case: Case, fields: dict[str, str]) -> None:
    case.script({"upstream-chosen": []})
    answer = case.chat("chosen-chat", **fields)
    journal = case.journal()

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == (200 if "api_key" in fields else 401)

    def required(answer: Exchange) -> None:
        _is_the_clients_mistake(answer)
        assert answer.json["error"]["param"] in fields
        assert len(journal) == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_header_value_cannot_add_headers(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", extra_headers={"x-tenant": "blue\r\nx-injected: yes"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    case.deviates(answer, as_recorded=as_recorded, required=_is_the_clients_mistake)
