"""D1: users are changed, many at once, and deleted."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/users.yaml")


def made(case: Case, name: str, **fields: Any) -> str:
    """A user without a key."""
    case.post("/user/new", {"user_id": name, "auto_create_key": False, **fields})
    return name


def test_a_user_is_changed(case: Case) -> None:
    user = made(case, "changed-user", metadata={"old": 1}, models=["users-group"])
    changes = {
        "user_alias": "Changed",
        "user_email": "changed@users.test",
        "max_budget": 20,
        "budget_duration": "30d",
        "tpm_limit": 7,
        "rpm_limit": 0,
        "max_parallel_requests": 2,
        "spend": 0.5,
        "models": ["users-group", "more-models"],
        "metadata": {"new": 2},
        "model_tpm_limit": {"users-group": 4},
        "allowed_cache_controls": ["no-store"],
        "model_max_budget": {"users-group": {"max_budget": 1}},
        "user_role": "internal_user_viewer",
    }
    answer = case.post("/user/update", {"user_id": user, **changes})
    found = case.get(f"/user/info?user_id={user}")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["data"]["metadata"] == {"new": 2, "model_tpm_limit": {"users-group": 4}}
    assert found.json["user_info"]["max_budget"] == 20.0
    assert found.json["user_info"]["rpm_limit"] == 0
    assert found.json["user_info"]["user_role"] == "internal_user_viewer"


def test_empty_values_change_nothing_but_the_budget(case: Case) -> None:
    user = made(case, "kept-user", models=["users-group"], tpm_limit=5, max_budget=3.0, metadata={"kept": True})
    answer = case.post(
        "/user/update", {"user_id": user, "models": [], "metadata": {}, "tpm_limit": None, "max_budget": None}
    )
    case.assert_same_as_recorded()
    data = answer.json["data"]
    assert (data["models"], data["tpm_limit"], data["metadata"]) == (["users-group"], 5, {"kept": True})
    assert data["max_budget"] is None


def test_a_limit_of_a_model_joins_the_metadata(case: Case) -> None:
    user = made(case, "joined-user", metadata={"kept": True})
    answer = case.post("/user/update", {"user_id": user, "model_rpm_limit": {"users-group": 2}})
    case.assert_same_as_recorded()
    assert answer.json["data"]["metadata"] == {"kept": True, "model_rpm_limit": {"users-group": 2}}


def test_an_internal_user_gets_the_budget_of_internal_users(case: Case) -> None:
    user = made(case, "promoted-user")
    answer = case.post("/user/update", {"user_id": user, "user_role": "internal_user"})
    case.assert_same_as_recorded()
    assert answer.json["data"]["max_budget"] == 12.5
    assert answer.json["data"]["budget_reset_at"] is not None


def test_a_user_is_named_by_address(case: Case) -> None:
    made(case, "found-user", user_email="found@users.test")
    answer = case.post("/user/update", {"user_email": "found@users.test", "user_alias": "Found"})
    case.assert_same_as_recorded()
    assert (answer.json["user_id"], answer.json["data"]["user_alias"]) == ("found-user", "Found")


def test_an_unknown_id_makes_a_user(case: Case) -> None:
    answer = case.post("/user/update", {"user_id": "unheard-of-user", "user_alias": "New"})
    found = case.get("/user/info?user_id=unheard-of-user")
    case.assert_same_as_recorded()
    assert answer.status == found.status == 200
    assert answer.json["data"]["user_role"] is None


def test_an_unknown_address_makes_a_user(case: Case) -> None:
    """The reference does make one, and says that it failed."""
    answer = case.post("/user/update", {"user_email": "unheard@users.test", "user_alias": "New"})
    found = case.get("/user/list?user_email=unheard@users.test")
    assert found.json["users"][0]["user_alias"] == "New"

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["data"]["user_email"] == "unheard@users.test"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_address_of_another_capitalisation(case: Case) -> None:
    """In the reference it belongs to nobody, and a second user is made of the same address."""
    made(case, "shouted-user", user_email="Shouted@Users.test")
    case.post("/user/update", {"user_email": "shouted@users.test", "user_alias": "Heard"})
    found = case.get("/user/list?user_email=shouted@users.test")

    def as_recorded(found: Exchange) -> None:
        assert found.json["total"] == 2

    def required(found: Exchange) -> None:
        [user] = found.json["users"]
        assert (user["user_id"], user["user_alias"]) == ("shouted-user", "Heard")

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_an_address_of_somebody_else(case: Case) -> None:
    """It is what people sign in with: the reference lets two have the same."""
    made(case, "first-owner", user_email="owned@users.test")
    user = made(case, "second-owner")
    answer = case.post("/user/update", {"user_id": user, "user_email": "OWNED@users.test"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 409
        assert "owned@users.test already exists" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_password_is_shown(case: Case) -> None:
    """The reference stores what was sent and shows it to everybody who may look."""
    user = made(case, "secret-user")
    answer = case.post("/user/update", {"user_id": user, "password": "open sesame"})
    found = case.get(f"/user/info?user_id={user}")
    assert answer.status == 200

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert answer.json["data"]["password"] == found.json["user_info"]["password"] == "open sesame"  # noqa: S105

    def required(answer: Exchange, found: Exchange) -> None:
        assert answer.json["data"]["password"] is found.json["user_info"]["password"] is None

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


NAMELESS: dict[str, dict[str, Any]] = {"empty": {}, "null": {"user_id": None}, "without": {"user_alias": "nobody"}}


@pytest.mark.parametrize("name", NAMELESS)
def test_nobody_is_named(case: Case, name: str) -> None:
    answer = case.post("/user/update", NAMELESS[name])
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert "Either user id or user email must be provided" in answer.json["detail"][0]["msg"]


WRONG_TYPES: dict[str, dict[str, Any]] = {
    "text-for-metadata": {"metadata": "x"},
    "text-for-a-budget": {"max_budget": "much"},
    "list-for-an-alias": {"user_alias": ["x"]},
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_fields_of_the_wrong_type(case: Case, name: str) -> None:
    answer = case.post("/user/update", {"user_id": name, **WRONG_TYPES[name]})
    case.assert_same_as_recorded()
    assert answer.status == 422


OF_KEYS: dict[str, Any] = {
    "key_alias": "x",
    "duration": "1d",
    "config": {"a": 1},
    "permissions": {"a": 1},
    "aliases": {"a": "b"},
    "blocked": True,
}


@pytest.mark.parametrize("field", OF_KEYS)
def test_fields_that_only_keys_have(case: Case, field: str) -> None:
    """The reference's words are its database's."""
    user = made(case, f"{field}-user")
    answer = case.post("/user/update", {"user_id": user, field: OF_KEYS[field]})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 400
    assert field in answer.json["error"]["message"]


def test_guardrails_of_a_user(case: Case) -> None:
    """A licence in the reference, which answers with its database's words."""
    user = made(case, "guarded-user", metadata={"kept": True})
    answer = case.post("/user/update", {"user_id": user, "guardrails": ["some-guard"], "prompts": ["some-prompt"]})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        metadata = answer.json["data"]["metadata"]
        assert metadata == {"kept": True, "guardrails": ["some-guard"], "prompts": ["some-prompt"]}

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_what_a_user_may_reach(case: Case) -> None:
    user = made(case, "reached-user")
    answer = case.post("/user/update", {"user_id": user, "object_permission": {"vector_stores": ["some-store"]}})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["data"]["object_permission_id"] is not None

    case.deviates(answer, as_recorded=as_recorded, required=required)


