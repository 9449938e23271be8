"""D1: what is answered about spend without a database."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/no_database.yaml")

DAYS = "start_date=2026-01-01&end_date=2026-01-02"


@pytest.mark.parametrize(
    "path",
    [
        "/spend/keys",
        "/spend/users",
        "/spend/tags",
        "/spend/logs",
        f"/spend/logs/v2?{DAYS}",
        f"/spend/logs/ui?{DAYS}",
        "/spend/logs/session/ui?session_id=any",
        "/global/spend",
        "/global/spend/keys",
        "/global/spend/teams",
        "/global/spend/models",
        f"/global/spend/provider?{DAYS}",
        f"/global/spend/tags?{DAYS}",
        "/global/spend/all_tag_names",
        f"/global/spend/report?{DAYS}",
        "/global/all_end_users",
        f"/global/activity?{DAYS}",
        f"/global/activity/model?{DAYS}",
        f"/user/daily/activity?{DAYS}",
        f"/team/daily/activity?{DAYS}",
        f"/tag/daily/activity?{DAYS}",
        "/model/metrics",
    ],
    ids=lambda path: path.partition("?")[0].strip("/").replace("/", "-"),
)
def test_questions_about_spend(case: Case, path: str) -> None:
    found = case.get(path)
    traced = path.startswith("/global/spend/tags")  # the reference adds where in its own code that was noticed
    case.assert_same_as_recorded(ignore=["body.error.message"] if traced else [])
    assert found.status in (400, 401, 500)
    assert "connected" in found.text or "initialized" in found.text


def test_what_a_call_said(case: Case) -> None:
    found = case.get("/spend/logs/ui/any")
    case.assert_same_as_recorded()
    assert (found.status, found.json) == (200, None)


def test_a_reset(case: Case) -> None:
    found = case.post("/global/spend/reset")
    case.assert_same_as_recorded()
    assert found.status == 401


def test_costs_need_no_database(case: Case) -> None:
    found = case.post("/spend/calculate", {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]})
    case.assert_same_as_recorded(ignore=["body.cost"])
    assert found.status == 200
    assert found.json["cost"] > 0
