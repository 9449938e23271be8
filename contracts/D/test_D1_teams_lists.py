"""D1: teams are listed, searched and paged through."""

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/teams.yaml")


def test_the_teams_of_a_user(case: Case) -> None:
    for number in (2, 1):
        members = [{"role": "user", "user_id": "listed-member"}]
        case.post(
            "/team/new",
            {"team_id": f"listed-{number}", "team_alias": f"Listed {number}", "members_with_roles": members},
        )
    case.post("/key/generate", {"team_id": "listed-1", "key_alias": "listed-key"})
    found = case.get("/team/list?user_id=listed-member")
    none = case.get("/team/list?user_id=nobody-at-all")
    case.assert_same_as_recorded()
    assert [team["team_id"] for team in found.json] == ["listed-1", "listed-2"]
    assert [key["key_alias"] for key in found.json[0]["keys"]] == ["listed-key"]
    assert none.json == []


def test_a_list_shows_budgets_and_aliases(case: Case) -> None:
    case.post("/team/new", {"team_id": "budgeted-list", "model_aliases": {"quick": "teamed-group"}})
    member = {"role": "user", "user_id": "budgeted-lister"}
    case.post("/team/member_add", {"team_id": "budgeted-list", "member": member, "max_budget_in_team": 6})
    found = case.get("/team/list?user_id=budgeted-lister")
    case.assert_same_as_recorded(ignore=["*.model_id", "*.litellm_model_table.id"])
    [team] = found.json
    assert team["litellm_model_table"]["model_aliases"] == {"quick": "teamed-group"}
    assert team["team_memberships"][0]["litellm_budget_table"]["max_budget"] == 6.0


def test_pages_of_teams(case: Case) -> None:
    for number in (1, 2, 3):
        case.post("/team/new", {"team_id": f"paged-{number}", "team_alias": f"Paged Alias {number}"})
    first = case.get("/v2/team/list?team_alias=paged+alias&page_size=2&sort_by=team_id")
    second = case.get("/v2/team/list?team_alias=PAGED&page_size=2&page=2&sort_by=team_id")
    downwards = case.get("/v2/team/list?team_alias=paged&page_size=2&sort_by=team_alias&sort_order=desc")
    newest = case.get("/v2/team/list?team_alias=paged&page_size=1")
    beyond = case.get("/v2/team/list?team_alias=paged&page=9")
    case.assert_same_as_recorded()
    assert [team["team_id"] for team in first.json["teams"]] == ["paged-1", "paged-2"]
    assert [team["team_id"] for team in second.json["teams"]] == ["paged-3"]
    assert [team["team_id"] for team in downwards.json["teams"]] == ["paged-3", "paged-2"]
    assert [team["team_id"] for team in newest.json["teams"]] == ["paged-3"]
    assert beyond.json["teams"] == []
    assert (first.json["total"], first.json["total_pages"]) == (3, 2)


def test_pages_by_id_and_user(case: Case) -> None:
    members = [{"role": "user", "user_id": "sought-member"}]
    case.post("/team/new", {"team_id": "sought-team", "members_with_roles": members})
    case.post("/team/new", {"team_id": "unsought-team"})
    by_id = case.get("/v2/team/list?team_id=sought-team")
    by_user = case.get("/v2/team/list?user_id=sought-member")
    neither = case.get("/v2/team/list?user_id=sought-member&team_id=unsought-team")
    nobody = case.get("/v2/team/list?user_id=nobody-at-all")
    case.assert_same_as_recorded()
    assert [team["team_id"] for team in by_id.json["teams"]] == ["sought-team"]
    assert [team["team_id"] for team in by_user.json["teams"]] == ["sought-team"]
    assert neither.status == nobody.status == 404


def test_deleted_teams_are_remembered(case: Case) -> None:
    case.post("/team/new", {"team_id": "remembered-team", "team_alias": "Remembered", "max_budget": 3})
    case.post("/team/delete", {"team_ids": ["remembered-team"]}, headers={"litellm-changed-by": "an-auditor"})
    found = case.get("/v2/team/list?status=deleted&team_id=remembered-team")
    gone = case.get("/v2/team/list?team_id=remembered-team")
    case.assert_same_as_recorded()
    [team] = found.json["teams"]
    assert team["team_alias"] == "Remembered"
    assert team["deleted_by"] == "default_user_id"
    assert team["litellm_changed_by"] == "an-auditor"
    assert gone.json["teams"] == []


def test_pages_that_cannot_be(case: Case) -> None:
    queries = ("page=0", "page=-1", "page_size=0", "page_size=101", "page=x", "status=blocked")
    answers = [case.get(f"/v2/team/list?{query}") for query in queries]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [422, 422, 422, 422, 422, 400]


def test_a_column_that_is_none_does_not_sort(case: Case) -> None:
    case.post("/team/new", {"team_id": "unsorted-team", "team_alias": "Unsorted"})
    found = case.get("/v2/team/list?team_alias=Unsorted&sort_by=spend;--&sort_order=sideways")
    case.assert_same_as_recorded()
    assert [team["team_id"] for team in found.json["teams"]] == ["unsorted-team"]


def test_teams_for_a_field_that_completes(case: Case) -> None:
    for number in (1, 2):
        case.post("/team/new", {"team_id": f"Completed-{number}", "team_alias": f"Complete {number}"})
    by_id = case.get("/team/filter/ui?team_id=completed-")
    by_alias = case.get("/team/filter/ui?team_alias=complete+2")
    none = case.get("/team/filter/ui?team_alias=nothing-like-it")
    case.assert_same_as_recorded()
    assert [team["team_id"] for team in by_id.json] == ["Completed-2", "Completed-1"]
    assert [team["team_id"] for team in by_alias.json] == ["Completed-2"]
    assert none.json == []


def test_percent_signs_are_letters(case: Case) -> None:
    case.post("/team/new", {"team_id": "percent-team", "team_alias": "100%_sure\\"})
    found = case.get("/v2/team/list?team_alias=100%25_sure%5C")
    others = case.get("/v2/team/list?team_alias=1%25%25sure")

    def as_recorded(found: Exchange, others: Exchange) -> None:
        assert found.status == 200
        assert others.json["total"] == 1

    def required(found: Exchange, others: Exchange) -> None:
        assert [team["team_id"] for team in found.json["teams"]] == ["percent-team"]
        assert others.json["total"] == 0

    case.deviates(found, others, as_recorded=as_recorded, required=required)
