"""D1: keys are blocked, deleted, and what they spent is reset."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_management.yaml")


def made(case: Case, **fields: Any) -> str:
    key: str = case.post("/key/generate", fields).json["key"]
    return key


def test_a_deleted_key_is_refused(case: Case) -> None:
    key = made(case, key_alias="deleted-by-key")
    before = case.request("GET", "/key/info", key=key)
    answer = case.post("/key/delete", {"keys": [key]})
    gone = case.get(f"/key/info?key={key}")
    after = case.request("GET", "/key/info", key=key)
    case.assert_same_as_recorded()
    assert answer.json == {"deleted_keys": [key]}
    assert before.status == 200
    assert gone.status == 404
    assert after.status == 401


def test_keys_are_deleted_by_alias_and_by_hash(case: Case) -> None:
    made(case, key_alias="deleted-by-alias")
    token = case.post("/key/generate", {"key_alias": "deleted-by-hash"}).json["token"]
    by_alias = case.post("/key/delete", {"key_aliases": ["deleted-by-alias", "no-such-alias"]})
    by_hash = case.post("/key/delete", {"keys": [token]})
    left = case.get("/key/list?key_alias=deleted-by-alias")
    case.assert_same_as_recorded()
    assert by_alias.json == {"deleted_keys": ["deleted-by-alias", "no-such-alias"]}
    assert by_hash.status == 200
    assert left.json["total_count"] == 0


def test_an_alias_is_free_again(case: Case) -> None:
    made(case, key_alias="free-again")
    case.post("/key/delete", {"key_aliases": ["free-again"]})
    answer = case.post("/key/generate", {"key_alias": "free-again"})
    case.assert_same_as_recorded()
    assert answer.status == 200


@pytest.mark.parametrize(
    "body", [{"keys": ["sk-unknown-to-everybody"]}, {"key_aliases": ["no-such-alias"]}], ids=["key", "alias"]
)
def test_nothing_to_delete(case: Case, body: dict[str, Any]) -> None:
    answer = case.post("/key/delete", body)
    case.assert_same_as_recorded()
    assert answer.status == 404


@pytest.mark.parametrize(
    "body", [{}, {"keys": []}, {"keys": "sk-1"}, {"keys": [1]}], ids=["none", "empty", "text", "number"]
)
def test_nobody_knows_what_to_delete(case: Case, body: dict[str, Any]) -> None:
    answer = case.post("/key/delete", body)
    case.assert_same_as_recorded()
    assert answer.status == 422


def test_a_blocked_key_comes_back(case: Case) -> None:
    key = made(case, key_alias="comes-back")
    blocked = case.post("/key/block", {"key": key})
    refused = case.request("GET", "/key/info", key=key)
    unblocked = case.post("/key/unblock", {"key": key})
    welcome = case.request("GET", "/key/info", key=key)
    case.assert_same_as_recorded()
    assert blocked.json["blocked"] is True
    assert refused.status == 401
    assert unblocked.json["blocked"] is False
    assert welcome.json["info"]["blocked"] is False


def test_a_hash_can_be_blocked(case: Case) -> None:
    token = case.post("/key/generate", {}).json["token"]
    answer = case.post("/key/block", {"key": token})
    case.assert_same_as_recorded()
    assert answer.json["token"] == token


@pytest.mark.parametrize("route", ["block", "unblock"])
@pytest.mark.parametrize(
    ("key", "status"),
    [("sk-unknown-to-everybody", 401), ("0" * 64, 401), ("no-key", 400), ("", 400), ("sk-with space", 400)],
    ids=["unknown", "unknown-hash", "word", "empty", "space"],
)
def test_what_cannot_be_blocked(case: Case, route: str, key: str, status: int) -> None:
    answer = case.post(f"/key/{route}", {"key": key})
    case.assert_same_as_recorded()
    assert answer.status == status


def test_spend_is_reset(case: Case) -> None:
    key = made(case, spend=5, max_budget=10, budget_duration="1d")
    answer = case.post(f"/key/{key}/reset_spend", {"reset_to": 2})
    found = case.get(f"/key/info?key={key}")
    case.assert_same_as_recorded()
    assert answer.json["previous_spend"] == 5.0
    assert answer.json["spend"] == found.json["info"]["spend"] == 2.0


BAD: dict[str, tuple[int, dict[str, Any]]] = {
    "negative": (400, {"reset_to": -1}),
    "more": (400, {"reset_to": 6}),
    "beyond-budget": (400, {"reset_to": 4.5}),
    "word": (422, {"reset_to": "zero"}),
    "missing": (422, {}),
}


@pytest.mark.parametrize("kind", BAD)
def test_spend_is_not_reset_to_that(case: Case, kind: str) -> None:
    status, body = BAD[kind]
    key = made(case, spend=5, max_budget=4)
    answer = case.post(f"/key/{key}/reset_spend", body)
    case.assert_same_as_recorded()
    assert answer.status == status


def test_spend_of_an_unknown_key(case: Case) -> None:
    answer = case.post("/key/sk-unknown-to-everybody/reset_spend", {"reset_to": 0})
    case.assert_same_as_recorded()
    assert answer.status == 404


def test_spend_is_a_number(case: Case) -> None:
    key = made(case, spend=5)
    answer = case.post(f"/key/{key}/reset_spend", {"reset_to": "NaN"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 422

    case.deviates(answer, as_recorded=as_recorded, required=required)
