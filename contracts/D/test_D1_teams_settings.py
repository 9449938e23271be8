"""D1: models, permissions, callbacks and defaults of teams."""

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/teams.yaml")


def test_models_are_added_and_taken_away(case: Case) -> None:
    case.post("/team/new", {"team_id": "stocked-team", "models": ["teamed-group"]})
    added = case.post("/team/model/add", {"team_id": "stocked-team", "models": ["unteamed-group", "teamed-group"]})
    taken = case.post("/team/model/delete", {"team_id": "stocked-team", "models": ["teamed-group", "unheard-of"]})
    case.assert_same_as_recorded(ignore=["body.models*"])
    assert sorted(added.json["models"]) == ["teamed-group", "unteamed-group"]
    assert taken.json["models"] == ["unteamed-group"]


def test_a_team_of_all_models_keeps_them(case: Case) -> None:
    case.post("/team/new", {"team_id": "open-team"})
    added = case.post("/team/model/add", {"team_id": "open-team", "models": ["teamed-group"]})
    case.assert_same_as_recorded(ignore=["body.models*"])
    assert sorted(added.json["models"]) == ["all-proxy-models", "teamed-group"]


def test_what_members_may_do(case: Case) -> None:
    case.post("/team/new", {"team_id": "governed-team"})
    before = case.get("/team/permissions_list?team_id=governed-team")
    updated = case.post(
        "/team/permissions_update",
        {"team_id": "governed-team", "team_member_permissions": ["/key/generate", "/team/daily/activity"]},
    )
    after = case.get("/team/permissions_list?team_id=governed-team")
    nowhere = [
        case.get("/team/permissions_list?team_id=nowhere"),
        case.post("/team/permissions_update", {"team_id": "nowhere", "team_member_permissions": []}),
    ]
    case.assert_same_as_recorded()
    assert before.json["team_member_permissions"] == []
    assert "/key/generate" in before.json["all_available_permissions"]
    assert updated.json["team_member_permissions"] == ["/key/generate", "/team/daily/activity"]
    assert after.json["team_member_permissions"] == ["/key/generate", "/team/daily/activity"]
    assert [answer.status for answer in nowhere] == [404, 404]


def test_callbacks_of_a_team(case: Case) -> None:
    case.post("/team/new", {"team_id": "logging-team"})
    callback = {
        "callback_name": "langfuse",
        "callback_type": "success",
        "callback_vars": {"langfuse_public_key": "pk-lf-1", "langfuse_host": "https://langfuse.test"},
    }
    before = case.get("/team/logging-team/callback")
    added = case.post("/team/logging-team/callback", callback)
    again = case.post("/team/logging-team/callback", callback)
    after = case.get("/team/logging-team/callback")
    case.assert_same_as_recorded()
    assert before.json["data"]["success_callbacks"] == []
    assert added.json["data"]["metadata"]["logging"][0]["callback_name"] == "langfuse"
    assert again.status == 400
    assert after.status == 200


def test_a_callback_is_checked(case: Case) -> None:
    case.post("/team/new", {"team_id": "checked-team"})
    answers = [
        case.post("/team/checked-team/callback", {}),
        case.post("/team/checked-team/callback", {"callback_name": "langfuse", "callback_vars": {"unheard_of": "x"}}),
        case.post(
            "/team/checked-team/callback", {"callback_name": "x", "callback_type": "sometimes", "callback_vars": {}}
        ),
        case.post("/team/nowhere/callback", {"callback_name": "langfuse", "callback_vars": {}}),
        case.get("/team/nowhere/callback"),
        case.post("/team/nowhere/disable_logging"),
    ]
    case.assert_same_as_recorded(ignore=["body.detail*.msg"])
    assert [answer.status for answer in answers] == [422, 422, 422, 400, 404, 404]
    assert "Invalid callback variable: unheard_of" in answers[1].json["detail"][0]["msg"]


def test_logging_is_turned_off(case: Case) -> None:
    case.post("/team/new", {"team_id": "silent-team", "metadata": {"kept": "yes"}})
    turned_off = case.post("/team/silent-team/disable_logging")
    callbacks = case.get("/team/silent-team/callback")
    found = case.get("/team/info?team_id=silent-team")
    case.assert_same_as_recorded()
    assert turned_off.json["message"] == "Logging disabled for team silent-team"
    assert callbacks.json["data"]["success_callbacks"] == []
    assert found.json["team_info"]["metadata"]["kept"] == "yes"


