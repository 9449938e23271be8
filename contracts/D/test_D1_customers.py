"""D1: customers, whom calls name in `user`: made, looked up, changed, blocked and deleted."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/customers.yaml")

TWINS = ("/customer", "/end_user")


@pytest.mark.parametrize("twin", TWINS)
def test_a_customer_with_defaults(case: Case, twin: str) -> None:
    name = f"plain{twin.replace('/', '-')}"
    made = case.post(f"{twin}/new", {"user_id": name})
    found = case.get(f"{twin}/info?end_user_id={name}")
    case.assert_same_as_recorded()
    assert made.json["user_id"] == found.json["user_id"] == name
    assert made.json["blocked"] is found.json["blocked"] is False
    assert made.json["litellm_budget_table"] is None


FULL: dict[str, Any] = {
    "alias": "Füll Cüstomer",
    "max_budget": 5,
    "soft_budget": 4,
    "tpm_limit": 3,
    "rpm_limit": 2,
    "max_parallel_requests": 1,
    "budget_duration": "1d",
    "budget_reset_at": "2030-01-01T00:00:00Z",
    "allowed_model_region": "eu",
    "default_model": "customers-group",
    "spend": 0.5,
    "blocked": True,
    "object_permission": {"vector_stores": ["some-store"]},
}


@pytest.mark.parametrize("twin", TWINS)
def test_a_customer_with_many_fields(case: Case, twin: str) -> None:
    name = f"full{twin.replace('/', '-')}"
    made = case.post(f"{twin}/new", {"user_id": name, **FULL})
    found = case.get(f"{twin}/info?end_user_id={name}")
    case.assert_same_as_recorded()
    assert made.status == 200
    assert made.json["litellm_budget_table"]["max_budget"] == 5.0
    assert found.json["litellm_budget_table"]["tpm_limit"] == 3
    assert found.json["object_permission"]["vector_stores"] == ["some-store"]
    assert found.json["spend"] == 0.5


def test_the_budget_of_a_customer_begins_anew(case: Case) -> None:
    """Without a moment that the client chooses the reference stores none until its next look, and then resets at once."""
    made = case.post("/customer/new", {"user_id": "periodic-customer", "max_budget": 1, "budget_duration": "30d"})
    reset = made.json["litellm_budget_table"]["budget_reset_at"]

    def as_recorded(reset: Any) -> None:
        assert reset is None

    def required(reset: Any) -> None:
        assert reset is not None

    case.deviates(reset, as_recorded=as_recorded, required=required)


def test_a_budget_that_is_shared(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "shared-by-customers", "max_budget": 7})
    made = case.post("/customer/new", {"user_id": "sharing-customer", "budget_id": "shared-by-customers"})
    found = case.get("/customer/info?end_user_id=sharing-customer")
    case.assert_same_as_recorded()
    assert made.json["budget_id"] == "shared-by-customers"
    assert found.json["litellm_budget_table"]["max_budget"] == 7.0


def test_an_unknown_budget_is_refused(case: Case) -> None:
    answer = case.post("/customer/new", {"user_id": "budgetless-customer", "budget_id": "no-such-budget"})
    found = case.get("/customer/info?end_user_id=budgetless-customer")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (500, 404)

    def required(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (400, 404)
        assert "no-such-budget" in answer.json["error"]["message"]

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


def test_budgets_by_model(case: Case) -> None:
    """In the reference they are a 422 in the words of a query language."""
    budgets = {"customers-group": {"budget_limit": 1.0, "time_period": "1d"}}
    answer = case.post("/customer/new", {"user_id": "model-budget-customer", "model_max_budget": budgets})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 422
        assert "Syntax Error" in answer.text

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert list(answer.json["litellm_budget_table"]["model_max_budget"]) == ["customers-group"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("twin", TWINS)
def test_an_id_is_taken_once(case: Case, twin: str) -> None:
    name = f"taken{twin.replace('/', '-')}"
    case.post(f"{twin}/new", {"user_id": name, "alias": "first"})
    answer = case.post(f"{twin}/new", {"user_id": name, "alias": "second", "max_budget": 1})
    found = case.get(f"{twin}/info?end_user_id={name}")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["error"]["param"] == "user_id"
    assert (found.json["alias"], found.json["litellm_budget_table"] if twin == TWINS[0] else None) == ("first", None)


REFUSED: dict[str, dict[str, Any]] = {
    "empty": {},
    "two-budgets": {"user_id": "refused", "max_budget": 1, "budget_id": "some-budget"},
    "region": {"user_id": "refused", "allowed_model_region": "mars"},
    "model": {"user_id": "refused", "default_model": "no-such-model"},
    "number": {"user_id": 7},
    "text-for-a-budget": {"user_id": "refused", "max_budget": "much"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_customers_that_cannot_be(case: Case, name: str) -> None:
    answer = case.post("/customer/new", REFUSED[name])
    case.assert_same_as_recorded()
    assert answer.status == 422


#: By name: fields, the reference's status, and ours.
IMPOSSIBLE: dict[str, tuple[dict[str, Any], int, int]] = {
    "negative": ({"max_budget": -1}, 200, 400),
    "nul": ({"alias": "a\x00b"}, 500, 422),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be(case: Case, name: str) -> None:
    fields, status, refused = IMPOSSIBLE[name]
    answer = case.post("/customer/new", {"user_id": f"{name}-customer", **fields})
    found = case.get(f"/customer/info?end_user_id={name}-customer")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert answer.status == status

    def required(answer: Exchange, found: Exchange) -> None:
        assert (answer.status, found.status) == (refused, 404)

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("twin", TWINS)
def test_unknown_customers(case: Case, twin: str) -> None:
    answers = [
        case.get(f"{twin}/info?end_user_id=nobody"),
        case.get(f"{twin}/info"),
        case.post(f"{twin}/update", {"user_id": "nobody", "alias": "x"}),
        case.post(f"{twin}/update", {}),
        case.post(f"{twin}/delete", {"user_ids": ["nobody", "nobody-else"]}),
        case.post(f"{twin}/delete", {}),
        case.post(f"{twin}/block", {}),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [404, 422, 404, 422, 404, 422, 422]
    assert answers[0].json["error"]["param"] == "end_user_id"


@pytest.mark.parametrize("twin", TWINS)
def test_a_customer_is_changed(case: Case, twin: str) -> None:
    name = f"changed{twin.replace('/', '-')}"
    case.post(f"{twin}/new", {"user_id": name})
    first = case.post(f"{twin}/update", {"user_id": name, "alias": "Changed", "max_budget": 3, "blocked": True})
    second = case.post(f"{twin}/update", {"user_id": name, "max_budget": 9, "allowed_model_region": "us"})
    third = case.post(f"{twin}/update", {"user_id": name, "default_model": "anything", "alias": None})
    case.assert_same_as_recorded()
    assert first.json["litellm_budget_table"]["max_budget"] == 3.0
    assert second.json["litellm_budget_table"]["max_budget"] == 9.0
    assert second.json["budget_id"] == first.json["budget_id"]
    assert (third.json["alias"], third.json["default_model"], third.json["blocked"]) == ("Changed", "anything", True)


def test_another_budget(case: Case) -> None:
    case.post("/budget/new", {"budget_id": "other-of-customers", "max_budget": 7})
    case.post("/customer/new", {"user_id": "moving-customer", "max_budget": 1})
    answer = case.post("/customer/update", {"user_id": "moving-customer", "budget_id": "other-of-customers"})
    case.assert_same_as_recorded()
    assert answer.json["litellm_budget_table"]["max_budget"] == 7.0


def test_another_budget_that_is_not_there(case: Case) -> None:
    case.post("/customer/new", {"user_id": "staying-customer", "max_budget": 1})
    body = {"user_id": "staying-customer", "budget_id": "no-such-budget", "alias": "Moved"}
    answer = case.post("/customer/update", body)
    found = case.get("/customer/info?end_user_id=staying-customer")
    assert found.json["alias"] is None

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_what_a_customer_may_reach_is_changed(case: Case) -> None:
    """The reference can only be told of MCP servers and vector stores together."""
    name = "reaching-customer"
    case.post("/customer/new", {"user_id": name, "object_permission": {"vector_stores": ["first-store"]}})
    body = {"user_id": name, "object_permission": {"vector_stores": ["other-store"]}}
    answer = case.post("/customer/update", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["object_permission"]["vector_stores"] == ["other-store"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_negative_budget_changes_nothing(case: Case) -> None:
    case.post("/customer/new", {"user_id": "solvent-customer", "max_budget": 1})
    answer = case.post("/customer/update", {"user_id": "solvent-customer", "max_budget": -3})
    found = case.get("/customer/info?end_user_id=solvent-customer")

    def as_recorded(answer: Exchange, found: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange, found: Exchange) -> None:
        assert answer.status == 400
        assert found.json["litellm_budget_table"]["max_budget"] == 1.0

    case.deviates(answer, found, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("twin", TWINS)
def test_customers_are_blocked(case: Case, twin: str) -> None:
    """Those that are not known yet are made."""
    name = f"blocked{twin.replace('/', '-')}"
    case.post(f"{twin}/new", {"user_id": name, "alias": "Known"})
    answer = case.post(f"{twin}/block", {"user_ids": [name, f"{name}-new"]})
    nobody = case.post(f"{twin}/block", {"user_ids": []})
    found = case.get(f"{twin}/info?end_user_id={name}-new")
    case.assert_same_as_recorded()
    assert [customer["blocked"] for customer in answer.json["blocked_users"]] == [True, True]
    assert nobody.json == {"blocked_users": []}
    assert found.json["blocked"] is True


@pytest.mark.parametrize("how", ["unblock", "update"])
def test_customers_are_unblocked(case: Case, how: str) -> None:
    """In the reference a block is for ever."""
    name = f"{how}ed-customer"
    case.post("/customer/block", {"user_ids": [name]})
    bodies: dict[str, dict[str, Any]] = {
        "unblock": {"user_ids": [name]},
        "update": {"user_id": name, "blocked": False},
    }
    case.post(f"/customer/{how}", bodies[how])
    found = case.get(f"/customer/info?end_user_id={name}")

    def as_recorded(found: Exchange) -> None:
        assert found.json["blocked"] is True

    def required(found: Exchange) -> None:
        assert found.json["blocked"] is False

    case.deviates(found, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("twin", TWINS)
def test_customers_are_listed(case: Case, twin: str) -> None:
    """All of them; the case looks at its own."""
    name = f"listed{twin.replace('/', '-')}"
    case.post(f"{twin}/new", {"user_id": name, "max_budget": 2, "object_permission": {"agents": ["some-agent"]}})
    answer = case.get(f"{twin}/list")
    [found] = [customer for customer in answer.json if customer["user_id"] == name]
    one = case.get(f"/customer/info?end_user_id={name}")
    assert found == one.json
    case.assert_same_as_recorded(ignore=["body[*"])
    assert found["litellm_budget_table"]["max_budget"] == 2.0
    assert "created_at" not in found["litellm_budget_table"]


@pytest.mark.parametrize("twin", TWINS)
def test_customers_are_deleted(case: Case, twin: str) -> None:
    names = [f"deleted{twin.replace('/', '-')}-{number}" for number in (1, 2)]
    for name in names:
        case.post(f"{twin}/new", {"user_id": name})
    refused = case.post(f"{twin}/delete", {"user_ids": [names[0], "nobody-to-delete"]})
    still = case.get(f"{twin}/info?end_user_id={names[0]}")
    answer = case.post(f"{twin}/delete", {"user_ids": names})
    gone = case.get(f"{twin}/info?end_user_id={names[0]}")
    case.assert_same_as_recorded()
    assert (refused.status, still.status) == (404, 200)
    assert answer.json["deleted_customers"] == 2
    assert gone.status == 404


@pytest.mark.parametrize("path", ["/customer/delete", "/customer/update"])
def test_nobody_is_named(case: Case, path: str) -> None:
    answer = case.post(path, {"user_ids": [], "user_id": ""})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (404, 500)

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "user_id is required" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer", "proxy_admin_viewer"])
def test_customers_are_the_admins(case: Case, role: str) -> None:
    key = case.post("/user/new", {"user_id": f"customers-{role}", "user_role": role}).json["key"]
    answers = [
        case.post("/customer/new", {"user_id": "made-by-nobody"}, key=key),
        case.get("/customer/info?end_user_id=anybody", key=key),
        case.get("/customer/list", key=key),
        case.post("/customer/block", {"user_ids": ["anybody"]}, key=key),
    ]
    case.assert_same_as_recorded()
    assert all(answer.status in (401, 403) for answer in answers)
