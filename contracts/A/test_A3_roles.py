"""A3: which attributes say who somebody is, and which groups have which role."""

from typing import Any

import pytest

from contracts.A.browser import Browser, leave, session
from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("A3", config="A3/mapped.yaml")


def _claims(name: str, groups: Any = None, role: str | None = None, **more: Any) -> dict[str, Any]:
    account = {"id": name, "name": f"{name} by name", "realm": "acme", "role": role, "groups": groups}
    return {
        "account": account,
        "contact": {"mail": f"{name}@example.com"},
        "names": {"first": "A", "last": "B"},
        **more,
    }


@pytest.mark.parametrize(
    ("groups", "role", "given"),
    [
        (["keepers"], "internal_user", "proxy_admin"),
        (["staff", "auditors"], "proxy_admin", "proxy_admin_viewer"),
        ("staff, others", "proxy_admin", "internal_user"),
        (["strangers"], "proxy_admin", "internal_user_viewer"),
        (None, "proxy_admin", "internal_user_viewer"),
    ],
    ids=["one", "highest", "text", "none-of-them", "no-claim"],
)
def test_the_role_of_groups(case: Case, groups: Any, role: str, given: str, request: pytest.FixtureRequest) -> None:
    name = f"grouped-{request.node.callspec.id}"
    answer = Browser(case).sign_in(f"code-of-{name}", _claims(name, groups, role))
    case.assert_same_as_recorded()
    assert session(answer)["user_role"] == given
    leave(case, name)


def test_paths_reach_into_claims(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-tina", _claims("tina"))
    case.assert_same_as_recorded()
    assert session(answer)["user_id"] == "tina"
    assert session(answer)["user_email"] == "tina@example.com"
    leave(case, "tina")


def test_what_a_token_request_says_beside_the_code(case: Case) -> None:
    browser = Browser(case)
    browser.sign_in("code-of-udo", _claims("udo"))
    case.assert_same_as_recorded()
    exchange, _ = case.journal(calls=2).calls
    assert "client_id=gateway-client" in exchange.body
    assert exchange.headers["x-tenant"] == "acme"
    assert exchange.headers["x-trace"] == "on"
    assert browser.asked["scope"] == "openid profile groups"
    leave(case, "udo")


def test_what_new_users_get(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-vera", _claims("vera", ["staff"]))
    found = case.get("/user/info?user_id=vera")
    case.assert_same_as_recorded()
    user = found.json["user_info"]
    assert user["user_role"] == "internal_user"
    assert user["max_budget"] == 12.5
    assert user["budget_duration"] == "30d"
    assert user["models"] == ["signed-group"]
    assert session(answer)["user_id"] == "vera"
    leave(case, "vera")


def test_what_a_session_may_spend(case: Case) -> None:
    signed = Browser(case).sign_in("code-of-walt", _claims("walt", ["staff"]))
    info = case.get("/key/info", key=session(signed)["key"])
    case.assert_same_as_recorded()
    assert info.json["info"]["max_budget"] == 0.75
    leave(case, "walt")
