"""D1: keys are shown and listed."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/keys_management.yaml")


def test_a_key_shows_itself(case: Case) -> None:
    made = case.post("/key/generate", {"key_alias": "shows-itself", "user_id": "shows-itself-user"}).json
    by_key = case.get(f"/key/info?key={made['key']}")
    by_hash = case.get(f"/key/info?key={made['token']}")
    own = case.request("GET", "/key/info", key=made["key"])
    case.assert_same_as_recorded()
    assert by_key.json["info"] == by_hash.json["info"] == own.json["info"]
    assert own.json["key"] == made["token"]
    assert "token" not in by_key.json["info"]


@pytest.mark.parametrize("query", ["?key=sk-unknown-to-everybody", "?key=", ""])
def test_no_such_key(case: Case, query: str) -> None:
    answer = case.get(f"/key/info{query}")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert answer.json["error"]["type"] == "not_found_error"


def test_several_keys(case: Case) -> None:
    first = case.post("/key/generate", {"key_alias": "several-first"}).json["key"]
    found = case.post("/v2/key/info", {"keys": [first, "sk-unknown-to-everybody"]})
    none = case.post("/v2/key/info", {"keys": ["sk-unknown-to-everybody"]})
    case.assert_same_as_recorded()
    assert [row["key_alias"] for row in found.json["info"]] == ["several-first"]
    assert none.json["info"] == []


def test_several_keys_by_alias(case: Case) -> None:
    for alias in ("by-alias-first", "by-alias-second"):
        case.post("/key/generate", {"key_alias": alias})
    answer = case.post("/v2/key/info", {"key_aliases": ["by-alias-first"]})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert len(answer.json["info"]) > 1

    def required(answer: Exchange) -> None:
        assert [row["key_alias"] for row in answer.json["info"]] == ["by-alias-first"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_several_keys_must_be_named(case: Case) -> None:
    empty = case.post("/v2/key/info", {})
    nothing = case.request("POST", "/v2/key/info")
    case.assert_same_as_recorded()
    assert empty.status == nothing.status == 422


def listed(case: Case, query: str) -> list[str]:
    keys: list[str] = case.get(f"/key/list?{query}").json["keys"]
    return keys


def test_keys_of_a_user_page_by_page(case: Case) -> None:
    tokens = [case.post("/key/generate", {"user_id": "pages-user"}).json["token"] for _ in range(3)]
    first = case.get("/key/list?user_id=pages-user&size=2")
    second = case.get("/key/list?user_id=pages-user&size=2&page=2")
    third = case.get("/key/list?user_id=pages-user&size=2&page=3")
    case.assert_same_as_recorded()
    assert [*first.json["keys"], *second.json["keys"]] == tokens[::-1]
    assert first.json["total_count"] == 3
    assert first.json["total_pages"] == 2
    assert third.json["keys"] == []


def test_whole_keys_are_listed(case: Case) -> None:
    case.post(
        "/key/generate",
        {"user_id": "whole-user", "key_alias": "whole", "object_permission": {"agents": ["clerk"]}, "max_budget": 2},
    )
    answer = case.get("/key/list?user_id=whole-user&return_full_object=true")
    case.assert_same_as_recorded()
    [key] = answer.json["keys"]
    assert key["key_alias"] == "whole"
    assert key["object_permission"]["agents"] == ["clerk"]
    assert key["user"] is None


def test_the_user_beside_the_key(case: Case) -> None:
    case.post("/user/new", {"user_id": "beside-user", "user_email": "beside@example.com", "auto_create_key": False})
    case.post("/key/generate", {"user_id": "beside-user"})
    answer = case.get("/key/list?user_id=beside-user&expand=user")
    case.assert_same_as_recorded()
    assert answer.status == 200
    [key] = answer.json["keys"]
    assert key["user"]["user_email"] == "beside@example.com"
    assert key["user"]["password"] is None


def test_filters(case: Case) -> None:
    made = case.post(
        "/key/generate", {"user_id": "filters-user", "key_alias": "filtered", "team_id": "filters-team"}
    ).json
    case.post("/key/generate", {"user_id": "filters-user"})
    found = [
        listed(case, query)
        for query in (
            "key_alias=filtered",
            "team_id=filters-team",
            f"key_hash={made['token']}",
            "user_id=filters-user&team_id=filters-team",
        )
    ]
    none = [
        listed(case, query) for query in ("key_alias=filter", "organization_id=none", "user_id=nobody%27%20OR%201=1")
    ]
    case.assert_same_as_recorded()
    assert found == [[made["token"]]] * 4
    assert none == [[]] * 3


def test_orders(case: Case) -> None:
    for alias, spend in (("order-b", 2), ("order-c", 1), ("order-a", 3)):
        case.post("/key/generate", {"user_id": "order-user", "key_alias": alias, "spend": spend})
    orders = ("spend", "spend&sort_order=asc", "key_alias&sort_order=ASC", "created_at&sort_order=asc", "updated_at")
    answers = [
        case.get(f"/key/list?user_id=order-user&return_full_object=true&sort_by={order}").json["keys"]
        for order in orders
    ]
    case.assert_same_as_recorded()
    assert [[key["key_alias"][-1] for key in keys] for keys in answers] == [
        ["a", "b", "c"],
        ["c", "b", "a"],
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["a", "c", "b"],
    ]


def test_deleted_keys(case: Case) -> None:
    made = case.post("/key/generate", {"user_id": "deleted-user", "key_alias": "will-be-deleted"}).json
    case.post("/key/delete", {"keys": [made["key"]]})
    live = case.get("/key/list?user_id=deleted-user")
    hashes = case.get("/key/list?user_id=deleted-user&status=deleted")
    whole = case.get("/key/list?user_id=deleted-user&status=deleted&return_full_object=true")
    case.assert_same_as_recorded()
    assert live.json["keys"] == []
    assert hashes.json["keys"] == [made["token"]]
    [key] = whole.json["keys"]
    assert key["deleted_by"] == "default_user_id"
    assert key["deleted_at"] is not None


BAD = {
    "status": (400, "status=alive"),
    "column": (400, "sort_by=metadata"),
    "order": (400, "sort_by=spend&sort_order=up"),
    "size": (422, "size=101"),
    "page": (422, "page=0"),
    "word": (422, "page=one"),
    "flag": (422, "return_full_object=perhaps"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_listed(case: Case, kind: str) -> None:
    status, query = BAD[kind]
    answer = case.get(f"/key/list?{query}")
    case.assert_same_as_recorded()
    assert answer.status == status


@pytest.mark.parametrize("query", ["page=99999999999999999999", "user_id=%00"])
def test_what_no_database_takes(case: Case, query: str) -> None:
    answer = case.get(f"/key/list?{query}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 422

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_health_of_a_key(case: Case) -> None:
    key = case.post("/key/generate", {}).json["key"]
    answer = case.request("POST", "/key/health", key=key)
    case.assert_same_as_recorded()
    assert answer.json == {"key": "healthy", "logging_callbacks": None}
