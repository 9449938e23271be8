"""D1: rows of single calls are looked up, paged, filtered, and seen by those who may."""

from datetime import timedelta
from hashlib import sha256

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from contracts.spending import answer, charged, logged, new_key
from fixtures.replies import status

pytestmark = contract("D1", config="D1/spend.yaml")


def token(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def days(case: Case) -> str:
    today = case.today
    return f"start_date={today}&end_date={today + timedelta(days=1)}"


def moments(case: Case) -> str:
    today = case.today
    return f"start_date={today}%2000:00:00&end_date={today}%2023:59:59"


def test_logs_by_the_hash_of_a_key(case: Case) -> None:
    case.script({"priced-upstream": [answer("by-hash")]})
    key = charged(case, "by-hash")
    found = case.get(f"/spend/logs?api_key={token(key)}")
    case.assert_same_as_recorded()
    assert [row["request_id"] for row in found.json] == ["chatcmpl-by-hash"]


def test_logs_by_id(case: Case) -> None:
    case.script({"priced-upstream": [answer("by-id")]})
    charged(case, "by-id")
    found = case.get("/spend/logs?request_id=chatcmpl-by-id")
    unknown = case.get("/spend/logs?request_id=chatcmpl-nobody")
    case.assert_same_as_recorded()
    assert [row["end_user"] for row in found.json] == ["by-id-customer"]
    assert (unknown.status, unknown.json) == (200, [])


def test_logs_by_user(case: Case) -> None:
    case.script({"priced-upstream": [answer("by-user")]})
    case.post("/user/new", {"user_id": "logs-user", "auto_create_key": False})
    charged(case, "by-user", user_id="logs-user")
    found = case.get("/spend/logs?user_id=logs-user")
    case.assert_same_as_recorded(ignore=["body*"])
    assert [row["request_id"] for row in found.json] == ["chatcmpl-by-user"]
    assert found.json[0]["user"] == "logs-user"


def test_what_each_day_cost(case: Case) -> None:
    case.script({"priced-upstream": [answer("per-day")]})
    key = charged(case, "per-day")
    found = case.get(f"/spend/logs?api_key={token(key)}&{days(case)}")
    case.assert_same_as_recorded()
    first, second = found.json
    assert first["spend"] == first[token(key)] == first["models"]["openai/priced-upstream"] == 0.02
    assert first["users"] == {"": 0.02}
    assert second["spend"] == 0


def test_the_calls_of_days(case: Case) -> None:
    case.script({"priced-upstream": [answer("of-days")]})
    key = charged(case, "of-days")
    found = case.get(f"/spend/logs?api_key={token(key)}&{days(case)}&summarize=false")
    case.assert_same_as_recorded()
    assert [row["request_id"] for row in found.json] == ["chatcmpl-of-days"]


def test_days_without_calls(case: Case) -> None:
    found = case.get("/spend/logs?start_date=2020-01-01&end_date=2020-01-03")
    case.assert_same_as_recorded()
    assert (found.status, found.json) == (200, [])


def test_days_that_are_none(case: Case) -> None:
    found = case.get("/spend/logs?start_date=yesterday&end_date=2020-01-03")

    def as_recorded(found: Exchange) -> None:
        assert found.status == 500

    def required(found: Exchange) -> None:
        assert found.status == 400
        assert "start_date" in found.text

    case.deviates(found, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["v2", "ui"])
def test_a_page(case: Case, path: str) -> None:
    case.script({"priced-upstream": [answer(f"page-{path}-1"), answer(f"page-{path}-2")]})
    key = new_key(case, f"paged-{path}")
    case.chat("priced-group", options={"key": key})
    case.chat("priced-group", options={"key": key})
    logged(case, key, rows=2)
    query = f"api_key={token(key)}&{moments(case)}&page_size=1"
    first = case.get(f"/spend/logs/{path}?{query}")
    second = case.get(f"/spend/logs/{path}?{query}&page=2")
    rising = case.get(f"/spend/logs/{path}?{query}&sort_order=asc")
    case.assert_same_as_recorded()
    assert (first.json["total"], first.json["total_pages"], first.json["page_size"]) == (2, 2, 1)
    assert first.json["data"][0]["request_id"] == f"chatcmpl-page-{path}-2"
    assert second.json["data"][0]["request_id"] == rising.json["data"][0]["request_id"] == f"chatcmpl-page-{path}-1"
    assert ("session_total_count" in first.json["data"][0]) == (path == "ui")


def test_filters_of_pages(case: Case) -> None:
    case.script({"priced-upstream": [answer("filtered")]})
    key = charged(case, "filtered")
    query = f"api_key={token(key)}&{moments(case)}"
    kept = [
        case.get(f"/spend/logs/v2?{query}&{more}")
        for more in (
            "status_filter=success",
            "model=openai/priced-upstream",
            "model_id=priced-1",
            "key_alias=filter",
            "end_user=filtered-customer",
            "min_spend=0.01&max_spend=0.03",
            "request_id=chatcmpl-filtered",
        )
    ]
    left = [
        case.get(f"/spend/logs/v2?{query}&{more}")
        for more in (
            "status_filter=failure",
            "model=priced-group",
            "model_id=other",
            "key_alias=%25nobody",
            "end_user=nobody",
            "min_spend=0.03",
            "error_code=500",
            "team_id=nobody",
        )
    ]
    case.assert_same_as_recorded(ignore=["body.data*"])
    assert [page.json["total"] for page in kept] == [1] * 7
    assert [page.json["total"] for page in left] == [0] * 8


def test_failures_by_code_and_text(case: Case) -> None:

    case.script({"failing-upstream": [status(429)]})
    key = new_key(case, "by-code")
    case.chat("failing-group", options={"key": key})
    logged(case, key)
    query = f"api_key={token(key)}&{moments(case)}"
    by_code = case.get(f"/spend/logs/v2?{query}&error_code=429")
    by_text = case.get(f"/spend/logs/v2?{query}&error_message=upstream%20says%20429")
    case.assert_same_as_recorded(ignore=["body*"])
    assert by_code.json["total"] == by_text.json["total"] == 1
    assert by_code.json["data"][0]["status"] == "failure"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start_date=2020-01-01%2000:00:00",
        "start_date=2020-01-01%2000:00:00&end_date=2020-01-02%2000:00:00&sort_by=model",
        "start_date=2020-01-01%2000:00:00&end_date=2020-01-02%2000:00:00&sort_order=up",
        "start_date=2020-01-01%2000:00:00&end_date=2020-01-02%2000:00:00&page=0",
        "start_date=2020-01-01%2000:00:00&end_date=2020-01-02%2000:00:00&page_size=1000",
        "start_date=2020-01-01%2000:00:00&end_date=2020-01-02%2000:00:00&min_spend=much",
        "start_date=soon&end_date=2020-01-02%2000:00:00",
    ],
    ids=["nothing", "no-end", "sort-by", "sort-order", "page", "size", "spend", "moment"],
)
def test_pages_that_cannot_be(case: Case, query: str) -> None:
    found = case.get(f"/spend/logs/v2?{query}")
    case.assert_same_as_recorded()
    assert found.status in (400, 422)


