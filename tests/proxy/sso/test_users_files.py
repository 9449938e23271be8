"""What operators write themselves: a function that says who somebody is, a handler that reads it from the request."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.gateways import KEY, Gateway, running

HANDLER = """
from fastapi import HTTPException, Request
from fastapi_sso.sso.base import OpenID
from litellm.integrations.custom_sso_handler import CustomSSOLoginHandler
from litellm.proxy._types import SSOUserDefinedValues


class ByHeaders(CustomSSOLoginHandler):
    async def handle_custom_ui_sso_sign_in(self, request: Request) -> OpenID:
        name = request.headers.get("x-user")
        if name is None:
            raise HTTPException(status_code=403, detail="the proxy in front says nobody")
        return OpenID(id=name, email=f"{name}@example.com", provider="front", user_role="PROXY_ADMIN")


by_headers = ByHeaders()


def plain(person: OpenID) -> SSOUserDefinedValues:
    if person.id == "nobody":
        raise ValueError("nobody is not known here")
    return {"user_id": f"own-{person.id}", "user_email": person.email, "user_role": "internal_user"}


def wrong(person: OpenID) -> str:
    return "text"
"""


def _config(folder: Path, **general: str) -> dict[str, object]:
    (folder / "signing.py").write_text(HANDLER)
    settings = {"master_key": KEY, "database_url": f"sqlite:///{folder}/gateway.db"}
    return {
        "model_list": [],
        "general_settings": {**settings, "custom_ui_sso_sign_in_handler": "signing.by_headers", **general},
    }


@pytest.fixture(scope="module")
def handling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("handler")
    with running(folder, _config(folder)) as gateway:
        yield gateway


def _session(gateway: Gateway, name: str) -> dict[str, object]:
    with httpx.Client(base_url=gateway.url, trust_env=False) as browser:
        entered = browser.get("/sso/login", headers={"x-user": name})
        assert entered.status_code == 303, entered.text
        found: dict[str, object] = browser.get("/sso/session").json()
        return found


def test_a_handler_reads_who_calls(handling: Gateway) -> None:
    session = _session(handling, "Ada")
    assert (session["user_id"], session["user_email"], session["user_role"]) == (
        "Ada",
        "ada@example.com",
        "proxy_admin",
    )


def test_a_handler_refuses(handling: Gateway) -> None:
    answer = httpx.get(f"{handling.url}/sso/login", trust_env=False)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_function_says_who_it_is(tmp_path: Path) -> None:
    with running(tmp_path, _config(tmp_path, custom_sso="signing.plain")) as gateway:
        session = _session(gateway, "ada")
        assert (session["user_id"], session["user_role"]) == ("own-ada", "internal_user")
        refused = httpx.get(f"{gateway.url}/sso/login", headers={"x-user": "nobody"}, trust_env=False)
        assert refused.status_code == 401
        assert "nobody is not known here" in refused.text


@pytest.mark.parametrize("dotted", ["signing.wrong", "signing.missing", "nothing.there"])
def test_functions_that_do_not_work(dotted: str, tmp_path: Path) -> None:
    with running(tmp_path, _config(tmp_path, custom_sso=dotted)) as gateway:
        answer = httpx.get(f"{gateway.url}/sso/login", headers={"x-user": "ada"}, trust_env=False)
        assert answer.status_code == 500
        assert answer.json()["error"]["param"] == "general_settings.custom_sso"
        users = gateway.http.get("/user/list").json()["users"]
        assert users == []
