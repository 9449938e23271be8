"""A1: bodies and queries go along as they are; errors, and how much of a vendor's answer they are."""

import json
from typing import Any

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.configs import MASTER_KEY
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, html, ok, status

pytestmark = contract("A1", config="A1/vendors.yaml")

OWN_HEADERS = ["x-litellm-call-id", "x-litellm-model-api-base", "x-litellm-key-spend"]
ECHO = "/mistral/v1/model/{}/echo"
MULTIPART = (
    b'--cut\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
    b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\x00\xff\x10 \r\n--cut--\r\n"
)


def chat(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": USER, **more}


def test_fields_of_the_gateway_stay_here(case: Case) -> None:
    case.script({"fields-pass": []})
    answer = case.post(
        "/mistral/v1/chat/completions",
        {
            "tags": ["a"],
            **chat("fields-pass", api_key="sk-own", num_retries=3, temperature=1, litellm_metadata={"a": 1}),
        },
    )
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().bodies == [chat("fields-pass", temperature=1)]


def test_metadata_are_the_vendors(case: Case) -> None:
    """OpenAI and Anthropic know them too: without them a user's own data would be lost without a word."""
    case.script({"metadata-pass": []})
    case.post("/mistral/v1/chat/completions", chat("metadata-pass", metadata={"user_id": "one"}))
    [body] = case.journal().bodies

    def as_recorded(body: Any) -> None:
        assert "metadata" not in body

    def required(body: Any) -> None:
        assert body["metadata"] == {"user_id": "one"}

    case.deviates(body, as_recorded=as_recorded, required=required)


def test_the_very_bytes(case: Case) -> None:
    """The reference writes JSON anew."""
    case.script({"bytes-pass": []})
    sent = b'{ "b":1.0, "a" : "\\u00e9",\n "big": 12345678901234567890 }'
    answer = case.request("POST", ECHO.format("bytes-pass"), content=sent)
    assert answer.status == 200
    assert case.journal().bodies == [json.loads(sent)]

    def as_recorded(answer: Exchange) -> None:
        assert answer.body != sent
        assert answer.json == json.loads(sent)

    def required(answer: Exchange) -> None:
        assert answer.body == sent

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    ("kind", "content", "refused"),
    [
        ("application/octet-stream", b"\x00\xff\xfe", 500),
        ("text/plain", b"plain", 400),
        ("application/x-www-form-urlencoded", b"a=1&b=2", 500),
        ("multipart/form-data; boundary=cut", MULTIPART, 500),
        ("application/json", b"[1, 2]", 500),
        ("application/json", b'{"broken', 400),
    ],
    ids=["binary", "text", "form", "multipart", "list", "broken"],
)
def test_bodies_that_are_no_json_object(case: Case, kind: str, content: bytes, refused: int) -> None:
    """The reference refuses them; uploads and lists are a vendor's business like every other body."""
    case.script({"other-pass": []})
    answer = case.request("POST", ECHO.format("other-pass"), content=content, headers={"content-type": kind})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == refused

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.body == content
        assert answer.headers["content-type"] == kind

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_no_body_is_none(case: Case, method: str) -> None:
    """The reference sends an empty object, or fails."""
    case.script({"empty-pass": []})
    answer = case.request(method, ECHO.format("empty-pass"))

    def as_recorded(answer: Exchange) -> None:
        assert answer.body == (b"Internal Server Error" if method == "POST" else b"{}")

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.body == b""

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_name_that_is_given_twice(case: Case) -> None:
    """The reference keeps the last."""
    case.script({"twice-pass": []})
    case.get(ECHO.format("twice-pass") + "?a=1&a=2&b=")
    [call] = case.journal()

    def as_recorded(call: Any) -> None:
        assert call.query["a"] == "2"

    def required(call: Any) -> None:
        assert call.query == {"a": ["1", "2"], "b": ""}

    case.deviates(call, as_recorded=as_recorded, required=required)


def test_what_is_encoded_stays_encoded(case: Case) -> None:
    case.script({"encoded-pass": []})
    answer = case.get("/mistral/v1/model/encoded-pass/a%20b/echo")
    case.assert_same_as_recorded(headers=["x-litellm-model-api-base"], ignore=["journal[0].headers.content-type"])
    assert answer.status == 200
    assert case.journal().paths == ["/v1/model/encoded-pass/a%20b/echo"]


def test_an_encoded_slash(case: Case) -> None:
    """In the reference it parts segments: another resource is called than the one that was named."""
    case.script({"slash-pass": []})
    case.get("/mistral/v1/model/slash-pass/a%2Fb/echo")
    [path] = case.journal().paths

    def as_recorded(path: str) -> None:
        assert path == "/v1/model/slash-pass/a/b/echo"

    def required(path: str) -> None:
        assert path == "/v1/model/slash-pass/a%2Fb/echo"

    case.deviates(path, as_recorded=as_recorded, required=required)


def test_headers_with_a_prefix(case: Case) -> None:
    case.script({"prefix-pass": []})
    headers = {"x-pass-beta": "one", "x-other": "two"}
    case.post("/mistral/v1/chat/completions", chat("prefix-pass"), headers=headers)
    case.assert_same_as_recorded()
    [call] = case.journal()
    assert call.headers["beta"] == "one"
    assert "x-other" not in call.headers
    assert "x-pass-beta" not in call.headers


