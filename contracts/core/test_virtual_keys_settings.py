"""What a config wants of calls: parameters, no tags of clients, certain addresses."""

import pytest

from contracts.core.test_virtual_keys import generated, refusal
from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/virtual_keys_strict.yaml")


def test_calls_must_name_their_user(case: Case) -> None:
    case.script({"strict-upstream": []})
    key = generated(case)
    answers = [
        case.chat("strict-group", options={"key": key}),
        case.chat("strict-group", user="somebody", options={"key": key}),
        case.chat("strict-group"),
        case.get("/v1/models", key=key),
    ]
    case.assert_same_as_recorded(ignore=["journal[0].body.user"])
    assert [answer.status for answer in answers] == [401, 200, 200, 200]
    assert answers[0].json["error"]["message"] == (
        "Authentication Error, 'user' param not passed in. 'enforce_user_param'=True"
    )


def test_tags_are_not_the_clients(case: Case) -> None:
    key = generated(case)
    answer = case.chat("strict-group", user="somebody", metadata={"tags": ["mine"]}, options={"key": key})
    case.assert_same_as_recorded()
    assert refusal(answer) == (400, "bad_request_error")
    assert answer.json["error"]["param"] == "metadata.tags"


def test_a_header_that_names_the_customer(case: Case) -> None:
    case.post("/customer/new", {"user_id": "strict-customer", "spend": 0.5, "max_budget": 0.25})
    headers = {"x-end-user": "strict-customer"}
    answer = case.chat("strict-group", user="somebody", options={"key": generated(case), "headers": headers})
    case.assert_same_as_recorded()
    assert refusal(answer) == (400, "budget_exceeded")


@contract("core", config="core/virtual_keys_addresses.yaml", provenance="schema")
@pytest.mark.parametrize("address", [None, "198.51.100.1", "203.0.113.7"])
def test_only_certain_addresses_may_call(case: Case, address: str | None) -> None:
    case.script({"distant-upstream": []})
    headers = {} if address is None else {"x-forwarded-for": address}
    chat = case.chat("distant-group", options={"headers": headers})
    listed = case.request("GET", "/v1/models", headers=headers)
    allowed = address == "203.0.113.7"
    assert (chat.status, listed.status) == ((200, 200) if allowed else (403, 403))
    if not allowed:
        assert "not allowed." in chat.json["error"]["message"]
