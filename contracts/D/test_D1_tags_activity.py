"""D1: who used which tag: by day, week and month, and altogether."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("D1", config="D1/tags.yaml")

EVER = "start_date=2020-01-01&end_date=2099-12-31"


def tagged(case: Case, name: str) -> None:
    """A chat of the user ``NAME-user`` with the tag ``NAME-tag``."""
    case.script({"tags-upstream": [ok("Tagged")]})
    key = case.post("/user/new", {"user_id": f"{name}-user", "user_email": f"{name}@tags.test"}).json["key"]
    case.chat("tags-group", metadata={"tags": [f"{name}-tag"]}, options={"key": key})


def found(case: Case, path: str) -> Exchange:
    """The answer, when there is something in it."""
    return case.until(lambda: case.get(path), lambda answer: len(answer.json["results"]) > 0)


def test_a_summary(case: Case) -> None:
    tagged(case, "summed")
    answer = found(case, f"/tag/summary?{EVER}&tag_filters=summed-tag")
    case.assert_same_as_recorded()
    [row] = answer.json["results"]
    assert (row["tag"], row["unique_users"], row["total_requests"]) == ("summed-tag", 1, 1)
    assert row["total_tokens"] == 15
    assert len(case.journal().models) == 1


@pytest.mark.parametrize("period", ["dau", "wau", "mau"])
def test_users_of_a_period(case: Case, period: str) -> None:
    tagged(case, f"{period}d")
    answer = found(case, f"/tag/{period}?tag_filter={period}D-t")
    case.assert_same_as_recorded(ignore=["body.results[0].date", "body.results[0].period_*"])
    [row] = answer.json["results"]
    assert (row["tag"], row["active_users"]) == (f"{period}d-tag", 1)
    assert row["date"].startswith({"dau": "20", "wau": "Week 7 (", "mau": "Month 7 ("}[period])
    assert (row["period_start"] is None) == (period == "dau")


def test_tags_that_there_are(case: Case) -> None:
    tagged(case, "distinct")
    case.until(lambda: case.get("/tag/distinct"), lambda answer: {"tag": "distinct-tag"} in answer.json["results"])
    case.assert_same_as_recorded(ignore=["body.results"])
    assert case.exchanges[-1].status == 200


def test_users_of_a_tag(case: Case) -> None:
    tagged(case, "peruser")
    answer = found(case, "/tag/user-agent/per-user-analytics?tag_filters=peruser-tag&page_size=1")
    beyond = case.get("/tag/user-agent/per-user-analytics?tag_filters=peruser-tag&page_size=1&page=2")
    case.assert_same_as_recorded()
    [row] = answer.json["results"]
    assert (row["user_id"], row["user_email"], row["successful_requests"]) == ("peruser-user", "peruser@tags.test", 1)
    assert row["user_agent"] == "peruser-tag"
    assert beyond.json["results"] == []


NOTHING = (
    f"summary?{EVER}&tag_filter=no-such-tag",
    "dau?tag_filter=no-such-tag",
    "wau?tag_filters=no-such-tag&tag_filters=another",
    "mau?tag_filter=no-such-tag",
    "user-agent/per-user-analytics?tag_filter=no-such-tag",
)


@pytest.mark.parametrize("question", NOTHING)
def test_nothing_to_tell(case: Case, question: str) -> None:
    answer = case.get(f"/tag/{question}")
    case.assert_same_as_recorded()
    assert answer.json["results"] == []


@pytest.mark.parametrize(
    "question", ["summary", "summary?start_date=x&end_date=2026-01-01", "user-agent/per-user-analytics?page=0"]
)
def test_questions_that_cannot_be(case: Case, question: str) -> None:
    answer = case.get(f"/tag/{question}")
    case.assert_same_as_recorded()
    assert answer.status in (400, 422)


@pytest.mark.parametrize("path", ["summary", "dau", "distinct", "user-agent/per-user-analytics"])
def test_activity_is_the_admins(case: Case, path: str) -> None:
    name = f"curious-{path.replace('/', '-')}"
    key = case.post("/user/new", {"user_id": name, "user_role": "internal_user"}).json["key"]
    answer = case.get(f"/tag/{path}", key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
