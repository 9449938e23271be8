"""D1: what was spent in all, by key, team, model, provider, customer, tag and day."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from contracts.spending import answer, charged, new_key
from fixtures.replies import status

pytestmark = contract("D1", config="D1/spend.yaml")

EVERYBODY = ["body*"]
"""Sums over a database that other cases share cannot be compared."""


def token(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def days(case: Case) -> str:
    return f"start_date={case.today}&end_date={case.today}"


def the(rows: list[dict[str, Any]], **equal: Any) -> dict[str, Any]:
    """The one row with these values."""
    [row] = [row for row in rows if all(row.get(name) == value for name, value in equal.items())]
    return row


# --- costs before and after a call ----------------------------------------------------------------------------------------


def test_the_cost_of_an_answer(case: Case) -> None:
    completion = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1677652288,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }
    found = case.post("/spend/calculate", {"completion_response": completion})
    case.assert_same_as_recorded()
    assert found.json == {"cost": pytest.approx(1000 * 0.15e-6 + 100 * 0.6e-6)}


@pytest.mark.parametrize("model", ["priced-group", "gpt-4o-mini"])
def test_the_cost_of_a_prompt(case: Case, model: str) -> None:
    found = case.post("/spend/calculate", {"model": model, "messages": [{"role": "user", "content": "Hello there"}]})
    case.assert_same_as_recorded()
    assert found.status == 200
    assert found.json["cost"] > 0


@pytest.mark.parametrize("body", [{}, {"model": "priced-group"}], ids=["nothing", "no-messages"])
def test_no_cost_of_nothing(case: Case, body: dict[str, Any]) -> None:
    found = case.post("/spend/calculate", body)
    case.assert_same_as_recorded()
    assert found.status == 400


def test_the_cost_of_an_unknown_model(case: Case) -> None:
    found = case.post("/spend/calculate", {"model": "nobody-knows", "messages": [{"role": "user", "content": "Hi"}]})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert found.status == 400
    assert "nobody-knows" in found.json["error"]["message"]


def test_an_estimate(case: Case) -> None:
    found = case.post(
        "/cost/estimate",
        {
            "model": "priced-group",
            "input_tokens": 1000,
            "output_tokens": 500,
            "num_requests_per_day": 10,
            "num_requests_per_month": 300,
        },
    )
    case.assert_same_as_recorded()
    assert found.json["cost_per_request"] == 2.0
    assert found.json["monthly_cost"] == 600.0


@pytest.mark.parametrize(
    "body",
    [{"model": "priced-group", "input_tokens": -1, "output_tokens": 1}, {"input_tokens": 1}],
    ids=["negative", "no-model"],
)
def test_no_estimate(case: Case, body: dict[str, Any]) -> None:
    found = case.post("/cost/estimate", body)
    case.assert_same_as_recorded()
    assert found.status == 422


def test_an_estimate_of_an_unknown_model(case: Case) -> None:
    found = case.post("/cost/estimate", {"model": "nobody-knows", "input_tokens": 1, "output_tokens": 1})
    case.assert_same_as_recorded(ignore=["body.detail.error"])
    assert found.status == 404
    assert "nobody-knows" in found.json["detail"]["error"]


def test_no_budgets_of_providers(case: Case) -> None:
    found = case.get("/provider/budgets")
    case.assert_same_as_recorded()
    assert found.status == 500


# --- holders --------------------------------------------------------------------------------------------------------------


def test_the_spend_of_keys(case: Case) -> None:
    case.script({"priced-upstream": [answer("spend-keys")]})
    key = charged(case, "spend-keys")
    found = case.until(
        lambda: case.get("/spend/keys"), lambda found: the(found.json, key_alias="spend-keys")["spend"] > 0
    )
    case.assert_same_as_recorded(ignore=EVERYBODY)
    row = the(found.json, key_alias="spend-keys")
    assert (row["token"], row["spend"]) == (token(key), 0.02)


def test_the_spend_of_a_user(case: Case) -> None:
    case.post("/user/new", {"user_id": "spend-user", "auto_create_key": False, "max_budget": 3})
    found = case.get("/spend/users?user_id=spend-user")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    [row] = found.json
    assert (row["user_id"], row["max_budget"], row["spend"]) == ("spend-user", 3.0, 0.0)


def test_the_spend_of_users(case: Case) -> None:
    case.post("/user/new", {"user_id": "spend-users", "auto_create_key": False})
    found = case.get("/spend/users")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert found.status == 200
    assert the(found.json, user_id="spend-users")["spend"] == 0.0


def test_the_spend_of_tags(case: Case) -> None:
    case.script({"priced-upstream": [answer("spend-tags")]})
    charged(case, "spend-tags")
    found = case.get("/spend/tags")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    row = the(found.json, individual_request_tag="spend-tags-tag")
    assert (row["log_count"], row["total_spend"]) == (1, 0.02)


def test_the_spend_of_tags_in_days(case: Case) -> None:
    case.script({"priced-upstream": [answer("global-tags")]})
    charged(case, "global-tags")
    found = case.get(f"/global/spend/tags?{days(case)}&tags=global-tags-tag")
    every = case.get(f"/global/spend/tags?{days(case)}")
    names = case.get("/global/spend/all_tag_names")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert found.json == {"spend_per_tag": [{"name": "global-tags-tag", "spend": 0.02, "log_count": 1}]}
    assert the(every.json["spend_per_tag"], name="global-tags-tag")["spend"] == 0.02
    assert "global-tags-tag" in names.json["tag_names"]


def test_tags_want_days(case: Case) -> None:
    found = case.get("/global/spend/tags")
    case.assert_same_as_recorded()
    assert found.status == 400


# --- everybody's ----------------------------------------------------------------------------------------------------------


def test_all_spend(case: Case) -> None:
    case.script({"priced-upstream": [answer("all-spend")]})
    charged(case, "all-spend")
    found = case.get("/global/spend")
    case.assert_same_as_recorded(ignore=["body.spend"])
    assert found.json["spend"] >= 0.02
    assert found.json["max_budget"] == 0.0


def test_the_spend_of_days(case: Case) -> None:
    case.script({"priced-upstream": [answer("global-days")]})
    key = charged(case, "global-days")
    every = case.get("/global/spend/logs")
    mine = case.get(f"/global/spend/logs?api_key={token(key)}")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert str(every.json[-1]["date"]).startswith(str(case.today))
    [row] = mine.json
    assert (row["api_key"], row["spend"]) == (token(key), 0.02)


def test_the_dearest_keys(case: Case) -> None:
    case.script({"priced-upstream": [answer("dearest-keys")]})
    key = charged(case, "dearest-keys")
    every = case.get("/global/spend/keys")
    one = case.get("/global/spend/keys?limit=1")
    none = case.get("/global/spend/keys?limit=0")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    row = the(every.json, api_key=token(key))
    assert (row["key_alias"], row["total_spend"]) == ("dearest-keys", 0.02)
    assert len(one.json) == 1
    assert none.status == 422


def test_the_dearest_models(case: Case) -> None:
    case.script({"priced-upstream": [answer("dearest-models")]})
    charged(case, "dearest-models")
    found = case.get("/global/spend/models?limit=100")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert the(found.json, model="openai/priced-upstream")["total_spend"] >= 0.02


def test_the_spend_of_teams(case: Case) -> None:
    case.script({"priced-upstream": [answer("global-teams")]})
    case.post("/team/new", {"team_id": "global-team", "team_alias": "Of all"})
    charged(case, "global-teams", team_id="global-team")
    found = case.get("/global/spend/teams")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert found.json["daily_spend"][-1]["Of all"] == 0.02
    assert "Of all" in found.json["teams"]
    assert the(found.json["total_spend_per_team"], team_id="Of all")["total_spend"] == 0.02


def test_the_spend_of_providers(case: Case) -> None:
    case.script({"priced-upstream": [answer("global-provider")]})
    charged(case, "global-provider")
    found = case.get(f"/global/spend/provider?{days(case)}")

    def as_recorded(found: Exchange) -> None:
        assert found.json == []

    def required(found: Exchange) -> None:
        assert the(found.json, provider="openai")["spend"] >= 0.02

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_the_spend_of_customers(case: Case) -> None:
    case.script({"priced-upstream": [answer("global-customer")]})
    key = charged(case, "global-customer")
    found = case.post("/global/spend/end_users", {"api_key": token(key)})
    every = case.get("/global/all_end_users")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert found.json == [{"end_user": "global-customer-customer", "total_count": 1, "total_spend": 0.02}]
    assert "global-customer-customer" in every.json["end_users"]


@pytest.mark.parametrize("by", ["team_id=report-team", "group_by=team", "group_by=customer", "group_by=api_key"])
def test_reports_need_no_licence(case: Case, by: str) -> None:
    found = case.get(f"/global/spend/report?{days(case)}&{by}")

    def as_recorded(found: Exchange) -> None:
        assert found.status == 400

    def required(found: Exchange) -> None:
        assert found.status == 200
        assert isinstance(found.json, list)

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_a_report_of_no_days(case: Case) -> None:
    found = case.get("/global/spend/report")
    case.assert_same_as_recorded()
    assert found.json == {"detail": {"error": "Please provide start_date and end_date"}}


def test_only_the_master_key_resets_spend(case: Case) -> None:
    case.post("/user/new", {"user_id": "resetting-admin", "user_role": "proxy_admin", "auto_create_key": False})
    key = new_key(case, "resetting", user_id="resetting-admin")
    found = case.post("/global/spend/reset", key=key)
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert found.status in (401, 403)


# --- activity -------------------------------------------------------------------------------------------------------------


def test_activity(case: Case) -> None:
    case.script({"priced-upstream": [answer("activity")]})
    charged(case, "activity")
    found = case.get(f"/global/activity?{days(case)}")
    models = case.get(f"/global/activity/model?{days(case)}")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    [day] = found.json["daily_data"]
    assert (day["api_requests"], day["total_tokens"]) == (
        found.json["sum_api_requests"],
        found.json["sum_total_tokens"],
    )
    assert day["date"] == case.today.strftime("%b %d")
    model = the(models.json, model="priced-group")
    assert model["sum_api_requests"] >= 1
    assert model["daily_data"][0]["model_group"] == "priced-group"


@pytest.mark.parametrize("path", ["activity", "activity/model", "spend/provider", "activity/cache_hits"])
def test_activity_wants_days(case: Case, path: str) -> None:
    found = case.get(f"/global/{path}")
    case.assert_same_as_recorded()
    assert found.status == 400


def test_an_activity_of_no_day(case: Case) -> None:
    found = case.get("/global/activity?start_date=today&end_date=today")

    def as_recorded(found: Exchange) -> None:
        assert found.status == 500

    def required(found: Exchange) -> None:
        assert found.status == 400

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_exceptions(case: Case) -> None:
    case.script({"failing-upstream": [status(429)]})
    key = new_key(case, "exceptions")
    case.chat("failing-group", options={"key": key})
    found = case.get(f"/global/activity/exceptions?{days(case)}&model_group=failing-group")
    each = case.get(f"/global/activity/exceptions/deployment?{days(case)}&model_group=failing-group")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert "sum_num_rate_limit_exceptions" in found.json
    assert each.status == 200


def test_hits_of_the_cache(case: Case) -> None:
    found = case.get(f"/global/activity/cache_hits?{days(case)}")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert found.status == 200


@pytest.mark.parametrize("path", ["model/metrics", "model/metrics/slow_responses", "model/streaming_metrics"])
def test_the_metrics_of_a_model(case: Case, path: str) -> None:
    query = f"startTime={case.today}&endTime={case.today + timedelta(days=1)}"
    found = case.get(f"/{path}?_selected_model_group=priced-group&{query}")
    case.assert_same_as_recorded(ignore=EVERYBODY)
    assert found.status == 200


def test_the_exceptions_of_a_model(case: Case) -> None:
    found = case.get(f"/model/metrics/exceptions?_selected_model_group=priced-group&startTime={case.today}")

    def as_recorded(found: Exchange) -> None:
        assert found.status == 500

    def required(found: Exchange) -> None:
        assert found.status == 200
        assert "exception_types" in found.json

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_the_activity_of_a_user(case: Case) -> None:
    case.script({"priced-upstream": [answer("user-days")]})
    case.post("/user/new", {"user_id": "user-days", "auto_create_key": False})
    key = charged(case, "user-days", user_id="user-days")
    found = case.until(
        lambda: case.get(f"/user/daily/activity?{days(case)}&user_id=user-days"),
        lambda found: bool(found.json["results"]),
    )
    whole = case.get(f"/user/daily/activity/aggregated?{days(case)}&user_id=user-days")
    case.assert_same_as_recorded()
    [day] = found.json["results"]
    assert day["metrics"]["spend"] == found.json["metadata"]["total_spend"] == 0.02
    assert day["breakdown"]["models"]["openai/priced-upstream"]["metrics"]["prompt_tokens"] == 10
    assert day["breakdown"]["api_keys"][token(key)]["metadata"]["key_alias"] == "user-days"
    assert whole.json["metadata"]["total_api_requests"] == 1


@pytest.mark.parametrize("kind", ["team", "customer", "tag"])
def test_the_activity_of_others(case: Case, kind: str) -> None:
    name = f"{kind}-days"
    case.script({"priced-upstream": [answer(name)]})
    case.post("/team/new", {"team_id": f"{name}-team", "team_alias": name})
    charged(case, name, team_id=f"{name}-team")
    parameter = {"team": "team_ids", "customer": "end_user_ids", "tag": "tags"}[kind]
    found = case.until(
        lambda: case.get(f"/{kind}/daily/activity?{days(case)}&{parameter}={name}-{kind}"),
        lambda found: bool(found.json["results"]),
    )
    case.assert_same_as_recorded(ignore=[*(["body.metadata*"] if kind == "tag" else [])])
    [day] = found.json["results"]
    assert day["metrics"]["spend"] == 0.02
    assert list(day["breakdown"]["entities"]) == [f"{name}-{kind}"]


def test_activity_without_calls(case: Case) -> None:
    found = case.get("/organization/daily/activity?start_date=2020-01-01&end_date=2020-01-02")
    agents = case.get("/agent/daily/activity?start_date=2020-01-01&end_date=2020-01-02")
    case.assert_same_as_recorded()
    assert found.json["results"] == agents.json["results"] == []


@pytest.mark.parametrize("kind", ["user", "team", "tag", "organization", "customer"])
def test_the_activity_of_no_days(case: Case, kind: str) -> None:
    found = case.get(f"/{kind}/daily/activity")
    case.assert_same_as_recorded()
    assert found.status == 400


def test_a_user_sees_its_own_activity(case: Case) -> None:
    case.post("/user/new", {"user_id": "own-days", "user_role": "internal_user", "auto_create_key": False})
    key = new_key(case, "own-days", user_id="own-days")
    mine = case.get(f"/user/daily/activity?{days(case)}", key=key)
    others = case.get(f"/user/daily/activity?{days(case)}&user_id=somebody", key=key)
    case.assert_same_as_recorded()
    assert mine.json["results"] == []
    assert others.status == 403
