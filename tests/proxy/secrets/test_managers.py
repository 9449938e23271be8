"""Secret managers give one key, or an error that says what to do and never the secret."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest

from proxy.config.errors import ConfigError
from proxy.secrets.base import SecretError, open_manager

Seen = list[tuple[str, str, dict[str, str], bytes]]


@contextmanager
def serving(status: int, answer: Any) -> Iterator[tuple[str, Seen]]:
    """A server that always answers the same; its address, and what it was asked."""
    seen: Seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            content = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - names of http.server

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def read(kind: str, settings: dict[str, Any], folder: Path, name: str) -> str:
    return asyncio.run(open_manager(kind, settings, folder, key="rotation.manager").read(name))


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("environment", "NOT_SET_AT_ALL", "is not set"),
        ("file", "not-there.txt", "cannot be read"),
        ("file", "empty.txt", "is empty"),
        ("file", "lines.txt", "line breaks"),
        ("command", "no-such-program", "cannot be run"),
        ("command", "false", "exit status 1"),
        ("command", "true", "is empty"),
        ("function", "mine.fails", "failed with ValueError"),
        ("function", "mine.nothing", "returned no text"),
    ],
)
def test_what_cannot_be_had(tmp_path: Path, kind: str, name: str, told: str) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "lines.txt").write_text("sk-one\nsk-two\n")
    (tmp_path / "mine.py").write_text(
        "def fails(purpose):\n    raise ValueError('sk-hidden')\ndef nothing(purpose):\n    return None\n"
    )
    with pytest.raises(SecretError, match=told) as raised:
        read(kind, {}, tmp_path, name)
    assert "sk-" not in str(raised.value)
    sys.modules.pop("mine", None)


def test_a_command_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "tells.sh").write_text("#!/bin/sh\necho sk-$TIANJI_SECRET-$1\n")
    manager: Any = open_manager("command", {}, tmp_path, key="k")
    assert asyncio.run(manager.read("sh tells.sh 'two words'")) == "sk-read-two words"
    assert asyncio.run(manager.rotate("sh tells.sh x")) == "sk-rotate-x"


def test_vault(tmp_path: Path) -> None:
    with serving(200, {"data": {"data": {"key": "sk-v", "other": "sk-o"}}}) as (address, seen):
        settings = {
            "hcp_vault_addr": f"{address}/",
            "hcp_vault_token": "token",
            "hcp_vault_mount_name": "kv",
            "hcp_vault_path_prefix": "gateways",
            "hcp_vault_namespace": "team",
        }
        assert read("hashicorp_vault", settings, tmp_path, "vendor/openai") == "sk-v"
        assert read("hashicorp_vault", settings, tmp_path, "vendor/openai#other") == "sk-o"
        with pytest.raises(SecretError, match="no text in its field 'third'"):
            read("hashicorp_vault", settings, tmp_path, "vendor/openai#third")
    method, path, headers, _ = seen[0]
    assert (method, path) == ("GET", "/v1/kv/data/gateways/vendor/openai")
    assert headers["x-vault-token"] == "token"
    assert headers["x-vault-namespace"] == "team"


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (403, {"errors": ["denied"]}, "answered 403"),
        (200, b"<html>", "KV version 2"),
        (200, {"data": None}, "KV version 2"),
    ],
)
def test_vault_refuses(tmp_path: Path, status: int, answer: Any, told: str) -> None:
    with serving(status, answer) as (address, _):
        settings = {"hcp_vault_addr": address, "hcp_vault_token": "vault-secret-token"}
        with pytest.raises(SecretError, match=told) as raised:
            read("hashicorp_vault", settings, tmp_path, "openai")
    assert "vault-secret-token" not in str(raised.value)


def test_vault_is_away(tmp_path: Path) -> None:
    settings = {"hcp_vault_addr": "http://127.0.0.1:9", "hcp_vault_token": "t"}
    with pytest.raises(SecretError, match="cannot be reached"):
        read("hashicorp_vault", settings, tmp_path, "openai")


@pytest.mark.parametrize("name", ["prod/openai", "prod/openai#key"])
def test_aws_secrets_manager(tmp_path: Path, name: str) -> None:
    text = '{"key": "sk-aws"}' if "#" in name else "sk-aws"
    with serving(200, {"Name": "prod/openai", "SecretString": text}) as (address, seen):
        settings = {
            "aws_access_key_id": "AKIDEXAMPLE",
            "aws_secret_access_key": "secret",
            "aws_region_name": "eu-west-1",
            "aws_secretsmanager_endpoint": address,
        }
        assert read("aws_secret_manager", settings, tmp_path, name) == "sk-aws"
    [(method, path, headers, body)] = seen
    assert (method, path) == ("POST", "/")
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert "eu-west-1/secretsmanager/aws4_request" in headers["authorization"]
    assert msgspec.json.decode(body) == {"SecretId": "prod/openai"}


def test_a_manager_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not available"):
        open_manager("cyberark", {}, tmp_path, key="rotation.manager")
