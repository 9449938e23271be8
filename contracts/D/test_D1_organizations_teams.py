"""D1: teams of an organization keep its limits."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/organizations.yaml")

BOUNDED = {
    "organization_alias": "Bounded",
    "models": ["organized-group"],
    "max_budget": 10,
    "tpm_limit": 1000,
    "rpm_limit": 100,
}


def test_models_beyond_the_organization(case: Case) -> None:
    case.post("/organization/new", {**BOUNDED, "organization_id": "modelled"})
    beyond = {"models": ["disorganized-group"]}
    refused = case.post("/team/new", {"team_id": "modelled-beyond", "organization_id": "modelled", **beyond})
    made = case.post("/team/new", {"team_id": "modelled-within", "organization_id": "modelled"})
    changed = case.post("/team/update", {"team_id": "modelled-within", **beyond})
    case.assert_same_as_recorded()
    assert refused.status == changed.status == 400
    assert "Model 'disorganized-group' not in organization's allowed models" in refused.json["error"]["message"]
    assert made.status == 200


@pytest.mark.parametrize(
    "fields", [{"max_budget": 11.0}, {"tpm_limit": 1001}, {"rpm_limit": 101}], ids=["budget", "tpm", "rpm"]
)
def test_limits_beyond_the_organization(case: Case, fields: Any) -> None:
    [(field, value)] = fields.items()
    name = f"limited-by-{field.replace('_', '-')}"
    case.post("/organization/new", {**BOUNDED, "organization_id": name})
    refused = case.post("/team/new", {"team_id": f"{name}-beyond", "organization_id": name, **fields})
    case.post("/team/new", {"team_id": f"{name}-within", "organization_id": name})
    changed = case.post("/team/update", {"team_id": f"{name}-within", **fields})

    def as_recorded(refused: Exchange, changed: Exchange) -> None:
        assert refused.status == changed.status == 200

    def required(refused: Exchange, changed: Exchange) -> None:
        assert refused.status == changed.status == 400
        assert f"Team {field} ({value}) exceeds organization's {field}" in refused.json["error"]["message"]

    case.deviates(refused, changed, as_recorded=as_recorded, required=required)


def test_a_team_of_an_organization_that_is_not_there(case: Case) -> None:
    answer = case.post("/team/new", {"team_id": "homeless-team", "organization_id": "nowhere"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "Organization not found for organization_id=nowhere" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_guaranteed_throughput_is_shared(case: Case) -> None:
    case.post("/organization/new", {**BOUNDED, "organization_id": "sharing-organization"})
    common = {"organization_id": "sharing-organization", "tpm_limit_type": "guaranteed_throughput"}
    first = case.post("/team/new", {"team_id": "sharing-1", "tpm_limit": 700, **common})
    second = case.post("/team/new", {"team_id": "sharing-2", "tpm_limit": 700, **common})
    third = case.post("/team/new", {"team_id": "sharing-3", "tpm_limit": 300, **common})
    of_model = case.post("/team/new", {"team_id": "sharing-4", "model_rpm_limit": {"organized-group": 101}, **common})

    def as_recorded(*answers: Exchange) -> None:
        assert {answer.status for answer in answers} == {200}

    def required(*answers: Exchange) -> None:
        assert [answer.status for answer in answers] == [200, 400, 200, 400]
        assert "Allocated TPM limit=700 + Team TPM limit=700" in answers[1].json["error"]["message"]

    case.deviates(first, second, third, of_model, as_recorded=as_recorded, required=required)


def test_a_team_moves_into_an_organization(case: Case) -> None:
    case.post("/organization/new", {**BOUNDED, "organization_id": "receiving-organization"})
    case.post("/team/new", {"team_id": "moving-all", "models": []})
    case.post("/team/new", {"team_id": "moving-rich", "models": ["organized-group"], "max_budget": 11})
    case.post("/team/new", {"team_id": "moving-other", "models": ["disorganized-group"]})
    case.post(
        "/team/new",
        {
            "team_id": "moving-strangers",
            "models": ["organized-group"],
            "members_with_roles": [{"role": "user", "user_id": "moving-stranger"}],
        },
    )
    case.post("/team/new", {"team_id": "moving-well", "models": ["organized-group"], "max_budget": 5})
    names = ("moving-all", "moving-rich", "moving-other", "moving-strangers", "moving-well")
    answers = [
        case.post("/team/update", {"team_id": name, "organization_id": "receiving-organization"}) for name in names
    ]
    away = case.post("/team/update", {"team_id": "moving-well", "organization_id": ""})
    nowhere = case.post("/team/update", {"team_id": "moving-well", "organization_id": "nowhere"})
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [403, 403, 401, 403, 200]
    assert answers[4].json["data"]["organization_id"] == "receiving-organization"
    assert away.json["data"]["organization_id"] is None
    assert nowhere.status == 404
