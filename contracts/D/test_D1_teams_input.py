"""D1: what is wrong with requests about teams."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/teams.yaml")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/team/new", {"max_budget": "much"}, id="budget"),
        pytest.param("/team/new", {"models": "teamed-group"}, id="models"),
        pytest.param("/team/new", {"tpm_limit": 1.5}, id="limit"),
        pytest.param("/team/new", {"members_with_roles": [{"role": "owner", "user_id": "u"}]}, id="role"),
        pytest.param("/team/new", {"members_with_roles": [{"role": "user"}]}, id="nobody"),
        pytest.param("/team/new", {"metadata": []}, id="metadata"),
        pytest.param("/team/update", {}, id="update"),
        pytest.param("/team/update", {"team_id": None}, id="update-null"),
        pytest.param("/team/delete", {}, id="delete"),
        pytest.param("/team/delete", {"team_ids": "one"}, id="delete-text"),
        pytest.param("/team/block", {}, id="block"),
        pytest.param("/team/unblock", {"team_id": 7}, id="unblock"),
        pytest.param("/team/member_add", {"team_id": "t"}, id="member_add"),
        pytest.param("/team/member_delete", {"team_id": "t"}, id="member_delete"),
        pytest.param("/team/member_update", {"user_id": "u"}, id="member_update"),
        pytest.param("/team/bulk_member_add", {"members": []}, id="bulk_member_add"),
        pytest.param("/team/model/add", {"team_id": "t"}, id="model-add"),
        pytest.param("/team/model/delete", {"models": []}, id="model-delete"),
        pytest.param("/team/permissions_update", {"team_id": "t", "team_member_permissions": 1}, id="permissions"),
    ],
)
def test_bodies_that_are_none(case: Case, path: str, body: Any) -> None:
    answer = case.post(path, body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"


@pytest.mark.parametrize(
    "member",
    [
        pytest.param({"role": "owner", "user_id": "u"}, id="role"),
        pytest.param({"role": "user"}, id="nobody"),
        pytest.param("u", id="text"),
    ],
)
def test_members_that_are_none(case: Case, member: Any) -> None:
    answer = case.post("/team/member_add", {"team_id": "strict-team", "member": member})
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"


def test_a_team_without_an_id_in_the_query(case: Case) -> None:
    answers = [case.get("/team/info"), case.get("/team/info?team_id="), case.get("/team/permissions_list")]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [422, 404, 404]


def test_texts_that_look_like_sql(case: Case) -> None:
    name = "team'); DROP TABLE teams; --"
    made = case.post("/team/new", {"team_id": name, "team_alias": name})
    found = case.get("/team/info?team_id=team%27%29%3B+DROP+TABLE+teams%3B+--")
    listed = case.get("/v2/team/list?team_alias=%27%29%3B+DROP+TABLE")
    case.assert_same_as_recorded()
    assert made.json["team_id"] == found.json["team_id"] == name
    assert listed.json["total"] == 1


def test_unknown_fields_are_left_out(case: Case) -> None:
    made = case.post("/team/new", {"team_id": "exact-team", "spend": 99, "unheard_of": True, "created_at": "1999"})
    changed = case.post("/team/update", {"team_id": "exact-team", "unheard_of": True, "members_with_roles": []})
    case.assert_same_as_recorded()
    assert made.json["spend"] == 0.0
    assert "unheard_of" not in made.json
    assert len(changed.json["data"]["members_with_roles"]) == 1


def test_a_megabyte_of_metadata(case: Case) -> None:
    text = "m" * 1_000_000
    made = case.post("/team/new", {"team_id": "heavy-team", "metadata": {"text": text}})
    found = case.get("/team/info?team_id=heavy-team")
    assert made.status == 200
    assert found.json["team_info"]["metadata"] == {"text": text}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"team_alias": "nul \x00"}, id="nul"),
        pytest.param({"tpm_limit": 2**70}, id="huge-limit"),
        pytest.param({"max_budget": "nan"}, id="nan"),
        pytest.param({"max_budget": "inf"}, id="infinite"),
        pytest.param({"models": [{"not": "a name"}]}, id="models"),
    ],
)
def test_what_cannot_be_stored(case: Case, fields: Any) -> None:
    answer = case.post("/team/new", {"team_id": "impossible-team", **fields})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 422

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_body_that_is_a_list(case: Case) -> None:
    answer = case.post("/team/new", [])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 422

    case.deviates(answer, as_recorded=as_recorded, required=required)
