"""A3: a browser is sent to the identity provider, comes back, and has a session."""

import base64
import hashlib
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from contracts.A.browser import Browser, leave, session
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.oidc_replies import refused, signed_in

pytestmark = contract("A3", config="A3/generic.yaml")


def test_the_browser_is_sent_to_the_provider(case: Case) -> None:
    answer = case.get("/sso/key/generate", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 303
    where = urlsplit(answer.headers["location"])
    assert (where.scheme, where.netloc, where.path) == ("https", "idp.example", "/authorize")
    asked = dict(parse_qsl(where.query))
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "gateway-client"
    assert asked["redirect_uri"] == "https://llm.example/sso/callback"
    assert asked["scope"] == "openid email profile"
    assert len(asked["state"]) == 32
    assert asked["code_challenge_method"] == "S256"


@contract("A3", config="A3/generic.yaml", provenance="documented")
def test_the_specified_entry_does_the_same(case: Case) -> None:
    answer = case.get("/sso/login", key=None)
    assert answer.status == 303
    assert answer.headers["location"].startswith(
        "https://idp.example/authorize?response_type=code&client_id=gateway-client"
    )


def test_whoever_comes_back_has_a_session(case: Case) -> None:
    browser = Browser(case)
    answer = browser.sign_in(
        "code-of-anna", {"preferred_username": "anna", "email": "Anna@Example.com", "role": "internal_user"}
    )
    case.assert_same_as_recorded()
    assert answer.status == 303
    assert answer.headers["location"] == "https://llm.example/ui/?login=success"
    claims = session(answer)
    assert claims["user_id"] == "anna"
    assert claims["user_email"] == "anna@example.com"
    assert claims["user_role"] == "internal_user"
    assert claims["login_method"] == "sso"
    assert claims["key"].startswith("sk-")
    assert claims["auth_header_name"] == "Authorization"
    leave(case, "anna")


def test_what_the_provider_is_asked(case: Case) -> None:
    browser = Browser(case)
    browser.sign_in("code-of-bert", {"preferred_username": "bert", "email": "bert@example.com"})
    case.assert_same_as_recorded()
    exchange, userinfo = case.journal(calls=2).calls
    form = {name: values[0] for name, values in parse_qs(exchange.body).items()}
    assert form["grant_type"] == "authorization_code"
    assert form["code"] == "code-of-bert"
    assert form["redirect_uri"] == "https://llm.example/sso/callback"
    assert exchange.headers["authorization"] == "Basic " + base64.b64encode(b"gateway-client:gateway-secret").decode()
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
    assert challenge == browser.asked["code_challenge"]
    assert userinfo.headers["authorization"] == "Bearer oidc:code-of-bert"
    leave(case, "bert")


def test_the_user_is_stored(case: Case) -> None:
    Browser(case).sign_in(
        "code-of-cleo", {"preferred_username": "cleo", "email": "Cleo@example.com", "role": "internal_user"}
    )
    found = case.get("/user/info?user_id=cleo")
    case.assert_same_as_recorded()
    user = found.json["user_info"]
    assert user["user_id"] == user["sso_user_id"] == "cleo"
    assert user["user_email"] == "cleo@example.com"
    assert user["user_role"] == "internal_user"
    leave(case, "cleo")


def test_the_session_has_a_key(case: Case) -> None:
    case.script({"signed-upstream": []})
    signed = Browser(case).sign_in("code-of-dora", {"preferred_username": "dora", "email": "dora@example.com"})
    key = session(signed)["key"]
    info = case.get("/key/info", key=key)
    case.assert_same_as_recorded()
    assert info.json["info"]["user_id"] == "dora"
    assert info.json["info"]["team_id"] == "litellm-dashboard"
    assert info.json["info"]["max_budget"] == 0.25
    assert info.json["info"]["expires"] is not None
    leave(case, "dora")


def test_the_second_time_it_is_the_same_user(case: Case) -> None:
    Browser(case).sign_in("code-of-emil", {"preferred_username": "emil", "email": "emil@example.com"})
    case.assert_same_as_recorded()
    again = Browser(case).sign_in(
        "code-of-emil-again", {"preferred_username": "emil", "email": "emil@example.org", "role": "proxy_admin_viewer"}
    )
    found = case.get("/user/info?user_id=emil")
    case.assert_same_as_recorded()
    assert session(again)["user_role"] == "proxy_admin_viewer"
    assert found.json["user_info"]["user_email"] == "emil@example.org"
    assert found.json["user_info"]["user_role"] == "proxy_admin_viewer"
    leave(case, "emil")


def test_a_known_address_is_the_same_user(case: Case) -> None:
    case.post(
        "/user/new",
        {
            "user_id": "fritz-of-old",
            "user_email": "fritz@example.com",
            "user_role": "internal_user",
            "auto_create_key": False,
        },
    )
    answer = Browser(case).sign_in(
        "code-of-fritz", {"preferred_username": "fritz-of-sso", "email": "Fritz@example.com"}
    )
    case.assert_same_as_recorded()
    assert session(answer)["user_id"] == "fritz-of-old"
    assert session(answer)["user_role"] == "internal_user"
    leave(case, "fritz-of-old")


def test_the_chosen_administrator(case: Case) -> None:
    answer = Browser(case).sign_in(
        "code-of-boss", {"preferred_username": "the-boss", "email": "boss@example.com", "role": "internal_user"}
    )
    case.assert_same_as_recorded()
    assert session(answer)["user_role"] == "proxy_admin"
    leave(case, "the-boss")


def test_without_a_code(case: Case) -> None:
    browser = Browser(case)
    browser.begin()
    answer = browser.get(f"/sso/callback?error=access_denied&state={browser.asked['state']}")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["detail"] == "'code' parameter was not found in callback request"


def test_another_domain(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-gale", {"preferred_username": "gale", "email": "gale@evil.com"})
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert "email domain=evil.com" in answer.json["detail"]["message"]


def test_domains_are_compared_without_regard_to_case(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-hanna", {"preferred_username": "hanna", "email": "hanna@EXAMPLE.ORG"})
    case.assert_same_as_recorded()
    assert answer.status == 303
    leave(case, "hanna")


def test_the_domain_is_what_comes_last(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-hans", {"preferred_username": "hans", "email": "hans@example.com@evil.com"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 401

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_nobody_without_an_address_where_domains_are_asked_for(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-ida", {"preferred_username": "ida"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 303

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert "email domain=None" in answer.json["detail"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    leave(case, "ida")


def test_a_code_that_the_provider_does_not_know(case: Case) -> None:
    browser = Browser(case)
    case.script({"code-too-old": refused()})
    browser.begin()
    answer = browser.come_back("code-too-old")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert "invalid_grant" in answer.json["detail"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_whose_sign_in_it_is(case: Case) -> None:
    """Somebody who did not begin it is given no session: else they could be signed in as somebody else."""
    case.script({"code-of-kurt": signed_in({"preferred_username": "kurt", "email": "kurt@example.com"})})
    mine = Browser(case)
    mine.begin()
    another = Browser(case)
    another.asked = mine.asked
    answer = another.come_back("code-of-kurt")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 303
        assert session(answer)["user_id"] == "kurt"

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "set-cookie" not in answer.headers

    case.deviates(answer, as_recorded=as_recorded, required=required)
    leave(case, "kurt")


def test_a_state_of_ones_own(case: Case) -> None:
    case.script({"code-of-lena": signed_in({"preferred_username": "lena", "email": "lena@example.com"})})
    browser = Browser(case)
    browser.begin()
    browser.asked["state"] = "made-up"
    answer = browser.come_back("code-of-lena")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 303

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_coming_back_twice(case: Case) -> None:
    case.script({"code-of-mona": signed_in({"preferred_username": "mona", "email": "mona@example.com"})})
    browser = Browser(case)
    browser.begin()
    then = dict(browser.cookies)
    browser.come_back("code-of-mona")
    leave(case, "mona")
    browser.cookies = then
    again = browser.come_back("code-of-mona")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(again, as_recorded=as_recorded, required=required)


def test_nobody_is_called_as_the_master_key(case: Case) -> None:
    answer = Browser(case).sign_in(
        "code-of-nobody", {"preferred_username": "default_user_id", "email": "nobody@example.com"}
    )

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 303

    def required(answer: Exchange) -> None:
        assert answer.status == 403

    case.deviates(answer, as_recorded=as_recorded, required=required)
    leave(case, "default_user_id")


def test_an_address_that_was_not_verified(case: Case) -> None:
    answer = Browser(case).sign_in(
        "code-of-olga", {"preferred_username": "olga", "email": "olga@example.com", "email_verified": False}
    )

    def as_recorded(answer: Exchange) -> None:
        assert session(answer)["user_email"] == "olga@example.com"

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert "GENERIC_ALLOW_UNVERIFIED_EMAIL" in answer.json["detail"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
    leave(case, "olga")


def test_the_cookie_is_safe(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-paul", {"preferred_username": "paul", "email": "paul@example.com"})
    [line] = (line for line in answer.headers.get_list("set-cookie") if line.startswith("token="))
    attributes = {part.strip().lower() for part in line.split(";")[1:]}

    def as_recorded(answer: Exchange) -> None:
        assert attributes == {"path=/", "samesite=lax"}
        assert "exp" not in session(answer)

    def required(answer: Exchange) -> None:
        assert attributes >= {"path=/", "samesite=lax", "httponly", "secure"}
        assert session(answer)["exp"] - session(answer)["iat"] == 24 * 60 * 60

    case.deviates(answer, as_recorded=as_recorded, required=required)
    leave(case, "paul")


def test_who_no_claim_names(case: Case) -> None:
    answer = Browser(case).sign_in("code-of-rita", {"email": "rita@example.com"})
    case.assert_same_as_recorded()
    assert session(answer)["user_id"] == "rita@example.com"
    leave(case, "rita@example.com")


def test_who_is_named_by_first_and_last_name(case: Case) -> None:
    claims = {"email": "sam@example.com", "first_name": "Sam", "last_name": "Sung"}
    answer = Browser(case).sign_in("code-of-sam", claims)
    case.assert_same_as_recorded()
    assert session(answer)["user_id"] == "SamSung"
    leave(case, "SamSung")


@pytest.mark.parametrize(
    ("role", "given"),
    [
        ("proxy_admin", "proxy_admin"),
        ("PROXY_ADMIN_VIEWER", "proxy_admin_viewer"),
        (["internal_user", "proxy_admin"], "internal_user"),
        ("boss", "internal_user_viewer"),
        (None, "internal_user_viewer"),
    ],
    ids=["admin", "capitals", "list", "unknown", "none"],
)
def test_roles(case: Case, role: object, given: str, request: pytest.FixtureRequest) -> None:
    name = f"role-{request.node.callspec.id}"
    answer = Browser(case).sign_in(
        f"code-of-{name}", {"preferred_username": name, "email": f"{name}@example.com", "role": role}
    )
    case.assert_same_as_recorded()
    assert session(answer)["user_role"] == given
    leave(case, name)
