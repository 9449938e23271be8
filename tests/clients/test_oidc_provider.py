"""People sign in through a real OpenID provider, a process on loopback, with browsers that keep cookies."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from contracts.harness.processes import free_port
from tests.gateways import AUTHORIZED, Gateway, running

PEOPLE = {
    "alice": {"email": "Alice@Example.com", "email_verified": True, "groups": ["keepers"]},
    "alice-2": {"email": "alice-2@example.com", "email_verified": True, "groups": ["staff"]},
    "mallory": {"email": "alice@example.com", "email_verified": False},
}


class Provider:
    """The provider, and what a person does there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def sign_in(self, location: str, person: str) -> str:
        """Where the browser is sent back to after somebody agreed."""
        answer = httpx.post(location, data={"sub": person}, trust_env=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--require-nonce", "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        found = Provider(f"http://127.0.0.1:{port}")
        for name, claims in PEOPLE.items():
            httpx.put(f"{found.url}/users/{name}", json=claims, trust_env=False).raise_for_status()
        yield found
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the provider did not start")


def config(provider: Provider, database_url: str) -> dict[str, object]:
    return {
        "model_list": [{"model_name": "echo", "litellm_params": {"model": "offline/echo"}}],
        "general_settings": {"master_key": "sk-test-master-key", "database_url": database_url},
        "environment_variables": {
            "GENERIC_CLIENT_ID": "gateway",
            "GENERIC_CLIENT_SECRET": "secret",
            "GENERIC_DISCOVERY_URL": provider.url,
            "GENERIC_USER_ID_ATTRIBUTE": "sub",
            "GENERIC_ROLE_MAPPINGS_ROLES": "{'proxy_admin': ['keepers'], 'internal_user': ['staff']}",
            "GENERIC_ROLE_MAPPINGS_GROUP_CLAIM": "groups",
        },
    }


@pytest.fixture(scope="module")
def signing(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("sso")
    with running(folder, config(provider, f"sqlite:///{folder}/gateway.db")) as gateway:
        yield gateway


@pytest.fixture
def browser(signing: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=signing.url, trust_env=False) as client:
        yield client


def _back(browser: httpx.Client, provider: Provider, person: str, path: str = "/sso/login") -> str:
    """Where a browser is sent back to when somebody signed in."""
    begun = browser.get(path)
    assert begun.status_code == 303, begun.text
    return provider.sign_in(begun.headers["location"], person)


def _sign_in(browser: httpx.Client, provider: Provider, person: str, path: str = "/sso/login") -> httpx.Response:
    return browser.get(_back(browser, provider, person, path))


def test_a_whole_sign_in(provider: Provider, database_url: str, tmp_path: Path) -> None:
    with running(tmp_path, config(provider, database_url)) as gateway:
        with httpx.Client(base_url=gateway.url, trust_env=False) as browser:
            assert browser.get("/sso/session").status_code == 401
            entered = _sign_in(browser, provider, "alice")
            assert entered.headers["location"] == f"{gateway.url}/ui/?login=success"
            session = browser.get("/sso/session").json()
            assert (session["user_id"], session["user_role"]) == ("alice", "proxy_admin")
            assert session["user_email"] == "alice@example.com"
            key = {"authorization": f"Bearer {session['key']}"}
            said = gateway.chat("echo", headers=key)
            assert said.status_code == 200, said.text
            assert browser.get("/sso/readiness", headers=key).status_code == 200
            assert browser.get("/sso/logout").status_code == 303
            assert browser.get("/sso/session").status_code == 401
            assert gateway.chat("echo", headers=key).status_code == 401
            again = _sign_in(browser, provider, "alice")
            assert again.status_code == 303
        users = gateway.http.get("/user/info", params={"user_id": "alice"}, headers=AUTHORIZED).json()
        assert users["user_info"]["sso_user_id"] == "alice"
        assert "alice@example.com" not in gateway.log()
        assert session["key"] not in gateway.log()


def test_sessions_whose_tokens_begin_alike_are_kept_apart(
    signing: Gateway, provider: Provider, browser: httpx.Client
) -> None:
    _sign_in(browser, provider, "alice")
    with httpx.Client(base_url=signing.url, trust_env=False) as other:
        _sign_in(other, provider, "alice-2")
        one, two = browser.cookies["token"], other.cookies["token"]
        assert one[:50] == two[:50]
        sessions = [client.get("/sso/session").json() for client in (browser, other)]
    assert [session["user_id"] for session in sessions] == ["alice", "alice-2"]
    assert [session["user_role"] for session in sessions] == ["proxy_admin", "internal_user"]
    assert sessions[0]["key"] != sessions[1]["key"]


def test_another_browser(signing: Gateway, provider: Provider, browser: httpx.Client) -> None:
    back = _back(browser, provider, "alice")
    with httpx.Client(base_url=signing.url, trust_env=False) as victim:
        assert victim.get(back).status_code == 400
        victim.get("/sso/login")
        assert victim.get(back).status_code == 400
        assert "token" not in victim.cookies
    assert browser.get(back).status_code == 303


def test_a_callback_is_good_once(provider: Provider, browser: httpx.Client) -> None:
    back = _back(browser, provider, "alice")
    ticket = {"cookie": f"tianji_sign_in={browser.cookies['tianji_sign_in']}"}
    assert browser.get(back).status_code == 303
    replayed = httpx.get(back, headers=ticket, trust_env=False)
    assert replayed.status_code == 400
    assert "already over" in replayed.json()["detail"]


def test_many_who_use_one_callback_at_the_same_time(provider: Provider, browser: httpx.Client) -> None:
    back = _back(browser, provider, "alice")
    ticket = {"cookie": f"tianji_sign_in={browser.cookies['tianji_sign_in']}"}
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: httpx.get(back, headers=ticket, trust_env=False).status_code, range(8))
    assert sorted(answers) == [303, *[400] * 7]


@pytest.mark.parametrize("change", ["wrong", "missing", "a prefix", "an extension", "another's"])
def test_states(change: str, provider: Provider, signing: Gateway, browser: httpx.Client) -> None:
    parts = urlsplit(_back(browser, provider, "alice"))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    state = query.pop("state")
    if change == "another's":
        with httpx.Client(base_url=signing.url, trust_env=False) as other:
            query["state"] = parse_qs(urlsplit(other.get("/sso/login").headers["location"]).query)["state"][0]
    elif change != "missing":
        query["state"] = {"wrong": "0" * 32, "a prefix": state[:-1], "an extension": state + "0"}[change]
    answer = browser.get("/sso/callback", params=query)
    assert answer.status_code == 400
    assert "token" not in browser.cookies


def test_a_code_that_was_used(provider: Provider, browser: httpx.Client) -> None:
    used = parse_qs(urlsplit(_back(browser, provider, "alice")).query)
    browser.get("/sso/callback", params={name: values[0] for name, values in used.items()})
    browser.cookies.delete("token")
    state = parse_qs(urlsplit(browser.get("/sso/login").headers["location"]).query)["state"][0]
    answer = browser.get("/sso/callback", params={"code": used["code"][0], "state": state})
    assert answer.status_code == 401
    assert "token" not in browser.cookies


def test_somebody_elses_code(provider: Provider, signing: Gateway, browser: httpx.Client) -> None:
    """Its ID token was made for another sign-in: the nonce tells."""
    with httpx.Client(base_url=signing.url, trust_env=False) as other:
        code = parse_qs(urlsplit(_back(other, provider, "alice-2")).query)["code"][0]
    state = parse_qs(urlsplit(browser.get("/sso/login").headers["location"]).query)["state"][0]
    answer = browser.get("/sso/callback", params={"code": code, "state": state})
    assert answer.status_code == 401
    assert "nonce" in answer.json()["detail"]


def test_an_address_of_somebody_else(provider: Provider, browser: httpx.Client) -> None:
    answer = _sign_in(browser, provider, "mallory")
    assert answer.status_code == 401
    assert "has not verified" in answer.json()["detail"]


def test_where_a_browser_goes_afterwards(provider: Provider, signing: Gateway, browser: httpx.Client) -> None:
    answer = _sign_in(browser, provider, "alice", "/sso/login?return_to=/ui/models%3Fpage=2")
    assert answer.headers["location"] == f"{signing.url}/ui/models?page=2"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\/evil.example",
        "evil",
        "javascript:alert(1)",
        "/ui/\r\nset-cookie: token=x",
        "/\t/evil.example",
        "",
    ],
)
def test_nobody_is_sent_elsewhere(elsewhere: str, browser: httpx.Client) -> None:
    answer = browser.get("/sso/login", params={"return_to": elsewhere})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("return_to must be a path on this gateway")


