"""Tokens of an identity provider in place of keys: which are believed, and what their claims mean."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from proxy.auth.authenticator import Caller
from proxy.auth.directory import Directory
from proxy.auth.permissions import Group, check_route
from proxy.auth.selection import build_authenticator
from proxy.call import Identity
from proxy.config.errors import ConfigError
from proxy.config.model import GeneralSettings, ProxyConfig
from proxy.errors import DetailError, GatewayError
from proxy.store import tables
from proxy.store.rows import find
from proxy.store.store import Store
from tests.proxy.auth.keeping import add, hashed, with_directory

KEY = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
CURVE = ECKey.generate_key("P-256", {"kid": "curve"}, private=True)
FOREIGN = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
FIELDS = {"user_id_jwt_field": "sub", "team_id_jwt_field": None}


class Provider:
    """Serves its public keys."""

    def __init__(self) -> None:
        self.keys: list[Any] = [KEY.as_dict(private=False), CURVE.as_dict(private=False)]
        self.fetched = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.fetched += 1
                body = json.dumps({"keys": provider.keys}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    found = Provider()
    monkeypatch.setenv("JWT_PUBLIC_KEY_URL", found.url)
    monkeypatch.delenv("JWT_AUDIENCE", raising=False)
    yield found
    found.server.shutdown()
    found.server.server_close()


def signed(key: Any = KEY, algorithm: str = "RS256", kid: str | None = "one", **claims: Any) -> str:
    header = {"alg": algorithm} | ({} if kid is None else {"kid": kid})
    return jwt.encode(header, {"exp": int(time.time()) + 60, **claims}, key, algorithms=[algorithm])


def unsigned(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None = None) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    data = b".".join(parts)
    signature = b"" if secret is None else hmac.new(secret, data, hashlib.sha256).digest()
    return (data + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


class Asking:
    """Calls the authenticator of a config."""

    def __init__(self, directory: Directory, **settings: Any) -> None:
        given = {name: value for name, value in {**FIELDS, **settings}.items() if value is not None}
        other = {"enable_jwt_auth": True, "litellm_jwtauth": given}
        general = GeneralSettings(master_key="sk-master", other=other)
        self._authenticator = build_authenticator(ProxyConfig(folder=Path(), general_settings=general), directory)

    async def __call__(self, token: str, model: str | None = None, team: str | None = None) -> Identity:
        async def body() -> bytes:
            return json.dumps({"model": model}).encode()

        headers = {b"authorization": b"Bearer " + token.encode()}
        if team is not None:
            headers[b"x-litellm-team-id"] = team.encode()
        return await self._authenticator.authenticate(Caller(headers, {}, body))

    async def refused(self, token: str, **asked: Any) -> GatewayError:
        with pytest.raises(GatewayError) as refused:
            await self(token, **asked)
        return refused.value


Scenario = Callable[[Store, Directory], Awaitable[None]]


def test_a_users_token(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.users, user_id="u", user_role="internal_user", max_budget=3.0, models=["m"])
        asking = Asking(directory)
        found = await asking(signed(sub="u"))
        assert (found.user_id, found.role, found.token, found.is_admin) == ("u", "internal_user", None, False)
        assert found.access is not None
        assert [(holder.kind, holder.max_budget) for holder in found.access.holders] == [("user", 3.0)]
        assert (await asking(signed(CURVE, "ES256", "curve", sub="u"))).user_id == "u"
        assert provider.fetched == 1

    with_directory(tmp_path, scenario)


def test_keys_still_work(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.keys, token=hashed("sk-key"))
        asking = Asking(directory)
        assert (await asking("sk-master")).is_master
        assert (await asking("sk-key")).token == hashed("sk-key")
        assert (await asking.refused("sk-other")).type == "token_not_found_in_db"

    with_directory(tmp_path, scenario)


def test_tokens_that_are_not_believed(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public = KEY.as_pem(private=False)
    claims = {"sub": "u", "exp": int(time.time()) + 60, "scope": "litellm_proxy_admin"}
    tokens = {
        "expired": signed(exp=int(time.time()) - 5),
        "signed by another": signed(FOREIGN),
        "not signed": unsigned({"alg": "none", "kid": "one"}, claims),
        "signed with the public key": unsigned({"alg": "HS256", "kid": "one"}, claims, public),
        "changed": signed(sub="u")[:-6] + "AAAAAA",
        "of an unknown key": signed(kid="two"),
        "without a key's name": signed(kid=None),
        "not yet valid": signed(nbf=int(time.time()) + 50),
        "no JSON": "a.b.c",
        "no base64": "..",
        "NUL": "\0.\0.\0",
        "not of objects": unsigned({"alg": "RS256"}, {})[:1] + "x.y.z",
        "long": signed(padding="x" * 20_000),
    }

    async def scenario(store: Store, directory: Directory) -> None:
        asking = Asking(directory)
        for why, token in tokens.items():
            error = await asking.refused(token)
            assert (error.status, error.type, why) == (401, "auth_error", why)
        assert (await asking.refused(tokens["expired"])).message == "Authentication Error, Token Expired"
        monkeypatch.setenv("JWT_AUDIENCE", "us")
        assert (await asking.refused(signed(sub="u", aud="them"))).status == 401
        assert (await asking.refused(signed(sub="v"))).status == 401
        assert (await asking(signed(sub="w", aud=["us", "them"]))).user_id == "w"

    with_directory(tmp_path, scenario)


def test_a_token_counts_until_it_expires(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        asking = Asking(directory)
        token = signed(sub="u", exp=int(time.time()) + 2)
        await asking(token)
        time.sleep(3.1)
        assert (await asking.refused(token)).message == "Authentication Error, Token Expired"

    with_directory(tmp_path, scenario)


def test_new_keys_are_fetched_once_in_a_while(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        asking = Asking(directory)
        await asking(signed(sub="u"))
        for number in range(5):
            await asking.refused(signed(kid=f"unknown-{number}"))
        assert provider.fetched == 1

    with_directory(tmp_path, scenario)


def test_an_admins_scope(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        found = await Asking(directory)(signed(sub="u", scope="email litellm_proxy_admin"))
        assert (found.is_admin, found.is_master, found.role) == (True, False, "proxy_admin")
        assert "management_routes" in found.allowed_routes
        other = await Asking(directory, admin_jwt_scope="boss")(signed(sub="u", scope=["boss"]))
        assert other.is_admin
        assert not (await Asking(directory, admin_jwt_scope="boss")(signed(scope="litellm_proxy_admin"))).is_admin

    with_directory(tmp_path, scenario)


def test_users_may_be_added(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        fields: dict[str, Any] = {"user_email_jwt_field": "mail", "roles_jwt_field": "access.roles"}
        role_map = [{"jwt_role": "view*", "litellm_role": "internal_user_viewer"}]
        token = signed(sub="new", mail="new@example.com", access={"roles": ["viewers"]})
        before = await Asking(directory, **fields)(token)
        assert before.access is not None
        assert before.access.user is None
        asking = Asking(directory, user_id_upsert=True, jwt_litellm_role_map=role_map, **fields)
        found = await asking(token)
        assert (found.user_id, found.role) == ("new", "internal_user_viewer")
        async with store.reading() as connection:
            row = await find(connection, tables.users, user_id="new")
        assert row is not None
        assert row["user_email"] == "new@example.com"

    with_directory(tmp_path, scenario)


def test_only_addresses_of_a_domain(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        asking = Asking(
            directory, user_email_jwt_field="mail", user_allowed_email_domain="example.com", user_id_upsert=True
        )
        assert (await asking(signed(sub="u", mail="u@example.com"))).user_id == "u"
        for mail in ("u@evil.com", "u@example.com@evil.com", "u@sub.example.com", None):
            assert (await asking.refused(signed(sub="v", mail=mail))).status == 403

    with_directory(tmp_path, scenario)


def test_the_team_of_a_token(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.teams, team_id="t", team_alias="The team", models=["m"], organization_id="o")
        asking = Asking(directory, team_id_jwt_field="team")
        found = await asking(signed(sub="u", team="t"))
        assert (found.team_id, found.organization_id) == ("t", "o")
        assert (await asking.refused(signed(sub="u"))).message.startswith(
            "Authentication Error, No team found in token."
        )
        assert (await asking.refused(signed(sub="u", team="x"))).status == 404
        by_alias = Asking(directory, team_alias_jwt_field="team.name")
        assert (await by_alias(signed(team={"name": "The team"}))).team_id == "t"
        default = Asking(directory, team_id_default="t")
        assert (await default(signed(sub="u"))).team_id == "t"
        adding = Asking(directory, team_id_jwt_field="team", team_id_upsert=True)
        assert (await adding(signed(sub="u", team="made"))).team_id == "made"
        await add(store, tables.teams, team_id="litellm-dashboard")
        assert (await adding.refused(signed(sub="u", team="litellm-dashboard"))).status == 404

    with_directory(tmp_path, scenario)


@pytest.mark.parametrize("routes", [["/v1/chat/completions"], []])
def test_the_routes_of_teams(provider: Provider, tmp_path: Path, routes: list[str]) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        await add(store, tables.teams, team_id="t")
        asking = Asking(directory, team_id_default="t", team_allowed_routes=routes)
        found = await asking(signed(sub="u"))
        with pytest.raises(DetailError):
            check_route(found, "/v1/embeddings", Group.LLM)
        if routes:
            check_route(found, "/v1/chat/completions", Group.LLM)
        unlimited = await Asking(directory, team_id_default="t")(signed(sub="u"))
        check_route(unlimited, "/v1/embeddings", Group.LLM)

    with_directory(tmp_path, scenario)


def test_the_first_team_that_has_the_model(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        from proxy.auth.model_access import ModelAccess
        from proxy.routing.groups import Groups

        directory.models = ModelAccess(Groups((), {}), lambda _: ())
        await add(store, tables.teams, team_id="a", models=["one"])
        await add(store, tables.teams, team_id="b", models=["two", "three*"])
        asking = Asking(directory, team_ids_jwt_field="groups")
        token = signed(sub="u", groups=["x", "a", "b"])
        assert [(await asking(token, model=name)).team_id for name in ("one", "two", "threefold")] == ["a", "b", "b"]
        assert (await asking.refused(token, model="four")).status == 403
        assert (await asking(token, model="one", team="b")).team_id == "b"
        assert (await asking.refused(token, model="one", team="c")).status == 403
        assert (await asking(signed(sub="u"), model="one")).team_id is None
        strict = Asking(directory, team_ids_jwt_field="groups", enforce_team_based_model_access=True)
        assert (await strict.refused(signed(sub="u"), model="one")).status == 403

    with_directory(tmp_path, scenario)


def test_roles_and_scopes_narrow(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        strict = Asking(directory, enforce_rbac=True)
        assert (await strict.refused(signed(name="nobody"))).status == 403
        assert (await strict(signed(sub="u"))).user_id == "u"
        mapping = [{"scope": "small", "models": ["m"], "routes": ["/v1/chat/completions"]}]
        scoped = Asking(directory, enforce_scope_based_access=True, scope_mappings=mapping)
        found = await scoped(signed(sub="u", scope="small"))
        assert (found.models, found.allowed_routes) == (("m",), ("/v1/chat/completions",))
        assert found.access is not None
        assert found.access.key["models"] == ("m",)
        assert (await scoped.refused(signed(sub="u", scope="other"))).status == 403

    with_directory(tmp_path, scenario)


def test_a_customer_of_a_token(provider: Provider, tmp_path: Path) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        found = await Asking(directory, end_user_id_jwt_field="customer")(signed(sub="u", customer="c"))
        assert found.customer == "c"

    with_directory(tmp_path, scenario)


@pytest.mark.parametrize(
    "settings",
    [
        {"unheard_of": 1},
        {"public_key_ttl": "soon"},
        {"user_roles_jwt_field": "roles"},
        {"object_id_jwt_field": "oid"},
    ],
)
def test_settings_that_cannot_be_used(tmp_path: Path, settings: dict[str, Any]) -> None:
    async def scenario(store: Store, directory: Directory) -> None:
        with pytest.raises(ConfigError, match="litellm_jwtauth"):
            Asking(directory, **settings)

    with_directory(tmp_path, scenario)