def test_no_client_sets_the_vendors_key(case: Case) -> None:
    """In the reference a client's header takes the place of the vendor's key."""
    case.script({"prefix-key": []})
    headers = {"x-pass-Authorization": "Bearer chosen"}
    case.post("/mistral/v1/chat/completions", chat("prefix-key"), headers=headers)
    [call] = case.journal()

    def as_recorded(call: Any) -> None:
        assert "chosen" in call.headers["authorization"]

    def required(call: Any) -> None:
        assert call.headers["authorization"] == "Bearer mi-up"

    case.deviates(call, as_recorded=as_recorded, required=required)


@contract("A1", config="A1/cookies.yaml")
def test_cookies_of_vendors_are_not_kept(case: Case) -> None:
    """The reference has one jar for all clients."""
    case.script({"cookie-pass": [ok().with_(headers={"set-cookie": "session=of-another; Path=/"})]})
    first = case.post("/mistral/v1/chat/completions", chat("cookie-pass"))
    assert first.headers["set-cookie"].startswith("session=of-another")
    case.post("/cohere/v1/chat/completions", chat("cookie-pass"))
    [_, call] = case.journal()

    def as_recorded(call: Any) -> None:
        assert "session=of-another" in call.headers["cookie"]

    def required(call: Any) -> None:
        assert "cookie" not in call.headers

    case.deviates(call, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500, 503])
def test_errors_are_quoted(case: Case, code: int) -> None:
    case.script({"error-pass": [status(code)]})
    answer = case.post("/mistral/v1/chat/completions", chat("error-pass"))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == code
    error = answer.json["error"]
    assert error["code"] == str(code)
    assert json.loads(error["message"])["error"]["message"] == f"upstream says {code}"
    assert answer.headers["x-litellm-model-api-base"] == "http://upstream.test/v1/chat/completions"
    assert len(case.journal()) == 1


def test_a_page_is_quoted(case: Case) -> None:
    case.script({"page-pass": [html()]})
    answer = case.post("/mistral/v1/chat/completions", chat("page-pass"))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 502
    assert answer.json["error"]["message"].startswith("<html>")


def test_a_page_with_200_is_the_vendors_answer(case: Case) -> None:
    case.script({"page-good": [html(200)]})
    answer = case.post("/mistral/v1/chat/completions", chat("page-good"))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<html>")


def test_an_error_of_a_stream(case: Case) -> None:
    """The reference quotes it as Python would write it."""
    case.script({"error-stream": [status(429)]})
    answer = case.post("/mistral/v1/chat/completions", chat("error-stream", stream=True))
    assert answer.status == 429

    def as_recorded(answer: Exchange) -> None:
        assert answer.json["error"]["message"].startswith("b'{")

    def required(answer: Exchange) -> None:
        assert json.loads(answer.json["error"]["message"])["error"]["message"] == "upstream says 429"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_redirect_is_not_followed(case: Case) -> None:
    """The reference goes wherever it is sent, and takes the vendor's key along."""
    moved = {"location": "http://upstream.test/v1/model/moved-to/echo"}
    case.script({"moved-from": [Reply(status=307, text="gone", headers=moved)], "moved-to": []})
    answer = case.get(ECHO.format("moved-from"))
    paths = case.journal().paths

    def as_recorded(answer: Exchange, paths: list[str]) -> None:
        assert answer.status == 200
        assert len(paths) == 2

    def required(answer: Exchange, paths: list[str]) -> None:
        assert answer.status == 307
        assert answer.json["error"]["message"] == "gone"
        assert len(paths) == 1

    case.deviates(answer, paths, as_recorded=as_recorded, required=required)


def test_a_stream_is_relayed_as_it_is(case: Case) -> None:
    events = ["one", {"two": 2}, "[DONE]"]
    case.script({"stream-pass": [Reply(events=events)]})
    answer = case.post("/mistral/v1/chat/completions", chat("stream-pass", stream=True))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.body == b'data: one\n\ndata: {"two":2}\n\ndata: [DONE]\n\n'


def test_a_stream_that_nobody_asked_for(case: Case) -> None:
    case.script({"stream-unasked": [Reply(events=["one", "[DONE]"])]})
    answer = case.post("/mistral/v1/chat/completions", chat("stream-unasked"))
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert answer.body == b"data: one\n\ndata: [DONE]\n\n"


def test_a_compressed_answer(case: Case) -> None:
    case.script({"gzip-pass": [ok("hello").with_(gzip=True)]})
    answer = case.post("/mistral/v1/chat/completions", chat("gzip-pass"))
    case.assert_same_as_recorded(headers=["content-encoding"])
    assert answer.content == "hello"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/mistral/../v1/x", "/mistral/v1/%2e%2e/x", "/mistral/v1/..%2fx", "/mistral/v1/%252e%252e/x"]
)
@contract("A1", config="A1/vendors.yaml", provenance="documented")
def test_no_path_leaves_its_vendor(case: Case, path: str) -> None:
    if ".." in path.replace("%2f", "/").split("/"):
        path = path.replace("..", "%2e%2e")  # the client would resolve it itself
    answer = case.get(path)
    assert answer.status == 400
    assert answer.json["error"]["param"] == "path"
    assert MASTER_KEY not in answer.text