#: By name: fields, the reference's status, and ours.
IMPOSSIBLE: dict[str, tuple[dict[str, Any], int, int]] = {
    "negative": ({"max_budget": -3}, 200, 400),
    "nul": ({"user_alias": "a\x00b"}, 400, 422),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be(case: Case, name: str) -> None:
    fields, status, refused = IMPOSSIBLE[name]
    user = made(case, f"{name}-changed-user", user_alias="before")
    answer = case.post("/user/update", {"user_id": user, "tpm_limit": 9, **fields})
    found = case.get(f"/user/info?user_id={user}")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert answer.status == status
        assert "ConnectorError" in answer.text or found.json["user_info"]["tpm_limit"] == 9

    def required(answer: Exchange, found: Exchange) -> None:
        assert answer.status == refused
        assert found.json["user_info"]["tpm_limit"] is None

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


def test_many_users_are_changed(case: Case) -> None:
    made(case, "bulk-one")
    made(case, "bulk-two", user_email="two@bulk.test")
    body = {
        "users": [
            {"user_id": "bulk-one", "max_budget": 3},
            {"user_email": "two@bulk.test", "user_role": "internal_user_viewer"},
            {"user_id": "bulk-new", "user_alias": "made by it"},
        ]
    }
    answer = case.post("/user/bulk_update", body)
    found = case.get("/user/list?user_ids=bulk-one,bulk-two,bulk-new&sort_by=user_id")
    case.assert_same_as_recorded()
    assert [result["user_id"] for result in answer.json["results"]] == ["bulk-one", "bulk-two", "bulk-new"]
    assert answer.json["successful_updates"] == 3
    assert [user["user_role"] for user in found.json["users"]] == [None, None, "internal_user_viewer"]


def test_one_of_many_fails_alone(case: Case) -> None:
    made(case, "good-bulk")
    made(case, "bad-bulk")
    users = [{"user_id": "bad-bulk", "blocked": True, "tpm_limit": 4}, {"user_id": "good-bulk", "tpm_limit": 4}]
    answer = case.post("/user/bulk_update", {"users": users})
    found = case.get("/user/list?user_ids=bad-bulk,good-bulk&sort_by=user_id")
    case.assert_same_as_recorded(ignore=["body.results[0].error"])
    assert [result["success"] for result in answer.json["results"]] == [False, True]
    assert (answer.json["successful_updates"], answer.json["failed_updates"]) == (1, 1)
    assert "blocked" in answer.json["results"][0]["error"]
    assert [user["tpm_limit"] for user in found.json["users"]] == [None, 4]


BULKS: dict[str, tuple[dict[str, Any], int]] = {
    "empty": ({}, 400),
    "no-users": ({"users": []}, 400),
    "all-without-updates": ({"all_users": True}, 400),
    "all-with-null": ({"all_users": True, "user_updates": None}, 422),
    "both": ({"all_users": True, "users": [{"user_id": "a"}], "user_updates": {"max_budget": 1}}, 422),
    "nameless": ({"users": [{"max_budget": 3}]}, 422),
    "too-many": ({"users": [{"user_id": f"bulk-{number}"} for number in range(501)]}, 400),
}


@pytest.mark.parametrize("name", BULKS)
def test_bulk_updates_that_cannot_be(case: Case, name: str) -> None:
    body, status = BULKS[name]
    answer = case.post("/user/bulk_update", body)
    case.assert_same_as_recorded()
    assert answer.status == status


def test_users_are_deleted(case: Case) -> None:
    case.post("/team/new", {"team_id": "left-team"})
    case.post("/organization/new", {"organization_id": "left-org", "organization_alias": "Left"})
    fields = {"teams": ["left-team"], "organizations": ["left-org"]}
    key = case.post("/user/new", {"user_id": "deleted-user", **fields}).json["key"]
    made(case, "deleted-too")
    answer = case.post("/user/delete", {"user_ids": ["deleted-user", "deleted-too"]})
    found = case.get("/user/info?user_id=deleted-user")
    team = case.get("/team/info?team_id=left-team")
    used = case.get("/key/info", key=key)
    case.assert_same_as_recorded()
    assert (answer.status, answer.json) == (200, 2)
    assert found.status == 404
    assert [member["user_id"] for member in team.json["team_info"]["members_with_roles"]] == ["default_user_id"]
    assert used.status == 401


def test_an_unknown_user_keeps_the_others(case: Case) -> None:
    made(case, "spared-user")
    answer = case.post("/user/delete", {"user_ids": ["spared-user", "nobody-to-delete"]})
    found = case.get("/user/info?user_id=spared-user")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert answer.json == {"detail": {"error": "User not found, passed user_id=nobody-to-delete"}}
    assert found.status == 200


DELETIONS: dict[str, dict[str, Any]] = {
    "none": {"user_ids": []},
    "empty": {},
    "null": {"user_ids": None},
    "text": {"user_ids": "x"},
}


@pytest.mark.parametrize("name", DELETIONS)
def test_nobody_is_deleted(case: Case, name: str) -> None:
    answer = case.post("/user/delete", DELETIONS[name])
    case.assert_same_as_recorded()
    assert answer.status == (200 if name == "none" else 422)