def test_a_program_gets_a_key_when_somebody_allows_it(
    signing: Gateway, provider: Provider, browser: httpx.Client
) -> None:
    name = "sk-of-a-program"
    back = _back(browser, provider, "alice", f"/sso/key/generate?source=litellm-cli&key={name}")
    page = browser.get(back)
    assert "alice@example.com" in page.text
    poll = f"{signing.url}/sso/cli/poll/{name}"
    assert httpx.get(poll, trust_env=False).json() == {"status": "pending"}
    ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
    assert browser.post("/sso/cli/confirm", data={"ticket": "made-up"}).status_code == 400
    assert browser.post("/sso/cli/confirm", data={"ticket": ticket}).status_code == 200
    assert browser.post("/sso/cli/confirm", data={"ticket": ticket}).status_code == 400
    ready = httpx.get(poll, trust_env=False).json()
    assert (ready["status"], ready["user_id"], ready["teams"]) == ("ready", "alice", [])
    assert httpx.get(poll, trust_env=False).json() == {"status": "pending"}
    assert signing.chat("echo", headers={"authorization": f"Bearer {ready['key']}"}).status_code == 200


def test_a_program_of_somebody_in_teams(signing: Gateway, provider: Provider, browser: httpx.Client) -> None:
    _sign_in(browser, provider, "alice-2")
    for team in ("red", "blue"):
        members = [{"role": "user", "user_id": "alice-2"}]
        made = signing.http.post("/team/new", json={"team_id": team, "members_with_roles": members})
        assert made.status_code == 200, made.text
    page = browser.get(_back(browser, provider, "alice-2", "/sso/login?source=litellm-cli&key=sk-of-teams"))
    ticket = page.text.partition('name="ticket" value="')[2].partition('"')[0]
    browser.post("/sso/cli/confirm", data={"ticket": ticket})
    poll = f"{signing.url}/sso/cli/poll/sk-of-teams"
    choice = httpx.get(poll, trust_env=False).json()
    assert choice["requires_team_selection"] is True
    assert sorted(choice["teams"]) == ["blue", "red"]
    assert httpx.get(poll, params={"team_id": "green"}, trust_env=False).status_code == 403
    chosen = httpx.get(poll, params={"team_id": "red"}, trust_env=False).json()
    info = signing.http.get("/key/info", params={"key": chosen["key"]}).json()["info"]
    assert (info["team_id"], info["user_id"]) == ("red", "alice-2")


