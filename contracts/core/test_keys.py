"""Who is let in: where a key may stand, and what a wrong one is answered."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/calls.yaml")

WITHOUT = {"key": None}


@pytest.mark.parametrize(
    "header",
    [
        "x-litellm-api-key: sk-1234",
        "x-litellm-api-key: Bearer sk-1234",
        "authorization: Bearer sk-1234",
        "authorization: bearer sk-1234",
        "authorization: Basic sk-1234",
        "api-key: sk-1234",
        "x-api-key: sk-1234",
        "x-goog-api-key: sk-1234",
        "Ocp-Apim-Subscription-Key: sk-1234",
    ],
)
def test_a_key_may_stand_in(case: Case, header: str) -> None:
    name, _, value = header.partition(": ")
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", options={**WITHOUT, "headers": {name: value}})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal()[0].headers["authorization"] == "Bearer sk-up"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-litellm-api-key": "sk-1234", "authorization": "Bearer sk-wrong"},
        {"authorization": "Bearer sk-1234", "api-key": "sk-wrong", "x-api-key": "sk-wrong"},
        {"api-key": "sk-1234", "x-api-key": "sk-wrong"},
    ],
    ids=["own-header", "authorization", "azure"],
)
def test_the_first_header_counts(case: Case, headers: dict[str, str]) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", options={**WITHOUT, "headers": headers})
    case.assert_same_as_recorded()
    assert answer.status == 200


@pytest.mark.parametrize("path", ["/v1/models", "/model/info", "/health"])
def test_other_routes_want_a_key_too(case: Case, path: str) -> None:
    answer = case.get(path, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert answer.json["error"]["type"] == "auth_error"


def test_no_key(case: Case) -> None:
    case.script({"upstream-sent": []})
    answer = case.chat("sent-chat", options=WITHOUT)
    case.assert_same_as_recorded(headers=["x-litellm-call-id", "www-authenticate"])
    assert answer.status == 401
    assert answer.json["error"]["message"] == "Authentication Error, No api key passed in."
    assert len(case.journal()) == 0


@pytest.mark.parametrize("value", ["sk-1234", "Bearer", "Token sk-1234", "Basic sk-wrong"])
def test_a_malformed_key(case: Case, value: str) -> None:
    answer = case.chat("sent-chat", options={**WITHOUT, "headers": {"authorization": value}})
    case.assert_same_as_recorded(headers=["x-litellm-call-id"], ignore=["body.error.message"])
    assert answer.status == (400 if value.startswith("Basic") else 401)
    assert answer.json["error"]["code"] == str(answer.status)


@pytest.mark.parametrize("key", ["sk-12345", "sk-123", "SK-1234", "sk-1234 x", "other"])
def test_a_wrong_key(case: Case, key: str) -> None:
    answer = case.chat("sent-chat", options={"key": key})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json == {
        "error": {"message": "No connected db.", "type": "no_db_connection", "param": None, "code": "400"}
    }


@contract("core", config="core/custom_auth.yaml")
@pytest.mark.parametrize("key", ["sk-user", "sk-admin", "sk-raises", "sk-http", "sk-1234", "sk-body"])
def test_custom_auth_decides(case: Case, key: str) -> None:
    case.script({"upstream-own": []})
    answer = case.chat("own-chat", options={"key": key, "headers": {"x-tenant": "blue"}})
    case.assert_same_as_recorded()
    assert (answer.status == 200) is (key in ("sk-user", "sk-admin", "sk-body"))


@contract("core", config="core/custom_auth.yaml")
def test_custom_auth_sees_the_request(case: Case) -> None:
    case.script({"upstream-own": []})
    answer = case.chat("own-chat", options={"key": "sk-tenant", "headers": {"x-tenant": "blue"}})
    other = case.chat("own-chat", options={"key": "sk-tenant"})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert other.status == 401
    assert other.json["error"]["message"] == "Authentication Error, no tenant for /v1/chat/completions"


@contract("core", config="core/custom_auth.yaml")
def test_custom_auth_and_no_key(case: Case) -> None:
    answer = case.chat("own-chat", options={"key": None})
    case.assert_same_as_recorded()
    assert answer.status == 401


@contract("core", config="core/variables.yaml")
def test_a_master_key_from_environment_variables(case: Case) -> None:
    case.script({"upstream-variable": []})
    answers = [case.chat("variable-chat", options=options) for options in (WITHOUT, {"key": "sk-variable"})]

    def as_recorded(answers: list[Exchange]) -> None:
        assert [answer.status for answer in answers] == [200, 200]

    def required(answers: list[Exchange]) -> None:
        assert [answer.status for answer in answers] == [401, 200]

    case.deviates(answers, as_recorded=as_recorded, required=required)
