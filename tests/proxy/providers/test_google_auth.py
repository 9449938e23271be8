"""Tokens of Google Cloud: fetched once, kept, renewed in time."""

import asyncio
import json
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import google.oauth2.credentials
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from proxy.providers.google.auth import CredentialsError, access_token
from tests.proxy.upstream.servers import Handler, Peer, Server, connected, run, serving

# google-auth warns of accounts from strangers; ours are those of a config, whose author chooses the host anyway.
pytestmark = pytest.mark.filterwarnings("ignore:The load_credentials_from_dict method")

STALE, EXPIRED = 60, -1
"""Seconds that a token is still good for: the last minutes, and no longer."""


@cache
def private_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    no_password = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password).decode()


def account(server: Server, **fields: Any) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "proj-1",
        "private_key_id": "key-1",
        "private_key": private_key(),
        "client_email": "gateway@proj-1.iam.gserviceaccount.com",
        "token_uri": f"http://127.0.0.1:{server.port}/token",
        **fields,
    }


def granting(*seconds: int) -> Handler:
    """Answer with ``token-1``, ``token-2`` and so on, each good for its time, the last time again and again."""
    granted: list[int] = []

    async def handle(peer: Peer) -> None:
        while await peer.request() is not None:
            await asyncio.sleep(0.02)
            granted.append(seconds[min(len(granted), len(seconds) - 1)])
            grant = {"access_token": f"token-{len(granted)}", "expires_in": granted[-1], "token_type": "Bearer"}
            body = json.dumps(grant).encode()
            await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    return handle


def refusing(status: int, body: bytes) -> Handler:
    async def handle(peer: Peer) -> None:
        while await peer.request() is not None:
            await peer.say(b"HTTP/1.1 %d No\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))

    return handle


def test_one_fetch_serves_all_who_wait() -> None:
    async def test() -> None:
        async with serving(granting(3600)) as server, connected() as client:
            got = await asyncio.gather(*(access_token(account(server), client) for _ in range(5)))
            assert got == [("token-1", "proj-1")] * 5
            assert await access_token(account(server), client) == ("token-1", "proj-1")
            assert len(server.heads()) == 1

    run(test())


def test_what_is_asked_for() -> None:
    async def test() -> None:
        async with serving(granting(3600)) as server, connected() as client:
            await access_token(account(server), client)
            [(head, body)] = server.peers[0].requests
            assert head.startswith(b"POST /token ")
            asked = parse_qs(body.decode())
            assert asked["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
            assert asked["assertion"][0].count(".") == 2

    run(test())


@pytest.mark.parametrize("form", ["text", "path", "fields"])
def test_forms_of_credentials(form: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with serving(granting(3600)) as server, connected() as client:
            fields = account(server)
            (tmp_path / "key.json").write_text(json.dumps(fields))
            forms = {"text": f" {json.dumps(fields)}", "path": str(tmp_path / "key.json"), "fields": fields}
            assert await access_token(forms[form], client) == ("token-1", "proj-1")

    run(test())


def test_the_default_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with serving(granting(3600)) as server, connected() as client:
            (tmp_path / "key.json").write_text(json.dumps(account(server)))
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
            assert await access_token(None, client) == ("token-1", "proj-1")

    run(test())


def test_a_user_has_a_project_to_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with serving(granting(3600)) as server, connected() as client:
            monkeypatch.setattr(
                google.oauth2.credentials, "_GOOGLE_OAUTH2_TOKEN_ENDPOINT", account(server)["token_uri"]
            )
            user = {"type": "authorized_user", "client_id": "id", "client_secret": "s", "refresh_token": "r"}
            assert await access_token({**user, "quota_project_id": "billed"}, client) == ("token-1", "billed")

    run(test())


def test_an_old_token_is_used_while_the_next_is_fetched() -> None:
    async def test() -> None:
        async with serving(granting(STALE, 3600)) as server, connected() as client:
            for _ in range(2):
                assert (await access_token(account(server), client))[0] == "token-1"
            async with asyncio.timeout(10):
                while (await access_token(account(server), client))[0] != "token-2":
                    await asyncio.sleep(0.02)
            assert len(server.heads()) == 2

    run(test())


def test_an_expired_token_is_not_used() -> None:
    async def test() -> None:
        async with serving(granting(EXPIRED, 3600)) as server, connected() as client:
            await access_token(account(server), client)
            assert (await access_token(account(server), client))[0] == "token-2"

    run(test())


def test_who_gives_up_does_not_spoil_the_fetch_for_others() -> None:
    async def test() -> None:
        async with serving(granting(3600)) as server, connected() as client:
            first = asyncio.create_task(access_token(account(server), client))
            await asyncio.sleep(0.005)
            second = asyncio.create_task(access_token(account(server), client))
            await asyncio.sleep(0.005)
            first.cancel()
            assert (await second)[0] == "token-1"
            assert len(server.heads()) == 1

    run(test())


def test_a_refusal_is_told_and_tried_anew() -> None:
    async def test() -> None:
        grant = b'{"error": "invalid_grant", "error_description": "Invalid JWT Signature."}'
        async with serving(refusing(400, grant)) as server, connected() as client:
            for _ in range(2):
                with pytest.raises(
                    CredentialsError, match=r"vertex_credentials: invalid_grant: Invalid JWT Signature."
                ):
                    await access_token(account(server), client)
            assert len(server.heads()) == 2

    run(test())


def test_nobody_at_the_token_endpoint() -> None:
    async def test() -> None:
        async with connected() as client:
            with pytest.raises(CredentialsError, match="cannot be reached"):
                await access_token(account(Server(), token_uri="http://127.0.0.1:1/token"), client)

    run(test())


UNUSABLE: dict[str, Any] = {
    "no file": "/no/such/file.json",
    "broken": '{"type": "service_account", "private_key": "-----BEGIN',
    "list": " [1]",
    "unknown": {"type": "passport"},
    "incomplete": {"type": "service_account", "private_key": "-----BEGIN"},
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_unusable_credentials(what: str) -> None:
    async def test() -> None:
        async with connected() as client:
            with pytest.raises(CredentialsError, match="vertex_credentials") as caught:
                await access_token(UNUSABLE[what], client)
            assert "BEGIN" not in str(caught.value)

    run(test())
