"""A3: people sign in with a name and a password where there is no provider, or when it is away."""

from contracts.A.browser import Browser, leave, session
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

FORM = {"content-type": "application/x-www-form-urlencoded"}


def _sign_in(case: Case, form: bytes) -> Exchange:
    return case.post("/login", content=form, headers=FORM, key=None)


@contract("A3", config="A3/generic.yaml")
def test_the_administrator(case: Case) -> None:
    answer = _sign_in(case, b"username=overseer&password=let+me+in")
    case.assert_same_as_recorded(headers=["location"])
    assert answer.status == 303
    assert answer.headers["location"] == "https://llm.example/ui/?login=success"
    claims = session(answer)
    assert claims["user_id"] == "default_user_id"
    assert claims["user_role"] == "proxy_admin"
    assert claims["user_email"] is None
    assert claims["login_method"] == "username_password"
    leave(case, "the-boss")


@contract("A3", config="A3/generic.yaml")
def test_whose_key_the_administrator_has(case: Case) -> None:
    key = session(_sign_in(case, b"username=overseer&password=let+me+in"))["key"]
    info = case.get("/key/info", key=key)
    case.assert_same_as_recorded()
    assert info.json["info"]["user_id"] == "the-boss"
    assert info.json["info"]["team_id"] == "litellm-dashboard"
    leave(case, "the-boss")


@contract("A3", config="A3/generic.yaml")
def test_the_master_key_is_no_password_where_there_is_another(case: Case) -> None:
    answer = _sign_in(case, b"username=overseer&password=sk-1234")
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert answer.json["error"]["message"].startswith("Invalid credentials used to access UI.\nCheck 'UI_USERNAME'")


@contract("A3", config="A3/passwords.yaml")
def test_the_master_key_is_the_password(case: Case) -> None:
    answer = case.post("/v2/login", {"username": "admin", "password": "sk-1234"}, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json == {"redirect_url": "http://gateway.test/ui/?login=success"}
    assert session(answer)["user_id"] == "default_user_id"


@contract("A3", config="A3/passwords.yaml")
def test_a_wrong_password(case: Case) -> None:
    answer = case.post("/v2/login", {"username": "admin", "password": "sk-123"}, key=None)
    missing = case.post("/v2/login", {}, key=None)
    nobody = _sign_in(case, b"username=nobody%40example.com&password=sk-1234")
    case.assert_same_as_recorded()
    assert answer.status == missing.status == nobody.status == 401


@contract("A3", config="A3/passwords.yaml")
def test_a_users_password(case: Case) -> None:
    case.post(
        "/user/new",
        {
            "user_id": "with-password",
            "user_email": "pw@example.com",
            "user_role": "internal_user",
            "auto_create_key": False,
        },
    )
    unset = _sign_in(case, b"username=pw%40example.com&password=correct+horse")
    case.post("/user/update", {"user_id": "with-password", "password": "correct horse"})
    wrong = _sign_in(case, b"username=pw%40example.com&password=wrong+horse")
    right = _sign_in(case, b"username=PW%40example.com&password=correct+horse")
    assert unset.status == wrong.status == 401
    assert unset.json["error"]["param"] == "password"
    assert wrong.json["error"]["message"].endswith("Not valid credentials for pw@example.com")
    assert right.status == 303
    assert session(right)["user_id"] == "with-password"
    assert session(right)["user_role"] == "internal_user"
    assert session(right)["user_email"] == "pw@example.com"
    leave(case, "with-password")


@contract("A3", config="A3/passwords.yaml")
def test_no_json(case: Case) -> None:
    answer = case.post("/v2/login", content=b"{", key=None)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


@contract("A3", config="A3/passwords.yaml", provenance="documented")
def test_a_session_ends(case: Case) -> None:
    browser = Browser(case)
    signed = browser.keep(_sign_in(case, b"username=admin&password=sk-1234"))
    key = session(signed)["key"]
    known = browser.get("/sso/session")
    before = case.get("/v1/models", key=key)
    out = browser.get("/sso/logout")
    after = case.get("/v1/models", key=key)
    gone = browser.get("/sso/session")
    assert known.json["key"] == key
    assert before.status == 200
    assert out.status == 303
    assert after.status == 401
    assert gone.status == 401
