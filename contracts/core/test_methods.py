"""Methods that a route does not have, and pages that ask first what they may do."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/calls.yaml")

PAGE = {"origin": "https://page.test"}
METHODS = {
    "/test": "GET",
    "/v1/models": "GET",
    "/models/sent-chat": "GET",
    "/v1/model/info": "GET",
    "/health": "GET",
    "/v1/chat/completions": "POST",
    "/engines/sent-chat/chat/completions": "POST",
    "/v1/messages/count_tokens": "POST",
}
NAMES = [path.strip("/").replace("/", "-") for path in METHODS]


@pytest.mark.parametrize("path", METHODS, ids=NAMES)
def test_options_is_no_method_of_a_route(case: Case, path: str) -> None:
    answer = case.request("OPTIONS", path, key=None)
    case.assert_same_as_recorded(headers=["allow"])
    assert (answer.status, answer.json) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == METHODS[path]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_a_wrong_method_is_told_the_right_one(case: Case, method: str) -> None:
    answer = case.request(method, "/v1/models", key=None)
    case.assert_same_as_recorded(headers=["allow"])
    assert (answer.status, answer.json) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers["allow"] == "GET"


def test_the_head_of_a_route(case: Case) -> None:
    root = case.request("HEAD", "/", key=None)
    case.assert_same_as_recorded(ignore=["headers.content-type"])
    models = case.request("HEAD", "/v1/models", key=None)
    case.assert_same_as_recorded(headers=["allow"])
    assert (root.status, root.body) == (200, b"")
    assert (models.status, models.headers["allow"]) == (405, "GET")


def test_options_of_a_page_that_asks_for_no_method(case: Case) -> None:
    answer = case.request("OPTIONS", "/v1/models", key=None, headers=PAGE)
    case.assert_same_as_recorded(
        headers=["allow", "access-control-allow-origin", "access-control-allow-credentials", "vary"]
    )
    assert answer.status == 405
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/nothing"], ids=["models", "unknown"])
def test_a_page_may_ask_first_whatever_the_route(case: Case, path: str) -> None:
    asked = {**PAGE, "access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    answer = case.request("OPTIONS", path, key=None, headers=asked)
    case.assert_same_as_recorded(
        headers=["access-control-allow-headers", "access-control-allow-methods", "access-control-max-age"]
    )
    assert (answer.status, answer.headers["access-control-allow-headers"]) == (200, "authorization")


def test_a_page_may_not_ask_for_a_method_that_nothing_has(case: Case) -> None:
    asked = {**PAGE, "access-control-request-method": "PURGE"}
    answer = case.request("OPTIONS", "/v1/models", key=None, headers=asked)
    case.assert_same_as_recorded(headers=["access-control-allow-methods", "vary"])
    assert (answer.status, answer.text) == (400, "Disallowed CORS method")


@pytest.mark.parametrize("probe", ["liveliness", "liveness", "readiness"])
def test_load_balancers_may_probe_with_options(case: Case, probe: str) -> None:
    answer = case.request("OPTIONS", f"/health/{probe}", key=None)
    case.assert_same_as_recorded(
        headers=["allow", "access-control-allow-methods", "access-control-allow-headers"],
        ignore=["headers.content-type"],  # of nothing
    )
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["allow"] == "GET, OPTIONS"
