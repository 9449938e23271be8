"""D10: routes of the operator's own, and where they lead."""

import json
from typing import Any

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.configs import MASTER_KEY
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, status

pytestmark = contract("D10", config="D10/endpoints.yaml")

OWN_HEADERS = ["x-litellm-call-id", "x-litellm-model-api-base", "x-litellm-key-spend"]

#: The reference's HTTP client names a kind for bodies that are not there.
OF_THE_CLIENT = ["journal[0].headers.content-type"]


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": USER, **more}


def test_a_sub_path_is_appended(case: Case) -> None:
    case.script({"sub-path": [ok("hello").with_(headers={"x-up": "yes"})]})
    answer = case.post("/custom/api/resource/chat/completions?c=1", chat("sub-path"))
    case.assert_same_as_recorded(headers=[*OWN_HEADERS, "x-up", "x-request-id"])
    assert answer.status == 200
    assert answer.content == "hello"
    [call] = case.journal()
    assert (call.path, call.query) == ("/pt/v1/resource/chat/completions", {"c": "1"})
    assert call.headers["authorization"] == "Bearer sk-env-up"
    assert call.headers["x-static"] == "abc"
    assert call.headers["x-whole"] == "whole-up"
    assert call.body == chat("sub-path")


def test_path_and_target_are_enough(case: Case) -> None:
    """The specification's own example: the reference serves sub-paths only with include_subpath."""
    case.script({"plain-sub": [ok("hello")]})
    answer = case.post("/custom/plain/chat/completions", chat("plain-sub"))
    paths = case.journal().paths

    def as_recorded(answer: Exchange, paths: list[str]) -> None:
        assert answer.status == 404
        assert answer.json == {"detail": "Not Found"}

    def required(answer: Exchange, paths: list[str]) -> None:
        assert answer.status == 200
        assert paths == ["/plain/chat/completions"]

    case.deviates(answer, paths, as_recorded=as_recorded, required=required)


def test_no_sub_paths_where_none_are_wanted(case: Case) -> None:
    case.script({"exact-sub": []})
    answer = case.post("/custom/exact/chat/completions", chat("exact-sub"))
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert len(case.journal()) == 0


def test_an_exact_path(case: Case) -> None:
    case.script({"exact-path": [ok("hello")]})
    headers = {"x-pass-beta": "one", "x-other": "two"}
    answer = case.post("/custom/exact?x=1", chat("exact-path"), headers=headers)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == "/pt/exact/chat/completions"
    assert call.query == {"x": "1"}
    assert call.headers["beta"] == "one"
    assert "x-other" not in call.headers


def test_a_slash_at_the_end_adds_nothing(case: Case) -> None:
    case.script({"slash-end": [Reply(text="read")]})
    answer = case.post("/custom/api/", {"model": "slash-end"})
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.text == "read"
    assert case.journal().paths == ["/pt/v1"]


def test_a_path_that_is_public_on_purpose(case: Case) -> None:
    case.script({"open-door": [ok("hello")]})
    answer = case.post("/custom/open", chat("open-door"), key=None)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert len(case.journal()) == 1


def test_a_path_needs_a_key(case: Case) -> None:
    """In the reference every exact path is open to everybody, with the operator's credential."""
    case.script({"post-public": [ok("hello")]})
    answer = case.post("/custom/post", chat("post-public"), key=None)
    calls = len(case.journal())

    def as_recorded(answer: Exchange, calls: int) -> None:
        assert (answer.status, calls) == (200, 1)

    def required(answer: Exchange, calls: int) -> None:
        assert (answer.status, calls) == (401, 0)
        assert answer.json["error"]["message"] == "Authentication Error, No api key passed in."

    case.deviates(answer, calls, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("key", [None, "sk-wrong"])
def test_a_sub_path_needs_a_key(case: Case, key: str | None) -> None:
    case.script({"sub-keyless": []})
    answer = case.post("/custom/api/chat/completions", chat("sub-keyless"), key=key)
    case.assert_same_as_recorded()
    assert answer.status == (401 if key is None else 400)
    assert len(case.journal()) == 0


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_methods(case: Case, method: str) -> None:
    case.script({"method-echo": []})
    content = None if method == "GET" else b'{"given":[1]}'
    answer = case.request(method, "/custom/api/model/method-echo/echo?x=1&y=2", content=content)
    case.assert_same_as_recorded(headers=OWN_HEADERS, ignore=OF_THE_CLIENT if method == "GET" else [])
    assert answer.status == 200
    [call] = case.journal()
    assert (call.method, call.query) == (method, {"x": "1", "y": "2"})
    assert answer.body == (content or b"")


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "HEAD"])
def test_methods_that_are_not_configured(case: Case, method: str) -> None:
    case.script({"post-method": []})
    answer = case.request(method, "/custom/post")
    case.assert_same_as_recorded()
    assert answer.status == 405
    assert len(case.journal()) == 0


def test_each_method_may_have_its_target(case: Case) -> None:
    case.script({"split-read": [Reply(text="read")], "split-write": [Reply(text="written")]})
    read = case.get("/custom/split")
    written = case.post("/custom/split", {"a": 1})
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"], ignore=OF_THE_CLIENT)
    assert (read.text, written.text) == ("read", "written")
    assert case.journal().paths == ["/model/split-read/things", "/model/split-write/things"]


