"""The pages that show the document, and the environment variables that move them."""

import re
from pathlib import Path

import pytest

from proxy.api.openapi.pages import ASSETS, load_asset, page
from proxy.api.openapi.settings import docs_settings
from proxy.config.errors import ConfigError
from tests.proxy.api.serving import serving

CONFIG = "model_list: [{model_name: echo, litellm_params: {model: offline/echo}}]"
VARIABLES = (
    "DOCS_URL",
    "NO_DOCS",
    "REDOC_URL",
    "NO_REDOC",
    "ROOT_REDIRECT_URL",
    "DOCS_TITLE",
    "DOCS_DESCRIPTION",
    "DOCS_FILTERED",
    "SERVER_ROOT_PATH",
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "swagger", "redoc"),
    [
        ({}, ("/", "/docs"), "/redoc"),
        ({"DOCS_URL": "/api"}, ("/api",), "/redoc"),
        ({"DOCS_URL": "/api/", "NO_DOCS": "True"}, ("/api",), "/redoc"),
        ({"DOCS_URL": ""}, ("/", "/docs"), "/redoc"),
        ({"NO_DOCS": "true", "NO_REDOC": " True "}, (), None),
        ({"NO_DOCS": "yes", "NO_REDOC": "1"}, ("/", "/docs"), "/redoc"),
        ({"REDOC_URL": "/reading", "NO_REDOC": "True"}, ("/", "/docs"), "/reading"),
    ],
)
def test_where_the_pages_are(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], swagger: tuple[str, ...], redoc: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = docs_settings()
    assert (settings.swagger, settings.redoc) == (swagger, redoc)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"DOCS_URL": "docs"}, "DOCS_URL is 'docs', which is no path; write /docs"),
        ({"REDOC_URL": "/{x}"}, "REDOC_URL is '/{x}'"),
        ({"DOCS_URL": "/health"}, "DOCS_URL or REDOC_URL is /health, which is the gateway's own"),
        ({"DOCS_URL": "/openapi.json"}, "DOCS_URL or REDOC_URL is /openapi.json"),
        ({"DOCS_URL": "/redoc"}, "REDOC_URL is /redoc, where the other page"),
        ({"REDOC_URL": "/"}, "REDOC_URL is /, where the other page"),
    ],
)
def test_paths_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], told: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=re.escape(told)), serving(tmp_path, CONFIG):
        pass


def test_a_title_a_text_and_fewer_operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCS_TITLE", "Our <models>")
    monkeypatch.setenv("DOCS_DESCRIPTION", "Ask us first")
    monkeypatch.setenv("DOCS_FILTERED", "True")
    with serving(tmp_path, CONFIG, key=None) as client:
        document = client.get("/openapi.json").json()
        shown = client.get("/docs").text
    assert document["info"] == {"title": "Our <models>", "description": "Ask us first", "version": "1.81.14"}
    assert {"/v1/chat/completions", "/v1/embeddings", "/v1/models"} <= set(document["paths"])
    assert [path for path in document["paths"] if path.startswith(("/key", "/team", "/anthropic", "/health"))] == []
    assert "<title>Our &lt;models&gt;</title>" in shown


def test_behind_a_reverse_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_ROOT_PATH", "/llm/")
    with serving(tmp_path, CONFIG, key=None) as client:
        document = client.get("/llm/openapi.json").json()
        shown = client.get("/llm/docs").text
        loaded = re.findall(r'(?:src|href|data-document)="([^"]*)"', shown)
        assert document["servers"] == [{"url": "/llm"}]
        assert all(path.startswith("/llm/") for path in loaded)
        assert {client.get(path).status_code for path in loaded} == {200}


@pytest.mark.parametrize("kind", ["swagger", "redoc"])
def test_all_that_a_page_loads_is_there(kind: str) -> None:
    loaded = re.findall(r'"/swagger/([^"]*)"', page(kind).decode())
    assert loaded
    assert set(loaded) <= ASSETS


@pytest.mark.parametrize("name", sorted(ASSETS))
def test_files_are_sent_as_the_client_takes_them(tmp_path: Path, name: str) -> None:
    plain = load_asset(name, compressed=False)
    assert plain is not None
    with serving(tmp_path, CONFIG, key=None) as client:
        packed = client.get(f"/swagger/{name}", headers={"accept-encoding": "gzip"})
        unpacked = client.get(f"/swagger/{name}", headers={"accept-encoding": "identity"})
    assert packed.content == unpacked.content == plain.content
    assert "content-encoding" not in unpacked.headers
    assert packed.headers.get("content-encoding") == (None if name.startswith(("start", "favicon")) else "gzip")


@pytest.mark.parametrize("name", ["licenses", "README.md", "..%2fpages.py", "swagger-ui.css.gz", "%2e%2e"])
def test_no_other_file_is_sent(tmp_path: Path, name: str) -> None:
    with serving(tmp_path, CONFIG, key=None) as client:
        assert client.get(f"/swagger/{name}").status_code == 404


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json, text/html", "text/html"),
        ("application/json", "application/json"),
    ],
)
def test_programs_may_ask_the_root_for_json(tmp_path: Path, accept: str, kind: str) -> None:
    with serving(tmp_path, CONFIG, key=None) as client:
        assert client.get("/", headers={"accept": accept}).headers["content-type"].startswith(kind)
