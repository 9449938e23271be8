"""D16: the OpenAPI document, and the pages that show it."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow

pytestmark = contract("D16", config="D16/docs.yaml")

MOVED, NONE = contract("D16", config="D16/moved/docs.yaml"), contract("D16", config="D16/none/docs.yaml")
LISTED = (
    "/key/generate",
    "/team/new",
    "/model/new",
    "/v1/responses",
    "/v1/messages",
    "/v1/models",
    "/health/readiness",
    "/anthropic/{endpoint}",
    "/config/pass_through_endpoint",
    "/public/providers",
    "/documented/target",
)
HIDDEN = ("/login", "/v2/model/info", "/v2/key/info", "/openapi.json", "/redoc")
SESSIONS = ("/v1/realtime", "/realtime", "/vertex_ai/live")


def is_page(answer: Exchange) -> bool:
    return (
        answer.status == 200
        and answer.headers["content-type"].startswith("text/html")
        and answer.text.lstrip().lower().startswith("<!doctype html>")
    )


@slow("the first who asks for the document waits until it is made")
def test_the_document(case: Case) -> None:
    """One case, since a recording of it is large."""
    answer = case.request("GET", "/openapi.json", key=None)
    case.assert_same_as_recorded(ignore=["body"])
    document = answer.json
    paths = document["paths"]
    assert (answer.status, document["openapi"], document["info"]["version"]) == (200, "3.1.0", "1.81.14")
    assert set(LISTED) <= set(paths)
    assert not set(HIDDEN) & set(paths)
    assert [paths[path]["get"]["tags"] for path in SESSIONS] == [["WebSocket"]] * len(SESSIONS)
    assert all("101" in paths[path]["get"]["responses"] for path in SESSIONS)
    for path in ("/v1/chat/completions", "/chat/completions"):
        chat = resolved(document, paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"])
        assert {"model", "messages"} == set(chat["required"])
        assert {"temperature", "tools", "stream", "response_format"} <= set(chat["properties"])
    scheme = document["components"]["securitySchemes"]["APIKeyHeader"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "x-litellm-api-key")
    generated = paths["/key/generate"]["post"]
    assert {"APIKeyHeader": []} in generated.get("security", document.get("security", []))
    assert {"200", "422"} <= set(generated["responses"])
    assert {"HTTPValidationError", "ValidationError"} <= set(document["components"]["schemas"])


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


@pytest.mark.parametrize("path", ["/", "/redoc"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_pages_need_no_key(case: Case, path: str, method: str) -> None:
    answer = case.request(method, path, key=None)
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert is_page(answer) if method == "GET" else answer.body == b""


def test_the_page_is_at_docs_too(case: Case) -> None:
    answer = case.request("GET", "/docs", key=None)

    def as_recorded(answer: Exchange) -> None:
        assert (answer.status, answer.json) == (404, {"detail": "Not Found"})

    def required(answer: Exchange) -> None:
        assert is_page(answer)
        assert "/openapi.json" in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["/redoc", "/"])
def test_pages_load_nothing_from_elsewhere(case: Case, path: str) -> None:
    """The reference's page of Swagger loads its own files, but begins with a script that is no file."""
    answer = case.request("GET", path, key=None)

    def as_recorded(answer: Exchange) -> None:
        assert is_page(answer)
        assert "content-security-policy" not in answer.headers
        assert "https://" in answer.text or "const ui" in answer.text

    def required(answer: Exchange) -> None:
        assert is_page(answer)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert "://" not in answer.text
        assert answer.text.count("<script") == answer.text.count("<script src=")

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("swagger-ui.css", "text/css"), ("swagger-ui-bundle.js", "javascript"), ("favicon.png", "image/")],
)
def test_what_the_page_loads(case: Case, name: str, kind: str) -> None:
    answer = case.request("HEAD", f"/swagger/{name}", key=None)
    case.assert_same_as_recorded(ignore=["headers.content-type"])
    assert answer.status == 200
    assert kind in answer.headers["content-type"]


def test_what_no_page_loads(case: Case) -> None:
    answer = case.request("GET", "/swagger/absent.js", key=None)
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("path", ["/openapi.json", "/redoc", "/"])
def test_pages_are_read_only(case: Case, path: str) -> None:
    answer = case.request("POST", path, key=None)
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (405, {"detail": "Method Not Allowed"})


@MOVED
def test_docs_url_moves_the_page(case: Case) -> None:
    answer = case.request("GET", "/api-docs", key=None)
    case.assert_same_as_recorded(ignore=["body"])
    assert is_page(answer)
    assert "/openapi.json" in answer.text


@MOVED
@pytest.mark.parametrize("path", ["/redoc", "/docs"])
def test_pages_that_are_not_there(case: Case, path: str) -> None:
    answer = case.request("GET", path, key=None)
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})


@MOVED
def test_the_root_leads_elsewhere(case: Case) -> None:
    answer = case.request("GET", "/", key=None)
    case.assert_same_as_recorded(headers=["location"], ignore=["headers.content-type"])  # of nothing
    assert (answer.status, answer.headers["location"], answer.body) == (307, "/health/liveliness", b"")


@NONE
def test_no_docs_and_redoc_elsewhere(case: Case) -> None:
    answer = case.request("GET", "/reference", key=None)
    case.assert_same_as_recorded(ignore=["body"])
    assert is_page(answer)
    assert '"/llm/openapi.json"' in answer.text


@NONE
@pytest.mark.parametrize("path", ["/redoc", "/docs"])
def test_no_docs(case: Case, path: str) -> None:
    answer = case.request("GET", path, key=None)
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (404, {"detail": "Not Found"})


@NONE
def test_the_root_without_a_page(case: Case) -> None:
    answer = case.request("GET", "/", key=None)

    def as_recorded(answer: Exchange) -> None:
        assert answer.json == "LiteLLM: RUNNING"

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["openapi"] == "/openapi.json"

    case.deviates(answer, as_recorded=as_recorded, required=required)
