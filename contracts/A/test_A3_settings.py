"""A3: settings of single sign-on that are changed at run time count at once."""

from urllib.parse import parse_qs, urlsplit

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("A3", config="A3/settings.yaml")

SETTINGS = {
    "generic_client_id": "stored-client",
    "generic_client_secret": "stored-secret",
    "generic_authorization_endpoint": "https://stored.example/authorize",
    "generic_token_endpoint": "https://stored.example/token",
    "generic_userinfo_endpoint": "https://stored.example/userinfo",
    "proxy_base_url": "https://stored.example",
}
DESCRIPTIONS = ["body.field_schema.description", "body.field_schema.properties.*.description"]


def test_settings_are_stored_and_count(case: Case) -> None:
    changed = case.request("PATCH", "/update/sso_settings", json=SETTINGS)
    shown = case.get("/get/sso_settings")
    ready = case.get("/sso/readiness")
    begun = case.get("/sso/key/generate", key=None)
    cleared = case.request("PATCH", "/update/sso_settings", json={})
    without = case.get("/sso/readiness")
    secrets = ["body.settings.generic_client_secret", "body.values.generic_client_secret"]
    case.assert_same_as_recorded(ignore=[*DESCRIPTIONS, *secrets])
    assert changed.json["status"] == cleared.json["status"] == "success"
    assert shown.json["values"]["generic_client_id"] == "stored-client"
    assert ready.json["provider"] == "generic"
    assert begun.headers["location"].startswith("https://stored.example/authorize?")
    assert parse_qs(urlsplit(begun.headers["location"]).query)["client_id"] == ["stored-client"]
    assert without.json["sso_configured"] is False


def test_secrets_are_not_shown(case: Case) -> None:
    changed = case.request("PATCH", "/update/sso_settings", json=SETTINGS)
    shown = case.get("/get/sso_settings")
    case.request("PATCH", "/update/sso_settings", json={})

    def as_recorded(changed: Exchange, shown: Exchange) -> None:
        assert shown.status == changed.status == 200
        assert "stored-secret" in shown.text

    def required(changed: Exchange, shown: Exchange) -> None:
        assert "stored-secret" not in changed.text
        assert "stored-secret" not in shown.text
        assert set(shown.json["values"]["generic_client_secret"]) == {"*"}

    case.deviates(changed, shown, as_recorded=as_recorded, required=required)


def test_mappings(case: Case) -> None:
    mappings = {
        "role_mappings": {"provider": "generic", "group_claim": "groups", "roles": {"proxy_admin": ["keepers"]}},
        "team_mappings": {"team_ids_jwt_field": "teams"},
        "ui_access_mode": "admin_only",
    }
    changed = case.request("PATCH", "/update/sso_settings", json=mappings)
    shown = case.get("/get/sso_settings")
    case.request("PATCH", "/update/sso_settings", json={})
    case.assert_same_as_recorded(ignore=DESCRIPTIONS)
    assert changed.status == 200
    assert shown.json["values"]["role_mappings"]["roles"] == {"proxy_admin": ["keepers"]}


def test_what_settings_cannot_be(case: Case) -> None:
    answer = case.request(
        "PATCH", "/update/sso_settings", json={"google_client_id": 5, "role_mappings": {"provider": "x"}}
    )
    case.assert_same_as_recorded()
    assert answer.status == 422