@pytest.mark.parametrize("name", ["of-a-program", "", "SK-x", " sk-x"])
def test_a_program_without_a_proper_name(name: str, browser: httpx.Client) -> None:
    answer = browser.get("/sso/login", params={"source": "litellm-cli", "key": name or "x"})
    assert answer.status_code == 400
    assert browser.get(f"/sso/cli/poll/{name or 'x'}").status_code == 400


def test_another_page_is_not_told_of_the_session(provider: Provider, browser: httpx.Client) -> None:
    _sign_in(browser, provider, "alice")
    assert browser.get("/sso/session").status_code == 200
    assert browser.get("/sso/session", headers={"origin": "https://evil.example"}).status_code == 401
    assert browser.get("/sso/session", headers={"origin": str(browser.base_url).rstrip("/")}).status_code == 200


def test_a_forged_session(provider: Provider, browser: httpx.Client) -> None:
    _sign_in(browser, provider, "alice-2")
    head, claims, signature = browser.cookies["token"].split(".")
    for forged in (
        f"{head}.{claims}.",
        f"{head}.{claims[:-4]}AAAA.{signature}",
        f"{head}.{claims}.{signature[:-6]}AAAAAA",
    ):
        answer = httpx.get(
            browser.base_url.join("/sso/session"), headers={"cookie": f"token={forged}"}, trust_env=False
        )
        assert answer.status_code == 401


def test_debugging_shows_who_it_is_and_stores_nothing(
    signing: Gateway, provider: Provider, browser: httpx.Client
) -> None:
    answer = _sign_in(browser, provider, "alice", "/sso/debug/login")
    assert answer.status_code == 200
    assert '"email": "alice@example.com"' in answer.text
    assert "token" not in browser.cookies
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_sign_in_for_debugging_is_none_for_a_session(provider: Provider, browser: httpx.Client) -> None:
    back = _back(browser, provider, "alice", "/sso/debug/login")
    answer = browser.get(back.replace("/sso/debug/callback", "/sso/callback"))
    assert answer.status_code == 400
    assert "token" not in browser.cookies


def test_guessing_passwords_is_slowed_down(browser: httpx.Client) -> None:
    for _ in range(20):
        assert browser.post("/login", data={"username": "guesser", "password": "x"}).status_code == 401
    assert browser.post("/login", data={"username": "guesser", "password": "x"}).status_code == 429
    assert browser.post("/login", data={"username": "other", "password": "x"}).status_code == 401


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"\xff\xfe=\x00", "application/x-www-form-urlencoded"),
        (b"username=%00&password=%00", "application/x-www-form-urlencoded"),
        (b"username=a&username=b&password=c", "application/x-www-form-urlencoded"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"x", "multipart/form-data"),
        (b"[]", "application/json"),
        (b'{"username": ["a"], "password": {}}', "application/json"),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/v2/login"])
def test_forms_that_are_none(path: str, content: bytes, kind: str, browser: httpx.Client) -> None:
    answer = browser.post(path, content=content, headers={"content-type": kind})
    assert answer.status_code in (400, 401, 422)


@pytest.mark.parametrize("host", ["evil.example", "a b", "[::1", "x" * 300])
def test_hosts_that_clients_make_up(host: str, signing: Gateway) -> None:
    """Without PROXY_BASE_URL they get what they asked for, which their provider refuses; never a failure."""
    answer = httpx.get(f"{signing.url}/sso/login", headers={"host": host}, trust_env=False)
    assert answer.status_code < 500