def test_an_empty_page_of_days(case: Case) -> None:
    found = case.get("/spend/logs/v2?start_date=2020-01-01&end_date=2020-01-02")
    case.assert_same_as_recorded()
    assert found.json == {"data": [], "total": 0, "page": 1, "page_size": 50, "total_pages": 0}


def test_what_a_call_said(case: Case) -> None:
    case.script({"priced-upstream": [answer("said")]})
    charged(case, "said")
    found = case.get("/spend/logs/ui/chatcmpl-said")
    unknown = case.get("/spend/logs/ui/chatcmpl-nobody")
    case.assert_same_as_recorded()
    assert found.json == {"messages": {}, "response": {}, "proxy_server_request": {}}
    assert unknown.json is None


def test_a_user_sees_its_own_calls(case: Case) -> None:
    case.script({"priced-upstream": [answer("seen-own"), answer("seen-other")]})
    for name in ("own", "other"):
        case.post("/user/new", {"user_id": f"seen-{name}", "user_role": "internal_user", "auto_create_key": False})
    key = charged(case, "seen-own", user_id="seen-own")
    charged(case, "seen-other", user_id="seen-other")
    mine = case.get("/spend/logs", key=key)
    others = case.get("/spend/logs?user_id=seen-other", key=key)
    page = case.get(f"/spend/logs/v2?{moments(case)}&user_id=seen-other", key=key)
    case.assert_same_as_recorded(ignore=["body*"])
    assert {row["user"] for row in others.json} == {"seen-own"}
    assert {row["user"] for row in mine.json} == {"seen-own"}
    assert page.status == 401


def test_a_key_without_a_user(case: Case) -> None:
    key = new_key(case, "no-user")
    found = case.get("/spend/logs", key=key)
    case.assert_same_as_recorded()
    assert found.status == 401
