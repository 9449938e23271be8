"""Broken documents and pages that the contracts of D16 must notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage


def forget_sessions(original: Callable[..., Any], *args: Any) -> bytes:
    document = msgspec.json.decode(original(*args))
    for path in ("/v1/realtime", "/realtime", "/vertex_ai/live"):
        del document["paths"][path]
    return msgspec.json.encode(document)


def require_what_the_reference_does_not(original: Callable[..., Any], *args: Any) -> bytes:
    document = msgspec.json.decode(original(*args))
    for parameter in document["paths"]["/v1/models"]["get"]["parameters"]:
        parameter["required"] = True
    return msgspec.json.encode(document)


def forget_a_parameter(original: Callable[..., Any], *args: Any) -> bytes:
    document = msgspec.json.decode(original(*args))
    document["paths"]["/v1/model/info"]["get"]["parameters"] = []
    return msgspec.json.encode(document)


def show_what_is_hidden(original: Callable[..., Any], *args: Any) -> bytes:
    document = msgspec.json.decode(original(*args))
    document["paths"]["/login"] = document["paths"]["/key/generate"]
    return msgspec.json.encode(document)


def without_pages(original: Callable[..., Any]) -> Any:
    return msgspec.structs.replace(original(), swagger=(), redoc=None)


ENCODED = "proxy.api.openapi.document.encoded_document"
DOCUMENT = "test_the_document"
OPERATION = "test_an_operation_is_there_and_takes_what_the_reference_takes"

SABOTAGES = [
    Sabotage(
        name="lists-no-sessions",
        patches=[(ENCODED, forget_sessions)],
        trips=[DOCUMENT, *(f"{OPERATION}[GET {path}]" for path in ("/v1/realtime", "/realtime", "/vertex_ai/live"))],
    ),
    Sabotage(name="shows-what-is-hidden", patches=[(ENCODED, show_what_is_hidden)], trips=[DOCUMENT]),
    Sabotage(
        name="requires-what-was-optional",
        patches=[(ENCODED, require_what_the_reference_does_not)],
        trips=[f"{OPERATION}[GET /v1/models]"],
    ),
    Sabotage(
        name="forgets-a-parameter",
        patches=[(ENCODED, forget_a_parameter)],
        trips=[f"{OPERATION}[GET /v1/model/info]"],
    ),
    Sabotage(
        name="hides-the-pages",
        patches=[("proxy.api.openapi.routes.docs_settings", without_pages)],
        trips=[
            "test_pages_need_no_key",
            "test_the_page_is_at_docs_too",
            "test_pages_load_nothing_from_elsewhere",
            "test_pages_are_read_only[/redoc]",
            "test_docs_url_moves_the_page",
            "test_no_docs_and_redoc_elsewhere",
        ],
    ),
    Sabotage(
        name="does-not-ask-the-environment",
        patches=[("proxy.api.openapi.settings._path", lambda _original, _variable: None)],
        trips=[
            "test_docs_url_moves_the_page",
            "test_pages_that_are_not_there[/docs]",
            "test_the_root_leads_elsewhere",
            "test_no_docs_and_redoc_elsewhere",
        ],
    ),
    Sabotage(
        name="trusts-other-hosts",
        patches=[
            (
                "proxy.api.openapi.pages.page",
                lambda original, *args: original(*args).replace(b'="/', b'="https://cdn.test/'),
            )
        ],
        trips=["test_pages_load_nothing_from_elsewhere"],
    ),
    Sabotage(
        name="has-no-files",
        patches=[("proxy.api.openapi.pages.load_asset", lambda _original, _name, **_: None)],
        trips=["test_what_the_page_loads"],
    ),
    Sabotage(
        name="sends-any-file",
        patches=[
            (
                "proxy.api.openapi.pages.load_asset",
                lambda original, _name, **how: original("favicon.png", **how),
            )
        ],
        trips=["test_what_no_page_loads", "test_what_the_page_loads"],
    ),
    Sabotage(
        name="ignores-its-root-path",
        patches=[("proxy.api.openapi.pages.root_path", lambda _original: "")],
        trips=["test_no_docs_and_redoc_elsewhere"],
    ),
]
