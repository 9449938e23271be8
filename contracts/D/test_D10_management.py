"""D10: the list of endpoints, and their management, which needs a database."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D10", config="D10/endpoints.yaml")

PATH = "/config/pass_through_endpoint"
ENTRY = {"path": "/new", "target": "http://upstream.test/new"}


@pytest.mark.parametrize("path", [PATH, f"{PATH}?endpoint_id=custom-api"])
def test_the_configs_endpoints_are_listed(case: Case, path: str) -> None:
    """Without a database the reference cannot tell what its own config says."""
    answer = case.get(path)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert answer.json["detail"]["error"].startswith("DB not connected")

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        [listed] = [entry for entry in answer.json["endpoints"] if entry["path"] == "/custom/api"]
        assert listed["id"] == "custom-api"
        assert listed["target"] == "http://upstream.test/pt/v1"
        assert listed["is_from_config"] is True
        assert sorted(listed["headers"]) == ["Authorization", "X-Static", "x-whole"]
        assert "sk-env-up" not in answer.text
        assert len(answer.json["endpoints"]) == 1 or "endpoint_id" not in path

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_new_endpoints_need_a_database(case: Case) -> None:
    answer = case.post(PATH, ENTRY)
    case.assert_same_as_recorded(ignore=["body.detail.error"])
    assert answer.status == 400
    assert answer.json["detail"]["error"].startswith("DB not connected")


def test_an_endpoint_without_a_target(case: Case) -> None:
    answer = case.post(PATH, {"path": "/new"})
    case.assert_same_as_recorded(ignore=["body.detail"])
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"


def test_there_is_nothing_to_change(case: Case) -> None:
    answer = case.post(f"{PATH}/some-id", ENTRY)
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert answer.json["detail"]["error"] == "No pass-through endpoints found"


def test_there_is_nothing_to_delete(case: Case) -> None:
    answer = case.request("DELETE", f"{PATH}?endpoint_id=some-id")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["detail"]["error"] == "There are no pass-through endpoints setup."


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_management_needs_a_key(case: Case, method: str) -> None:
    answer = case.request(method, PATH, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