def test_headers_of_the_client_are_forwarded(case: Case) -> None:
    """The reference forwards the caller's key too."""
    case.script({"forward-some": [ok("hello")]})
    headers = {"x-api-key": MASTER_KEY, "x-static": "mine", "x-own": "yes", "accept-language": "fr"}
    case.post("/custom/forward", chat("forward-some"), headers={**headers, "x-pass-own": "prefixed"})
    [call] = case.journal()
    assert call.headers["x-static"] == "configured"
    assert call.headers["x-own"] == "yes"
    assert call.headers["accept-language"] == "fr"
    assert call.headers["own"] == "prefixed"

    def as_recorded(call: Any) -> None:
        assert MASTER_KEY in call.headers["authorization"]
        assert call.headers["x-api-key"] == MASTER_KEY

    def required(call: Any) -> None:
        assert MASTER_KEY not in str(call.headers)

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_cookies_of_the_client_stay_here(case: Case) -> None:
    """They are the gateway's: its dashboard's session is one."""
    case.script({"forward-cookie": [ok("hello")]})
    case.post("/custom/forward", chat("forward-cookie"), headers={"cookie": "token=of-the-dashboard"})
    [call] = case.journal()

    def as_recorded(call: Any) -> None:
        assert call.headers["cookie"] == "token=of-the-dashboard"

    def required(call: Any) -> None:
        assert "cookie" not in call.headers

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_headers_of_one_client_are_not_sent_for_another(case: Case) -> None:
    """The reference keeps them, and sends them ever after."""
    case.script({"leak-headers": [ok("hello")]})
    case.post("/custom/leak/chat/completions", chat("leak-headers"), headers={"x-pass-leaked": "secret-of-one"})
    case.post("/custom/leak/chat/completions", chat("leak-headers"))
    [first, second] = case.journal()
    assert first.headers["leaked"] == "secret-of-one"

    def as_recorded(second: Any) -> None:
        assert second.headers["leaked"] == "secret-of-one"

    def required(second: Any) -> None:
        assert "leaked" not in second.headers

    case.deviates(second, as_recorded=as_recorded, required=required)


def test_no_client_sets_a_configured_header(case: Case) -> None:
    case.script({"chosen-key": [ok("hello")]})
    case.post("/custom/chosen", chat("chosen-key"), headers={"x-pass-authorization": "Bearer chosen"})
    [call] = case.journal()

    def as_recorded(call: Any) -> None:
        assert "chosen" in call.headers["authorization"]

    def required(call: Any) -> None:
        assert call.headers["authorization"] == "Bearer sk-env-up"

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_keys_of_langfuse_become_one_header(case: Case) -> None:
    case.script({"langfuse-keys": [ok("hello")]})
    answer = case.post("/custom/langfuse", chat("langfuse-keys"))
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["authorization"] == "Basic cGstdXA6c2stZW52LXVw"


def test_fields_of_the_gateway_stay_here(case: Case) -> None:
    case.script({"internal-keys": [ok("hello")]})
    case.post("/custom/api/chat/completions", chat("internal-keys", metadata={"a": 1}, api_key="zz", temperature=1))
    case.assert_same_as_recorded()
    assert case.journal().bodies == [chat("internal-keys", temperature=1)]


def test_the_query_of_the_target_is_kept(case: Case) -> None:
    """In the reference it is lost."""
    case.script({"query-fixed": [Reply(text="read")]})
    case.get("/custom/fixed?x=1")
    [call] = case.journal()

    def as_recorded(call: Any) -> None:
        assert call.query == {"x": "1"}

    def required(call: Any) -> None:
        assert call.query == {"fixed": "1", "x": "1"}

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_queries_are_merged(case: Case) -> None:
    """Defaults, then the target's, then the client's. The reference sends the client's alone."""
    case.script({"query-all": [Reply(text="read")]})
    case.get("/custom/query?a=1&both=client")
    [call] = case.journal()

    def as_recorded(call: Any) -> None:
        assert call.query == {"a": "1", "both": "client"}

    def required(call: Any) -> None:
        assert call.query == {"default": "d", "base": "1", "both": "client", "a": "1"}

    case.deviates(call, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("code", [404, 418, 500])
def test_errors_are_quoted(case: Case, code: int) -> None:
    case.script({"error-quoted": [status(code, message="oops")]})
    answer = case.post("/custom/api/chat/completions", chat("error-quoted"))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == code
    assert json.loads(answer.json["error"]["message"])["error"]["message"] == "oops"
    assert answer.json["error"]["code"] == str(code)


def test_a_target_that_cannot_be_reached(case: Case) -> None:
    answer = case.post("/custom/away", {"a": 1})
    case.assert_same_as_recorded(headers=OWN_HEADERS, ignore=["body.error.message"])
    assert answer.status == 500
    assert answer.json["error"]["message"].startswith("Cannot connect to host 127.0.0.1:9")


def test_a_stream_is_relayed_as_it_is(case: Case) -> None:
    case.script({"stream-relayed": [Reply(events=["one", {"two": 2}, "[DONE]"])]})
    answer = case.post("/custom/api/chat/completions", chat("stream-relayed", stream=True))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.body == b'data: one\n\ndata: {"two":2}\n\ndata: [DONE]\n\n'


def test_an_upload(case: Case) -> None:
    """The reference takes JSON objects only."""
    case.script({"upload-echo": []})
    content = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\x00\xff\r\n--cut--\r\n'
    kind = "multipart/form-data; boundary=cut"
    answer = case.post("/custom/api/model/upload-echo/echo", content=content, headers={"content-type": kind})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.body == content
        assert answer.headers["content-type"] == kind

    case.deviates(answer, as_recorded=as_recorded, required=required)
