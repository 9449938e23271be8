"""Who signs a call to AWS, and how."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from proxy.errors import Failure
from proxy.providers import aws_auth
from proxy.providers.aws_auth import Credentials, credentials_of, region_of, signed_headers

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
ASSUMED = """<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result><Credentials>
<AccessKeyId>AKIDROLE</AccessKeyId><SecretAccessKey>of-the-role</SecretAccessKey><SessionToken>session</SessionToken>
<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></{0}Result></{0}Response>"""


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    aws_auth._provider.cache_clear()
    aws_auth._configured_region.cache_clear()


@pytest.fixture
def sts() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """The address of a token service, and what it was asked."""
    asked: list[dict[str, list[str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            asked.append(form)
            body = ASSUMED.format(form["Action"][0]).encode()
            self.send_response(200)
            self.send_header("content-type", "text/xml")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def find(**params: str) -> Credentials:
    return asyncio.run(credentials_of(params))


def test_keys_are_taken_from_the_settings() -> None:
    assert find(**KEYS, aws_session_token="tok") == (*KEYS.values(), "tok")


def test_keys_are_taken_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    assert find() == (*KEYS.values(), None)


def test_keys_are_taken_from_a_profile(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = of-work\n")
    assert find(aws_profile_name="work") == ("AKIDWORK", "of-work", None)


def test_a_profile_that_is_missing_is_named() -> None:
    with pytest.raises(Failure, match="absent") as raised:
        find(aws_profile_name="absent")
    assert raised.value.status == 401


def test_nothing_at_all_names_the_settings() -> None:
    with pytest.raises(Failure, match="aws_access_key_id") as raised:
        find()
    assert raised.value.status == 401


def test_a_role_is_assumed_once(sts: tuple[str, list[dict[str, list[str]]]]) -> None:
    url, asked = sts
    role = {"aws_role_name": "arn:aws:iam::1:role/r", "aws_sts_endpoint": url, "aws_external_id": "x1"}
    assert find(**KEYS, **role) == find(**KEYS, **role) == ("AKIDROLE", "of-the-role", "session")
    assert [form["Action"][0] for form in asked] == ["AssumeRole"]
    assert (asked[0]["RoleArn"], asked[0]["ExternalId"]) == (["arn:aws:iam::1:role/r"], ["x1"])


def test_a_role_is_assumed_with_an_identity_token(sts: tuple[str, list[dict[str, list[str]]]], tmp_path: Path) -> None:
    url, asked = sts
    (tmp_path / "token").write_text("signed-by-the-cluster\n")
    token = f"oidc/file/{tmp_path / 'token'}"
    found = find(aws_role_name="arn:aws:iam::1:role/r", aws_sts_endpoint=url, aws_web_identity_token=token)
    assert found.access_key == "AKIDROLE"
    assert asked[0]["WebIdentityToken"] == ["signed-by-the-cluster"]


def test_credentials_are_not_shown() -> None:
    assert "wJalr" not in repr(find(**KEYS))


def test_what_is_signed() -> None:
    made = signed_headers(
        "POST",
        "http://127.0.0.1:9/model/a%3A0/converse",
        {"Content-Type": "application/json", "X-Forwarded-For": "1.2.3.4", "x-amz-target": "t"},
        b"{}",
        service="bedrock",
        region="eu-west-1",
        credentials=Credentials(*KEYS.values(), token="tok"),
    )
    assert "Credential=AKIDEXAMPLE/" in made["authorization"]
    assert "/eu-west-1/bedrock/aws4_request" in made["authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target," in made["authorization"]
    assert made["x-amz-security-token"] == "tok"
    assert made["x-forwarded-for"] == "1.2.3.4"
    assert made["content-type"] == "application/json"
    assert "host" not in made


@pytest.mark.parametrize(
    ("params", "variables", "arn", "region"),
    [
        ({"aws_region_name": "eu-west-3"}, {"AWS_REGION": "us-east-1"}, "arn:aws:bedrock:eu-west-1:1:x/y", "eu-west-3"),
        ({}, {"AWS_REGION": "us-east-1"}, "arn:aws:bedrock:eu-west-1:1:x/y", "eu-west-1"),
        ({}, {"AWS_REGION": "us-east-1", "AWS_REGION_NAME": "us-east-2"}, "", "us-east-2"),
        ({}, {"AWS_REGION": "us-east-1"}, "", "us-east-1"),
        ({}, {"AWS_DEFAULT_REGION": "sa-east-1"}, "", "sa-east-1"),
        ({}, {}, "", "us-west-2"),
    ],
)
def test_the_region(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, str], variables: dict[str, str], arn: str, region: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert region_of(params, arn) == region
