"""Broken documents that the contracts of D16 must notice."""

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
]
