"""Sessions: what their tokens hold, and which tokens are none of ours."""

import time
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from proxy.config.model import GeneralSettings, ProxyConfig, Settings
from proxy.sso import session
from proxy.sso.session import Session, cookie, issue, new_session, read

MASTER = "sk-1234"
ALICE = Session(
    user_id="alice", key="sk-a", user_email="alice@example.com", user_role="internal_user", login_method="sso"
)


def test_a_session_comes_back() -> None:
    found = read(issue(ALICE, MASTER), MASTER)
    assert found is not None
    assert (found.user_id, found.key, found.user_email) == ("alice", "sk-a", "alice@example.com")
    assert found.exp - found.iat == 24 * 60 * 60


def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    token = issue(ALICE, MASTER)
    later = time.time() + session.SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert read(token, MASTER) is None


def test_the_master_key_does_not_sign_sessions() -> None:
    claims = {"user_id": "eve", "key": "k", "user_email": None, "user_role": "proxy_admin", "login_method": "sso"}
    forged = jwt.encode({"alg": "HS256"}, {**claims, "exp": 2**40}, OctKey.import_key(MASTER.ljust(32, "x")))
    assert read(forged, MASTER) is None


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "eyJhbGciOiJub25lIn0.eyJ1c2VyX2lkIjoiZXZlIn0.", "ü.ü.ü", "." * 99])
def test_what_is_no_token(token: str) -> None:
    assert read(token, MASTER) is None


def test_a_changed_token_is_none() -> None:
    head, claims, signature = issue(ALICE, MASTER).split(".")
    other = issue(Session(**{**{f: getattr(ALICE, f) for f in ALICE.__struct_fields__}, "user_id": "bob"}), MASTER)
    assert read(f"{head}.{other.split('.')[1]}.{signature}", MASTER) is None
    assert read(f"{head}.{claims}.{signature}", "sk-other") is None
    assert read(f"{head}.{claims}.{signature}", MASTER) is not None


def test_what_the_config_says() -> None:
    config = ProxyConfig(
        folder=Path("/nowhere"),
        general_settings=GeneralSettings(master_key=MASTER, litellm_key_header_name="X-Key"),
        settings=Settings(
            other={"key_generation_settings": {"personal_key_generation": {"allowed_user_roles": ["proxy_admin"]}}}
        ),
    )
    made = new_session(
        config, user_id="a", key="sk-a", user_email=None, user_role="internal_user", login_method="username_password"
    )
    assert made.auth_header_name == "X-Key"
    assert made.disabled_non_admin_personal_key_creation is True


def test_the_cookie_is_kept_from_scripts_and_from_plain_http() -> None:
    made = cookie("t", secure=True)
    assert made["httponly"] is True
    assert made["samesite"] == "lax"
    assert made["secure"] is True
    assert cookie("t", secure=False)["secure"] is False