def test_features_behind_a_licence(case: Case) -> None:
    fields = {"guardrails": ["a-guardrail"], "tags": ["a-tag"], "team_member_key_duration": "30d"}
    made = case.post("/team/new", {"team_id": "licensed-team", **fields})
    plain = case.post("/team/new", {"team_id": "unlicensed-team"})
    changed = case.post("/team/update", {"team_id": "unlicensed-team", "prompts": ["a-prompt"]})

    def as_recorded(made: Exchange, plain: Exchange, changed: Exchange) -> None:
        assert made.status == changed.status == 403
        assert "LiteLLM Enterprise users" in made.json["error"]["message"]

    def required(made: Exchange, plain: Exchange, changed: Exchange) -> None:
        assert made.status == plain.status == changed.status == 200
        assert made.json["metadata"] == fields
        assert changed.json["data"]["metadata"] == {"prompts": ["a-prompt"]}

    case.deviates(made, plain, changed, as_recorded=as_recorded, required=required)


def test_metadata_is_not_lost(case: Case) -> None:
    case.post("/team/new", {"team_id": "careful-team", "metadata": {"kept": 1}, "team_member_budget": 2})
    changed = case.post("/team/update", {"team_id": "careful-team", "model_rpm_limit": {"teamed-group": 9}})
    found = case.get("/team/info?team_id=careful-team")

    def as_recorded(changed: Exchange, found: Exchange) -> None:
        assert changed.json["data"]["metadata"] == {"model_rpm_limit": {"teamed-group": 9}}
        assert found.json["team_info"]["team_member_budget_table"] is None

    def required(changed: Exchange, found: Exchange) -> None:
        metadata = changed.json["data"]["metadata"]
        assert (metadata["kept"], metadata["model_rpm_limit"]) == (1, {"teamed-group": 9})
        assert found.json["team_info"]["team_member_budget_table"]["max_budget"] == 2.0

    case.deviates(changed, found, as_recorded=as_recorded, required=required)


def test_the_budgets_of_a_team_belong_together(case: Case) -> None:
    refused = [
        case.post("/team/new", {"team_id": "odd-1", "max_budget": -1}),
        case.post("/team/new", {"team_id": "odd-2", "soft_budget": -0.5}),
        case.post("/team/new", {"team_id": "odd-3", "team_member_budget": -3}),
        case.post("/team/new", {"team_id": "odd-4", "max_budget": 5, "soft_budget": 5}),
    ]
    case.post("/team/new", {"team_id": "even-team", "max_budget": 5, "soft_budget": 2})
    refused += [
        case.post("/team/update", {"team_id": "even-team", "max_budget": 2}),
        case.post("/team/update", {"team_id": "even-team", "soft_budget": 6}),
        case.post("/team/update", {"team_id": "even-team", "max_budget": -1}),
        case.post("/team/update", {"team_id": "even-team", "team_member_budget": -1}),
    ]
    found = [case.get(f"/team/info?team_id=odd-{number}") for number in (1, 4)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in refused] == [400] * 8
    assert "max_budget cannot be negative. Received: -1.0" in refused[0].json["error"]["message"]
    assert "must be strictly lower than max_budget (5.0)" in refused[3].json["error"]["message"]
    assert [answer.status for answer in found] == [404, 404]


def test_what_new_teams_get(case: Case) -> None:
    case.get("/get/default_team_settings")
    updated = case.request(
        "PATCH", "/update/default_team_settings", json={"max_budget": 11.5, "models": ["teamed-group"]}
    )
    after = case.get("/get/default_team_settings")
    refused = case.request("PATCH", "/update/default_team_settings", json={"max_budget": "much"})
    case.request("PATCH", "/update/default_team_settings", json={})
    case.assert_same_as_recorded()
    assert updated.json["settings"]["max_budget"] == 11.5
    assert after.json["values"]["max_budget"] == 11.5
    assert after.json["values"]["models"] == ["teamed-group"]
    assert refused.status == 422


def test_teams_that_anybody_may_join(case: Case) -> None:
    case.post("/team/new", {"team_id": "open-to-all", "team_alias": "Open"})
    key = case.post("/user/new", {"user_id": "joining-user", "user_role": "internal_user"}).json["key"]
    before = case.get("/team/available", key=key)
    member = {"role": "user", "user_id": "joining-user"}
    joined = case.post("/team/member_add", {"team_id": "open-to-all", "member": member}, key=key)
    after = case.get("/team/available", key=key)
    case.assert_same_as_recorded()
    assert [team["team_id"] for team in before.json] == ["open-to-all"]
    assert joined.status == 200
    assert after.json == []
