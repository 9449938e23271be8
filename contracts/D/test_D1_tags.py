"""D1: tags, which calls name: made, looked up, changed and deleted, with budgets and models."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("D1", config="D1/tags.yaml")


def test_a_tag_with_defaults(case: Case) -> None:
    made = case.post("/tag/new", {"name": "plain-tag"})
    found = case.post("/tag/info", {"names": ["plain-tag"]})
    case.assert_same_as_recorded()
    assert made.json["message"] == "Tag plain-tag created successfully"
    assert found.json["plain-tag"] == made.json["tag"]


def test_a_tag_with_a_budget(case: Case) -> None:
    body = {"name": "full-tag", "description": "Füll", "max_budget": 3, "budget_duration": "1d", "tpm_limit": 7}
    made = case.post("/tag/new", {**body, "models": ["no-such-model"]})
    found = case.post("/tag/info", {"names": ["full-tag"]})
    case.assert_same_as_recorded(ignore=["body.full-tag.litellm_budget_table.budget_reset_at"])
    assert made.json["tag"]["models"] == ["no-such-model"]
    assert found.json["full-tag"]["litellm_budget_table"]["max_budget"] == 3.0


def test_a_budget_that_is_shared(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "shared-by-tags", "max_budget": 7})
    case.post("/tag/new", {"name": "sharing-tag", "budget_id": "shared-by-tags"})
    found = case.post("/tag/info", {"names": ["sharing-tag"]})
    case.assert_same_as_recorded()
    assert found.json["sharing-tag"]["litellm_budget_table"]["budget_id"] == "shared-by-tags"


def test_a_tag_of_a_model_of_the_database(case: Case) -> None:
    """Calls with the tag go to it."""
    model = {"model": "openai/tagged-upstream", "api_base": "http://upstream.test/v1", "api_key": "sk-up"}
    case.post("/model/new", {"model_name": "tagged-group", "litellm_params": model, "model_info": {"id": "tagged-1"}})
    made = case.post("/tag/new", {"name": "model-tag", "models": ["tagged-1"]})
    found = case.get("/model/info?litellm_model_id=tagged-1")
    assert made.json["tag"]["model_info"] == {"tagged-1": "tagged-group"}
    case.assert_same_as_recorded(ignore=["body.litellm_params", "body.data", "body.model_info"])
    assert found.status == 200


def test_a_name_is_taken_once(case: Case) -> None:
    case.post("/tag/new", {"name": "taken-tag", "description": "first"})
    answer = case.post("/tag/new", {"name": "taken-tag", "description": "second"})
    found = case.post("/tag/info", {"names": ["taken-tag"]})
    assert found.json["taken-tag"]["description"] == "first"

    def as_recorded(answer: Exchange) -> None:
        assert (answer.status, answer.json["detail"]) == (500, "400: Tag taken-tag already exists")

    def required(answer: Exchange) -> None:
        assert (answer.status, answer.json["detail"]) == (400, "Tag taken-tag already exists")

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_model_of_the_config(case: Case) -> None:
    """It cannot be tagged; the reference makes the tag all the same, and says that it failed."""
    answer = case.post("/tag/new", {"name": "config-tag", "models": ["tags-1"]})
    found = case.post("/tag/info", {"names": ["config-tag"]})

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (500, 200)

    def required(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (404, 404)
        assert answer.json["detail"] == "Model tags-1 not found in database"

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


def test_an_unknown_budget_is_refused(case: Case) -> None:
    answer = case.post("/tag/new", {"name": "budgetless-tag", "budget_id": "no-such-budget"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "no-such-budget" in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["/tag/new", "/tag/update"])
def test_a_negative_budget(case: Case, path: str) -> None:
    name = f"negative{path.replace('/', '-')}"
    if path == "/tag/update":
        case.post("/tag/new", {"name": name})
    answer = case.post(path, {"name": name, "max_budget": -1})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_tag_is_changed(case: Case) -> None:
    """What is not sent is emptied, apart from the budget."""
    case.post("/tag/new", {"name": "changed-tag", "description": "before", "max_budget": 1})
    first = case.post(
        "/tag/update", {"name": "changed-tag", "description": "after", "max_budget": 4, "models": ["any"]}
    )
    found = case.post("/tag/info", {"names": ["changed-tag"]})
    second = case.post("/tag/update", {"name": "changed-tag"})
    still = case.post("/tag/info", {"names": ["changed-tag"]})
    case.assert_same_as_recorded()
    assert first.json["tag"]["description"] == "after"
    assert found.json["changed-tag"]["litellm_budget_table"]["max_budget"] == 4.0
    assert (second.json["tag"]["description"], second.json["tag"]["models"]) == (None, [])
    assert still.json["changed-tag"]["litellm_budget_table"]["max_budget"] == 4.0


def test_a_tag_gets_a_budget(case: Case) -> None:
    case.post("/tag/new", {"name": "poor-tag"})
    case.post("/tag/update", {"name": "poor-tag", "max_budget": 2.5})
    found = case.post("/tag/info", {"names": ["poor-tag"]})
    case.assert_same_as_recorded()
    assert found.json["poor-tag"]["litellm_budget_table"]["max_budget"] == 2.5


def test_a_tag_gets_another_budget(case: Case) -> None:
    """A 500 in the reference."""
    case.post("/budget/new", {"budget_id": "other-of-tags", "max_budget": 7})
    case.post("/tag/new", {"name": "moving-tag", "max_budget": 1})
    answer = case.post("/tag/update", {"name": "moving-tag", "budget_id": "other-of-tags"})
    found = case.post("/tag/info", {"names": ["moving-tag"]})

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange, found: Exchange) -> None:
        assert answer.status == 200
        assert found.json["moving-tag"]["litellm_budget_table"]["budget_id"] == "other-of-tags"

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


UNKNOWN: dict[str, tuple[dict[str, Any], str]] = {
    "/tag/update": ({"name": "no-such-tag"}, "Tag no-such-tag not found"),
    "/tag/delete": ({"name": "no-such-tag"}, "Tag no-such-tag not found"),
    "/tag/info": ({"names": ["no-such-tag"]}, "Tags not found: ['no-such-tag']"),
}


@pytest.mark.parametrize("path", UNKNOWN)
def test_tags_that_are_not_there(case: Case, path: str) -> None:
    body, words = UNKNOWN[path]
    answer = case.post(path, body)

    def as_recorded(answer: Exchange) -> None:
        assert (answer.status, answer.json["detail"]) == (500, f"404: {words}")

    def required(answer: Exchange) -> None:
        assert (answer.status, answer.json["detail"]) == (404, words)

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["/tag/new", "/tag/update", "/tag/delete", "/tag/info"])
def test_nothing_is_named(case: Case, path: str) -> None:
    answer = case.post(path, {})
    case.assert_same_as_recorded()
    assert answer.status == 422


def test_a_tag_is_deleted(case: Case) -> None:
    case.post("/tag/new", {"name": "deleted-tag"})
    answer = case.post("/tag/delete", {"name": "deleted-tag"})
    nothing = case.post("/tag/info", {"names": []})
    listed = case.get("/tag/list")
    assert all(tag["name"] != "deleted-tag" for tag in listed.json)
    case.assert_same_as_recorded(ignore=["body[*"])
    assert answer.json == {"message": "Tag deleted-tag deleted successfully"}
    assert nothing.json == {}


def test_tags_are_listed(case: Case) -> None:
    """All of them, those too that calls only named; the case looks at its own."""
    case.script({"tags-upstream": [ok("Tagged")]})
    case.post("/tag/new", {"name": "listed-tag", "max_budget": 2})
    case.chat("tags-group", metadata={"tags": ["dynamic-tag", "listed-tag"]})
    answer = case.until(
        lambda: case.get("/tag/list"), lambda answer: any(tag["name"] == "dynamic-tag" for tag in answer.json)
    )
    by_name = {tag["name"]: tag for tag in answer.json}
    case.assert_same_as_recorded(ignore=["body[*", "journal[0].body.metadata"])
    assert by_name["listed-tag"]["litellm_budget_table"]["max_budget"] == 2.0
    assert by_name["listed-tag"]["created_by"] == "default_user_id"
    assert by_name["dynamic-tag"]["models"] is None
    assert "spend tag that was passed dynamically" in by_name["dynamic-tag"]["description"]
    assert set(by_name["dynamic-tag"]) == {"name", "description", "models", "created_at", "updated_at"}
    assert len(case.journal().models) == 1


@pytest.mark.parametrize("role", ["internal_user", "proxy_admin_viewer"])
def test_tags_are_the_admins(case: Case, role: str) -> None:
    key = case.post("/user/new", {"user_id": f"tagging-{role}", "user_role": role}).json["key"]
    answers = [
        case.post("/tag/new", {"name": "made-by-nobody"}, key=key),
        case.post("/tag/info", {"names": ["anything"]}, key=key),
        case.post("/tag/delete", {"name": "anything"}, key=key),
    ]
    listed = case.get("/tag/list", key=key)
    case.assert_same_as_recorded(ignore=["body[*"])
    assert all(answer.status in (401, 403) for answer in answers)
    assert listed.status == (401 if role == "internal_user" else 200)
