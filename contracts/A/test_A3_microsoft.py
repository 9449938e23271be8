"""A3: people sign in at Microsoft, whose Graph says which groups they are in."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from contracts.A.browser import Browser, leave, session
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.oidc_replies import granted
from fixtures.replies import Reply

pytestmark = contract("A3", config="A3/microsoft/microsoft.yaml")


def _sign_in(case: Case, name: str, groups: list[str], id_token: Mapping[str, Any] | None = None) -> Exchange:
    code = f"code-of-{name}"
    person = {
        "id": f"oid-{name}",
        "userPrincipalName": f"{name.capitalize()}@acme.example",
        "displayName": name,
        "givenName": name,
        "surname": "Acme",
    }
    token = granted(code) if id_token is None else {**granted(code), "id_token": _jwt(id_token)}
    case.script(
        {code: [Reply(body=token), Reply(body=person), Reply(body={"value": [{"id": group} for group in groups]})]}
    )
    browser = Browser(case)
    browser.begin()
    return browser.come_back(code)


def _jwt(claims: Mapping[str, Any]) -> str:
    parts = [msgspec.json.encode(part) for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))


def test_the_browser_is_sent_to_microsoft(case: Case) -> None:
    answer = case.get("/sso/key/generate", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 303
    where = urlsplit(answer.headers["location"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == "https://login.example/acme/oauth2/v2.0/authorize"
    asked = dict(parse_qsl(where.query))
    assert asked["client_id"] == "gateway-client"
    assert asked["redirect_uri"] == "https://llm.example/sso/callback"
    assert set(asked["scope"].split()) == {"openid", "User.Read", "email"}


def test_who_it_is(case: Case) -> None:
    answer = _sign_in(case, "adele", [])
    assert answer.status == 303
    claims = session(answer)
    assert claims["user_id"] == "oid-adele"
    assert claims["user_email"] == "adele@acme.example"
    assert claims["user_role"] == "internal_user_viewer"
    *_, graph = case.journal(calls=3).calls
    assert graph.path == "/v1.0/me/memberOf"
    assert graph.headers["authorization"] == "Bearer oidc:code-of-adele"
    leave(case, "oid-adele")


def test_the_role_is_an_app_role(case: Case) -> None:
    answer = _sign_in(case, "bjarne", [], {"sub": "x", "app_roles": ["Reader", "proxy_admin_viewer"]})
    assert answer.status == 303
    assert session(answer)["user_role"] == "proxy_admin_viewer"
    leave(case, "oid-bjarne")


def test_groups_are_teams(case: Case) -> None:
    case.post("/team/new", {"team_id": "group-of-conny", "team_alias": "conny's"})
    _sign_in(case, "conny", ["group-of-conny", "no-team"])
    found = case.until(
        lambda: case.get("/team/info?team_id=group-of-conny"),
        lambda found: any(m["user_id"] == "oid-conny" for m in found.json["team_info"]["members_with_roles"]),
    )
    assert found.status == 200
    leave(case, "oid-conny")
    case.post("/team/delete", {"team_ids": ["group-of-conny"]})
