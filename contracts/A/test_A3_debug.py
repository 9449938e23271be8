"""A3: what the identity provider says of somebody, shown to who sets it up."""

import json
import re
from typing import Any

from contracts.A.browser import Browser
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.oidc_replies import signed_in

pytestmark = contract("A3", config="A3/mapped.yaml")

CLAIMS = {
    "account": {"id": "xena", "name": "Xena", "realm": "acme", "groups": ["auditors"], "floor": 3},
    "contact": {"mail": "Xena@Example.com"},
    "department": "</script><script>alert(1)</script>",
}


def _shown(answer: Exchange) -> dict[str, Any]:
    found = re.search(r"const userData = (\{.*?\n\});", answer.text, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_person_is_shown(case: Case) -> None:
    """The reference begins this with a licence alone, but answers whoever comes back."""
    case.script({"code-of-xena": signed_in(CLAIMS)})
    browser = Browser(case)
    begun = browser.begin("/sso/debug/login")
    answer = browser.come_back("code-of-xena", "/sso/debug/callback")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    shown = _shown(answer)
    assert shown["id"] == "xena"
    assert shown["email"] == "xena@example.com"
    assert shown["display_name"] == "Xena"
    assert shown["provider"] == "acme"

    def as_recorded(begun: Exchange) -> None:
        assert begun.status == 403

    def required(begun: Exchange) -> None:
        assert begun.status == 303
        assert browser.asked["redirect_uri"] == "https://llm.example/sso/debug/callback"
        assert "<script>alert" not in answer.text

    case.deviates(begun, as_recorded=as_recorded, required=required)
