"""``pass_through_endpoints`` as they may be written, and what cannot be served."""

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.passthrough.endpoints import endpoint_routes
from proxy.passthrough.routes import PassThrough

TARGET = "https://vendor.test/v1"


def entry(**fields: Any) -> dict[str, Any]:
    return {"path": "/custom", "target": TARGET, **fields}


def test_the_most_specific_path_comes_first() -> None:
    routes = endpoint_routes([entry(path="/a"), entry(path="/a/b/c"), entry(path="/a/b/")])
    assert [route.path for route in routes] == ["/a/b/c", "/a/b", "/a"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"path": "custom"}, "path must begin with /"),
        ({"path": "/"}, "path must begin with /"),
        ({"path": "/a/../b"}, "segments"),
        ({"target": "vendor.test"}, "https://HOST/PATH"),
        ({"target": "my_module.adapter"}, "https://HOST/PATH"),
        ({"target": "https://me:secret@vendor.test"}, "name or password"),
        ({"methods": ["HEAD"]}, "methods must be some of"),
        ({"methods": []}, "methods must be some of"),
        ({"headers": {"a": "x\r\nevil: 1"}}, "no header may hold"),
        ({"headers": {"": "x"}}, "no header may hold"),
        ({"guardrails": ["one"]}, "guardrails of pass-through endpoints"),
        ({"forward_headers": "perhaps"}, "forward_headers"),
        ({"path": None}, "path"),
    ],
)
def test_what_cannot_be_served_is_said_at_the_start(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint_routes([entry(path="/fine"), entry(**fields)])
    assert problem in str(caught.value)
    assert "general_settings.pass_through_endpoints[1]" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_variable_that_is_not_set(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNSET_KEY", raising=False)
    with caplog.at_level(logging.WARNING):
        endpoint_routes([entry(headers={"authorization": "Bearer os.environ/UNSET_KEY"})])
    assert "UNSET_KEY is not set; set it; its calls will be refused" in caplog.text


def test_what_needs_no_key_is_said(caplog: pytest.LogCaptureFixture) -> None:
    [route] = endpoint_routes([entry(auth=False)])
    assert route.is_public("") and not route.is_public("below")
    assert "/custom needs no key" in caplog.text
    for auth in ({}, {"auth": True}, {"auth": None}):
        [route] = endpoint_routes([entry(**auth)])
        assert not route.is_public("")


def test_of_two_for_one_path_the_first_counts(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    passthrough = _passthrough(
        tmp_path,
        """
        - {path: /one, target: "https://first.test", methods: [GET]}
        - {path: /one, target: "https://second.test", methods: [GET, POST]}
        """,
    )
    assert "/one is there already for GET" in caplog.text
    got, posted = passthrough.find("/one", "GET"), passthrough.find("/one", "POST")
    assert got is not None and posted is not None
    assert got.route is passthrough.endpoints[0]
    assert posted.route is passthrough.endpoints[1]


def test_how_paths_find_their_routes(tmp_path: Path) -> None:
    passthrough = _passthrough(
        tmp_path,
        """
        - {path: /anthropic/v1/messages, target: "https://own.test"}
        - {path: /exact, target: "https://own.test", include_subpath: false, methods: [post]}
        """,
    )

    def found(path: str, method: str = "POST") -> tuple[str, str] | None:
        route = passthrough.find(path, method)
        return None if route is None else (route.route.name, route.rest)

    assert found("/anthropic/v1/messages") == ("/anthropic/v1/messages", "")
    assert found("/anthropic/v1/messages/count_tokens") == ("/anthropic/v1/messages", "count_tokens")
    assert found("/anthropic/v1/models") == ("/anthropic/{path}", "v1/models")
    assert found("/anthropic") is None
    assert found("/anthropics/v1") is None
    assert found("/exact") == ("/exact", "")
    assert found("/exact/") == ("/exact", "")
    assert found("/exact/below") is None
    assert found("/exact", "GET") == ("/exact", "")
    assert found("/openai_passthrough/v1/x%2Fy") == ("/openai_passthrough/{path}", "v1/x%2Fy")
    assert found("/") is None
    assert found("*") is None


@pytest.mark.parametrize("written", ["/mein api", "/über", "/mein%20api"])
def test_a_path_of_any_letters_is_found(tmp_path: Path, written: str) -> None:
    passthrough = _passthrough(tmp_path, f' [{{path: "{written}", target: "https://own.test"}}]')
    asked = str(httpx.URL("https://g.test", path=written.replace("%20", " ") + "/x").raw_path, "ascii")
    found = passthrough.find(asked, "GET")
    assert found is not None
    assert (found.route.name, found.rest) == (written, "x")
    assert passthrough.endpoints[0].described()["path"] == written


def _passthrough(folder: Path, entries: str) -> PassThrough:
    file = folder / "config.yaml"
    file.write_text(f"general_settings:\n  pass_through_endpoints:{entries}")
    return PassThrough(load_config(file), ())
