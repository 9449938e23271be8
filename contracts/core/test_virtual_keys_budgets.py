"""What keys and their holders may spend, and what calls beyond it are answered."""

from typing import Any

import pytest

from contracts.core.test_virtual_keys import generated, refusal
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/virtual_keys.yaml")

EXCEEDED = (400, "budget_exceeded")


def test_the_budget_of_a_key(case: Case) -> None:
    key = generated(case, spend=0.5, max_budget=0.25)
    answer = case.chat("vk-used", options={"key": key})
    listed = case.get("/v1/models", key=key)
    case.assert_same_as_recorded(headers=["x-litellm-call-id"])
    assert answer.json["error"] == {
        "message": "Budget has been exceeded! Current cost: 0.5, Max budget: 0.25",
        "type": "budget_exceeded",
        "param": None,
        "code": "400",
    }
    assert refusal(listed) == EXCEEDED


def test_a_budget_that_is_reached(case: Case) -> None:
    answer = case.chat("vk-used", options={"key": generated(case, spend=0.25, max_budget=0.25)})
    case.assert_same_as_recorded()
    assert refusal(answer) == EXCEEDED


def test_a_budget_is_used_up(case: Case) -> None:
    case.script({"vk-spent-up": []})
    key = generated(case, max_budget=0.02)
    first = case.chat("vk-spent", options={"key": key})
    case.until(lambda: case.get(f"/key/info?key={key}"), lambda found: found.json["info"]["spend"] > 0)
    second = case.chat("vk-spent", options={"key": key})
    case.assert_same_as_recorded()
    assert (first.status, refusal(second)) == (200, EXCEEDED)


def test_free_models_have_no_budget(case: Case) -> None:
    case.script({"vk-free-up": []})
    answer = case.chat("vk-free", options={"key": generated(case, spend=0.5, max_budget=0.25)})
    case.assert_same_as_recorded()
    assert answer.status == 200


def test_models_without_a_price_have_no_budget(case: Case) -> None:
    case.script({"vk-wild-up": []})
    answer = case.chat("vk-wild-one", options={"key": generated(case, spend=0.5, max_budget=0.25)})
    case.assert_same_as_recorded()
    assert answer.status == 200


def test_a_budget_that_keys_share(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "vk-shared", "max_budget": 0.125})
    answer = case.chat("vk-used", options={"key": generated(case, spend=0.5, budget_id="vk-shared")})
    case.assert_same_as_recorded()
    assert answer.json["error"]["message"] == "Budget has been exceeded! Current cost: 0.5, Max budget: 0.125"


def test_the_budget_of_a_user(case: Case) -> None:
    case.script({"vk-used-up": []})
    case.post("/user/new", {"user_id": "vk-poor", "spend": 0.5, "max_budget": 0.25, "auto_create_key": False})
    case.post("/team/new", {"team_id": "vk-rich"})
    personal = case.chat("vk-used", options={"key": generated(case, user_id="vk-poor")})
    of_team = case.chat("vk-used", options={"key": generated(case, user_id="vk-poor", team_id="vk-rich")})
    case.assert_same_as_recorded()
    assert personal.json["error"]["message"] == "ExceededBudget: User=vk-poor over budget. Spend=0.5, Budget=0.25"
    assert of_team.status == 200


def test_the_budget_of_a_team(case: Case) -> None:
    case.script({"vk-team-up": []})
    case.post("/team/new", {"team_id": "vk-spending", "max_budget": 0.01})
    key = generated(case, team_id="vk-spending")
    first = case.chat("vk-team", options={"key": key})
    case.until(lambda: case.get("/team/info?team_id=vk-spending"), lambda found: found.json["team_info"]["spend"] > 0)
    second = case.chat("vk-team", options={"key": key})
    case.assert_same_as_recorded()
    assert first.status == 200
    assert second.json["error"]["message"] == (
        "Budget has been exceeded! Team=vk-spending Current cost: 0.02, Max budget: 0.01"
    )


def test_the_budget_of_a_member(case: Case) -> None:
    case.script({"vk-member-up": []})
    case.post("/user/new", {"user_id": "vk-limited-member", "auto_create_key": False})
    case.post("/team/new", {"team_id": "vk-of-members"})
    case.post(
        "/team/member_add",
        {
            "team_id": "vk-of-members",
            "member": {"role": "user", "user_id": "vk-limited-member"},
            "max_budget_in_team": 0.01,
        },
    )
    key = generated(case, team_id="vk-of-members", user_id="vk-limited-member")
    first = case.chat("vk-member", options={"key": key})
    case.until(
        lambda: case.get("/team/info?team_id=vk-of-members"),
        lambda found: any(member["spend"] > 0 for member in found.json["team_memberships"]),
    )
    second = case.chat("vk-member", options={"key": key})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert (first.status, refusal(second)) == (200, EXCEEDED)


def test_the_budget_of_an_organization(case: Case) -> None:
    case.script({"vk-organized-up": []})
    made = case.post("/organization/new", {"organization_alias": "vk-organized", "max_budget": 0.01, "models": []})
    organization = made.json["organization_id"]
    key = generated(case, organization_id=organization)
    first = case.chat("vk-organized", options={"key": key})
    case.until(
        lambda: case.get(f"/organization/info?organization_id={organization}"), lambda found: found.json["spend"] > 0
    )
    second = case.chat("vk-organized", options={"key": key})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert (first.status, refusal(second)) == (200, EXCEEDED)


HEADERS = {"header": "x-litellm-customer-id", "other-header": "x-litellm-end-user-id"}


@pytest.mark.parametrize("where", ["body", "metadata", "litellm-metadata", "safety-identifier", *HEADERS])
def test_the_budget_of_a_customer(case: Case, where: str) -> None:
    user = f"vk-customer-{where}"
    case.post("/customer/new", {"user_id": user, "spend": 0.5, "max_budget": 0.25})
    bodies: dict[str, dict[str, Any]] = {
        "body": {"user": user},
        "metadata": {"metadata": {"user_id": user}},
        "litellm-metadata": {"litellm_metadata": {"user": user}},
        "safety-identifier": {"safety_identifier": user},
    }
    body, headers = bodies.get(where, {}), {HEADERS[where]: user} if where in HEADERS else {}
    answers = [
        case.chat("vk-used", options={"key": generated(case), "headers": headers}, **body),
        case.chat("vk-used", options={"headers": headers}, **body),
    ]
    case.assert_same_as_recorded()
    assert [refusal(answer) for answer in answers] == [EXCEEDED, EXCEEDED]
    assert answers[0].json["error"]["message"] == (
        f"ExceededBudget: End User={user} over budget. Spend=0.5, Budget=0.25"
    )


def test_a_blocked_customer(case: Case) -> None:
    case.script({"vk-used-up": []})
    case.post("/customer/new", {"user_id": "vk-blocked-customer", "blocked": True})
    answer = case.chat("vk-used", user="vk-blocked-customer", options={"key": generated(case)})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "vk-blocked-customer" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_budget_that_is_raised_for_some_time(case: Case) -> None:
    case.script({"vk-raised-up": []})
    metadata = {"temp_budget_increase": 10, "temp_budget_expiry": "2099-01-01T00:00:00"}
    key = generated(case, spend=0.5, max_budget=0.25, metadata=metadata)
    past = generated(case, spend=0.5, max_budget=0.25, metadata={**metadata, "temp_budget_expiry": "2020-01-01"})
    answers = [case.chat("vk-raised", options={"key": each}) for each in (key, past)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [200, 400]
