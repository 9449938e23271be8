"""D1: users are listed: filters, pages, order."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/users.yaml")

LISTED: dict[str, dict[str, Any]] = {
    "a": {"user_alias": "Third", "spend": 3, "user_role": "proxy_admin", "user_email": "c@{}.test"},
    "b": {"spend": 1, "sso_user_id": "{}-sso-b", "user_email": "a@{}.test"},
    "c": {"user_alias": "First", "spend": 2, "sso_user_id": "{}-sso-c", "user_email": "b@{}.test"},
}


def listed(case: Case, name: str) -> None:
    """Three users of a case's own, ``NAME-a`` to ``NAME-c``."""
    for letter, fields in LISTED.items():
        own = {field: value.format(name) if isinstance(value, str) else value for field, value in fields.items()}
        case.post("/user/new", {"user_id": f"{name}-{letter}", "auto_create_key": False, **own})


def ids(answer: Exchange) -> list[str]:
    return [user["user_id"] for user in answer.json["users"]]


def test_a_page_of_users(case: Case) -> None:
    made = case.post("/user/new", {"user_id": "paged-user-1", "user_email": "one@paged.test"})
    case.post("/key/generate", {"user_id": "paged-user-1", "key_alias": "second-of-paged"})
    case.post("/user/new", {"user_id": "paged-user-2", "user_email": "two@paged.test", "auto_create_key": False})
    first = case.get("/user/list?user_email=paged.test&page_size=1&sort_by=user_id")
    second = case.get("/user/list?user_email=paged.test&page_size=1&page=2&sort_by=user_id")
    beyond = case.get("/user/list?user_email=paged.test&page_size=1&page=3")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert (ids(first), ids(second), ids(beyond)) == (["paged-user-1"], ["paged-user-2"], [])
    assert first.json["users"][0]["key_count"] == 2
    assert (first.json["total"], first.json["total_pages"]) == (2, 2)


#: By name of the users: a query, and the last letters of those it finds.
FILTERS = {
    "several": ("user_ids=several-a,%20several-c", "ac"),
    "part": ("user_ids=PART-", "abc"),
    "ending": ("user_ids=nding-b", "b"),
    "noids": ("user_ids=,,", ""),
    "address": ("user_email=@ADDRESS.test", "abc"),
    "provider": ("sso_user_ids=provider-sso-b,provider-sso-c", "bc"),
    "role": ("user_ids=role-&role=proxy_admin", "a"),
    "norole": ("user_ids=norole-&role=no-role", ""),
    "noteam": ("user_ids=noteam-&team=no-team", ""),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters(case: Case, name: str) -> None:
    query, expected = FILTERS[name]
    listed(case, name)
    answer = case.get(f"/user/list?{query}&sort_by=user_id")
    case.assert_same_as_recorded()
    assert ids(answer) == [f"{name}-{letter}" for letter in expected]
    assert answer.json["total"] == len(expected)


def test_wildcards_of_the_database_are_letters(case: Case) -> None:
    listed(case, "wild")
    answer = case.get("/user/list?user_ids=wild_a")

    def as_recorded(answer: Exchange) -> None:
        assert ids(answer) == ["wild-a"]

    def required(answer: Exchange) -> None:
        assert ids(answer) == []

    case.deviates(answer, as_recorded=as_recorded, required=required)


#: By name of the users: a query, and their last letters in the order that it asks for.
ORDERS = {
    "downward": ("sort_by=user_id&sort_order=desc", "cba"),
    "byaddress": ("sort_by=user_email", "bca"),
    "byspend": ("sort_by=spend&sort_order=DESC", "acb"),
    "byalias": ("sort_by=user_alias", "cab"),
    "aliasdown": ("sort_by=user_alias&sort_order=desc", "bac"),
    "byage": ("sort_by=created_at", "abc"),
    "unsorted": ("page=1", "cba"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_order(case: Case, name: str) -> None:
    """What has no value comes last, and first in the descending order."""
    query, expected = ORDERS[name]
    listed(case, name)
    answer = case.get(f"/user/list?user_ids={name}-&{query}")
    case.assert_same_as_recorded()
    assert ids(answer) == [f"{name}-{letter}" for letter in expected]


def test_members_of_a_team(case: Case) -> None:
    case.post("/team/new", {"team_id": "listing-team"})
    case.post("/user/new", {"user_id": "team-listed", "teams": ["listing-team"], "auto_create_key": False})
    answer = case.get("/user/list?team=listing-team&user_ids=team-listed")
    case.assert_same_as_recorded()
    assert ids(answer) == ["team-listed"]


#: A query, and how it is refused.
UNLISTED = {
    "sort_by=password": 400,
    "sort_by=spend&sort_order=up": 400,
    "page=0": 422,
    "page_size=101": 422,
    "page=x&page_size=-1": 422,
}


@pytest.mark.parametrize("query", UNLISTED)
def test_lists_that_cannot_be(case: Case, query: str) -> None:
    answer = case.get(f"/user/list?{query}")
    case.assert_same_as_recorded()
    assert answer.status == UNLISTED[query]


def test_a_nul_in_a_filter(case: Case) -> None:
    answer = case.get("/user/list?user_ids=%00")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 422

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_search_of_the_dashboard(case: Case) -> None:
    for number in (1, 2):
        fields = {"user_id": f"searched-{number}", "user_email": f"{number}@searched.test"}
        case.post("/user/new", {**fields, "auto_create_key": False})
    by_id = case.get("/user/filter/ui?user_id=SEARCHED-1")
    by_address = case.get("/user/filter/ui?user_email=searched.TEST&page_size=1&page=2")
    nobody = case.get("/user/filter/ui?user_id=searched-3")
    case.assert_same_as_recorded()
    assert by_id.json == [{"user_id": "searched-1", "user_email": "1@searched.test"}]
    assert by_address.json == [{"user_id": "searched-1", "user_email": "1@searched.test"}]
    assert nobody.json == []


@pytest.mark.parametrize("query", ["page=0", "page_size=101"])
def test_searches_that_cannot_be(case: Case, query: str) -> None:
    answer = case.get(f"/user/filter/ui?{query}")
    case.assert_same_as_recorded()
    assert answer.status == 422


def test_roles_that_there_are(case: Case) -> None:
    answer = case.get("/user/available_roles")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert list(answer.json) == ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]


def test_how_many_users_there_may_be(case: Case) -> None:
    answer = case.get("/user/available_users")
    case.assert_same_as_recorded(ignore=["body.total_users_used", "body.total_teams_used"])
    assert answer.json["total_users"] is None
    assert isinstance(answer.json["total_users_used"], int)
