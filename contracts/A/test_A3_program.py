"""A3: a command line program lets somebody sign in, and asks for their key."""

from contracts.A.browser import Browser, leave
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.oidc_replies import signed_in

pytestmark = contract("A3", config="A3/generic.yaml")


def test_nobody_has_signed_in_yet(case: Case) -> None:
    answer = case.get("/sso/cli/poll/sk-of-nobody", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json == {"status": "pending"}


def test_the_name_of_a_sign_in(case: Case) -> None:
    answer = case.get("/sso/cli/poll/of-nobody", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["detail"] == "Invalid key ID format"


def test_a_name_that_no_program_has(case: Case) -> None:
    """The reference sends the browser on, and refuses when it comes back."""
    answer = case.get("/sso/key/generate?source=litellm-cli&key=of-nobody", key=None)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 303

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["detail"] == "Invalid key ID format"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_who_signed_in_is_asked(case: Case) -> None:
    """A link alone must not give a key away: the reference hands it to whoever made the link."""
    claims = {"preferred_username": "zoe", "email": "zoe@example.com"}
    browser = Browser(case)
    browser.sign_in("code-of-zoe", claims)
    case.script({"code-of-zoe-again": signed_in(claims)})
    browser.begin("/sso/key/generate?source=litellm-cli&key=sk-of-zoes-program")
    page = browser.come_back("code-of-zoe-again")
    answer = case.get("/sso/cli/poll/sk-of-zoes-program", key=None)

    def as_recorded(page: Exchange, answer: Exchange) -> None:
        assert page.status == 200
        assert answer.json["status"] == "ready"
        assert answer.json["user_id"] == "zoe"

    def required(page: Exchange, answer: Exchange) -> None:
        assert page.status == 200
        assert 'action="/sso/cli/confirm"' in page.text
        assert "zoe@example.com" in page.text
        assert answer.json == {"status": "pending"}

    case.deviates(page, answer, as_recorded=as_recorded, required=required)
    leave(case, "zoe")
