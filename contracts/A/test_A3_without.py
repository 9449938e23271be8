"""A3: without a database, or without a provider; whether single sign-on is ready."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

NO_DATABASE = "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys"


@contract("A3", config="A3/no_database.yaml")
def test_nobody_is_sent_to_a_provider_without_a_database(case: Case) -> None:
    answer = case.get("/sso/key/generate", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 403
    assert answer.json["error"]["message"] == NO_DATABASE


@contract("A3", config="A3/no_database.yaml")
def test_nobody_comes_back_without_a_database(case: Case) -> None:
    answer = case.get("/sso/callback?code=any&state=any", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 500
    assert answer.json["detail"] == NO_DATABASE


@contract("A3", config="A3/no_database.yaml")
def test_what_is_missing(case: Case) -> None:
    answer = case.get("/sso/readiness")
    case.assert_same_as_recorded()
    assert answer.status == 503
    assert answer.json["detail"]["missing_environment_variables"] == [
        "GENERIC_CLIENT_SECRET",
        "GENERIC_TOKEN_ENDPOINT",
        "GENERIC_USERINFO_ENDPOINT",
    ]


@contract("A3", config="A3/generic.yaml")
def test_ready(case: Case) -> None:
    answer = case.get("/sso/readiness")
    case.assert_same_as_recorded()
    assert answer.json["message"] == "Generic SSO is properly configured"


@contract("A3", config="A3/no_provider.yaml")
def test_no_provider_is_ready_too(case: Case) -> None:
    answer = case.get("/sso/readiness")
    case.assert_same_as_recorded()
    assert answer.json["sso_configured"] is False


@pytest.mark.parametrize("path", ["/sso/readiness", "/sso/get/ui_settings"])
@contract("A3", config="A3/no_provider.yaml")
def test_a_key_is_needed(case: Case, path: str) -> None:
    answer = case.get(path, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401


@contract("A3", config="A3/no_database.yaml")
def test_settings_of_the_dashboard(case: Case) -> None:
    answer = case.get("/sso/get/ui_settings")
    case.assert_same_as_recorded()
    assert answer.json["SSO_ENABLED"] is True
    assert answer.json["PROXY_LOGOUT_URL"] is None


@contract("A3", config="A3/generic.yaml")
def test_settings_of_the_dashboard_with_addresses(case: Case) -> None:
    answer = case.get("/sso/get/ui_settings")
    case.assert_same_as_recorded(ignore=["body.NUM_SPEND_LOGS_ROWS"])  # the reference estimates
    assert answer.json["PROXY_BASE_URL"] == "https://llm.example"
    assert answer.json["PROXY_LOGOUT_URL"] == "https://llm.example/bye"


@contract("A3", config="A3/no_provider.yaml")
def test_a_page_says_what_is_missing(case: Case) -> None:
    answer = case.get("/sso/key/generate", key=None)
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "DATABASE_URL" in answer.text


@contract("A3", config="A3/passwords.yaml")
def test_without_a_provider_there_is_a_form(case: Case) -> None:
    answer = case.get("/sso/key/generate", key=None)
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.status == 200
    assert 'name="username"' in answer.text
    assert 'name="password"' in answer.text


@contract("A3", config="A3/generic.yaml")
def test_the_form_for_when_the_provider_is_away(case: Case) -> None:
    answer = case.get("/fallback/login", key=None)
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'name="password"' in answer.text


@contract("A3", config="A3/no_database.yaml")
def test_debugging_needs_no_licence(case: Case) -> None:
    answer = case.get("/sso/debug/login", key=None)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 403
        assert "Enterprise" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 403
        assert answer.json["error"]["message"] == NO_DATABASE

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("A3", config="A3/no_database.yaml")
def test_no_settings_without_a_database(case: Case) -> None:
    shown = case.get("/get/sso_settings")
    changed = case.request("PATCH", "/update/sso_settings", json={"generic_client_id": "other"})
    case.assert_same_as_recorded()
    assert shown.status == changed.status == 500
    assert shown.json["detail"]["error"] == "Database not connected. Please connect a database."


@pytest.mark.parametrize("path", ["/login", "/v2/login"])
@contract("A3", config="A3/no_provider.yaml")
def test_passwords_without_a_database(case: Case, path: str) -> None:
    if path == "/login":
        form = {"content-type": "application/x-www-form-urlencoded"}
        right = case.post(path, content=b"username=admin&password=sk-1234", headers=form, key=None)
        wrong = case.post(path, content=b"username=admin&password=sk-12345", headers=form, key=None)
    else:
        right = case.post(path, {"username": "admin", "password": "sk-1234"}, key=None)
        wrong = case.post(path, {"username": "admin", "password": "sk-12345"}, key=None)
    case.assert_same_as_recorded()
    assert wrong.status == 401
    assert wrong.json["error"]["param"] == "invalid_credentials"
    assert right.status != 303
    assert "Not connected to DB!" in right.json["error"]["message"]
