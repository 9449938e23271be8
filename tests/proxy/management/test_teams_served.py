"""Bad input to the operations on teams, organizations, projects and access groups: refused, never a 5xx, nothing half-written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.api.management.table import OPERATIONS
from tests.gateways import Gateway, running

PREFIXES = ("/team", "/v2/team", "/organization", "/project", "/access_group", "/v1/access_group", "/v1/unified")
ODD: tuple[Any, ...] = (
    None,
    [],
    "text",
    -1,
    2**64,
    1e308,
    {"nested": [None]},
    [{"user_id": "u", "role": "user"}, 7],
    "'; DROP TABLE teams; --",
    "nul \x00",
    "ünïcödé \U0001f680 \ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "x" * 100_000,
)
MINE = {
    f"{operation.method} {operation.paths[0]}": operation
    for operation in OPERATIONS
    if operation.paths[0].startswith(PREFIXES) and "daily" not in operation.paths[0]
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("teams")
    config = {
        "model_list": [{"model_name": "echo", "litellm_params": {"model": "offline/echo"}}],
        "general_settings": {
            "master_key": "sk-1234",
            "database_url": f"sqlite:///{folder}/teams.db",
            "store_model_in_db": True,
        },
    }
    with running(folder, config) as running_gateway:
        yield running_gateway


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    address = f"http://127.0.0.1:{gateway.port}"
    with httpx.Client(base_url=address, headers={"authorization": "Bearer sk-1234"}, timeout=30) as made:
        made.post("/team/new", json={"team_id": "team"}).raise_for_status()
        made.post("/organization/new", json={"organization_id": "org", "organization_alias": "o"}).raise_for_status()
        made.post("/project/new", json={"project_id": "project", "team_id": "team"}).raise_for_status()
        yield made


KNOWN: dict[str, Any] = {
    "user_id": "u",
    "team_id": "team",
    "organization_id": "org",
    "organization_alias": "o",
    "project_id": "project",
}


@pytest.mark.parametrize("name", MINE)
def test_odd_values_are_the_client_s_mistake(client: httpx.Client, name: str) -> None:
    operation = MINE[name]
    address = operation.paths[0].replace("{team_id}", "team").replace("{access_group}", "g")
    requests: list[dict[str, Any]] = []
    if query := operation.models.get("query"):
        known = {field: KNOWN[field] for field in query.model_fields if field in KNOWN}
        texts = [str(odd)[:2000] for odd in ODD]
        requests = [{"params": {**known, field: text}} for field in query.model_fields for text in texts]
    if body := operation.models.get("body"):
        requests += [{"json": {**KNOWN, field: odd}} for field in body.model_fields for odd in ODD]
        requests += [{"json": odd} for odd in ODD] + [{"content": b"{"}, {"content": b""}]
    failed = [
        (str(request)[:300], answer.text[:200])
        for request in requests
        if (answer := client.request(operation.method, address, **request)).status_code >= 500
    ]
    assert not failed


def test_a_nul_in_a_path(client: httpx.Client) -> None:
    assert client.get("/team/a%00b/callback").status_code < 500
    assert client.get("/v1/access_group/a%00b").status_code < 500


def test_secrets_of_callbacks_are_in_no_audit_entry(tmp_path: Path) -> None:
    config = {
        "model_list": [],
        "general_settings": {"master_key": "sk-1234", "database_url": f"sqlite:///{tmp_path}/audited.db"},
        "litellm_settings": {"store_audit_logs": True},
    }
    callback = {"callback_name": "langfuse", "callback_vars": {"langfuse_secret_key": "sk-lf-very-secret"}}
    with running(tmp_path, config) as gateway:
        headers = {"authorization": "Bearer sk-1234"}
        with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", headers=headers) as client:
            client.post("/team/new", json={"team_id": "team"}).raise_for_status()
            client.post("/team/team/callback", json=callback).raise_for_status()
            client.post("/team/update", json={"team_id": "team", "team_alias": "new"}).raise_for_status()
            client.post("/team/delete", json={"team_ids": ["team"]}).raise_for_status()
            entries = client.get("/audit?page_size=100").json()["audit_logs"]
    assert [entry["action"] for entry in entries].count("updated") == 2
    assert "sk-lf-very-secret" not in str(entries)
