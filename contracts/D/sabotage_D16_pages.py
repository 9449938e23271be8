"""Broken pages that the contracts of D16 must notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage


def without_pages(original: Callable[..., Any]) -> Any:
    return msgspec.structs.replace(original(), swagger=(), redoc=None)


SABOTAGES = [
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
            "test_no_docs[/redoc]",
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
        trips=["test_pages_load_nothing_from_elsewhere", "test_no_docs_and_redoc_elsewhere"],
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
        trips=[
            "test_what_no_page_loads",
            "test_what_the_page_loads[swagger-ui.css-text/css]",
            "test_what_the_page_loads[swagger-ui-bundle.js-javascript]",
        ],
    ),
    Sabotage(
        name="ignores-its-root-path",
        patches=[("proxy.api.openapi.pages.root_path", lambda _original: "")],
        trips=["test_no_docs_and_redoc_elsewhere"],
    ),
]
