"""The import, on a database that the live reference filled (``tools/dump_reference``)."""

import asyncio
import gzip
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from contracts.harness.postgres import PostgresServer
from fixtures.running import UpstreamControl
from proxy.cli import main
from proxy.store import rows, tables
from proxy.store.address import address_of
from proxy.store.engine import engine_of
from proxy.store.sealing import Sealer
from proxy.store.store import Store
from proxy.takeover import run
from proxy.takeover.mapping import MOVED
from tests.gateways import deployment, running
from tools.impl import dump_reference as dumped

DUMP = Path(__file__).parent / "reference.sql.gz"
OUR_SALT = "sk-our-salt"


@pytest.fixture
def source(postgres: PostgresServer, tmp_path: Path) -> str:
    """A copy of the reference's database."""
    url = postgres.new_database()
    (tmp_path / "dump.sql").write_bytes(gzip.decompress(DUMP.read_bytes()))
    psql = [str(postgres.programs / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(tmp_path / "dump.sql"), url]
    subprocess.run(psql, check=True, capture_output=True)
    return url


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("LITELLM_MASTER_KEY", dumped.MASTER_KEY)
    monkeypatch.setenv("TIANJI_SALT_KEY", OUR_SALT)
    monkeypatch.setenv("LITELLM_SALT_KEY", dumped.SALT_KEY)
    yield monkeypatch


def import_into(url: str, source: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["db", "import", "--from", source, *options], env={"DATABASE_URL": url})


def read(url: str, table: str) -> list[dict[str, Any]]:
    async def find() -> list[dict[str, Any]]:
        store = Store(url)
        await store.start()
        try:
            async with store.reading() as connection:
                return await rows.find_all(connection, tables.metadata.tables[table])
        finally:
            await store.aclose()

    return asyncio.run(find())


def change(url: str, statement: str) -> None:
    async def execute() -> None:
        engine = engine_of(address_of(url), pooled=False)
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    asyncio.run(execute())


def hashed(key: str) -> str:
    return sha256(key.encode()).hexdigest()


def test_everything_that_has_a_place_is_taken_over(database_url: str, source: str, environment: None) -> None:
    done = import_into(database_url, source)
    assert done.exit_code in (0, 1), done.output
    keys = {row["token"]: row for row in read(database_url, "keys")}
    alice = keys[hashed(dumped.ALICE)]
    assert (alice["key_alias"], alice["user_id"], alice["team_id"]) == ("alice's", "alice", "team-1")
    assert (alice["models"], alice["metadata"], alice["organization_id"]) == (["stored"], {"é": ["x"]}, "org-1")
    assert alice["created_at"].tzinfo == UTC
    assert [keys[hashed(key)]["routes_granted"] for key in (dumped.ALICE, dumped.BUDGETED)] == [True, True]
    assert {row["created_by"]: row["routes_granted"] for row in keys.values()} == {None: False, "default_user_id": True}
    assert keys[hashed(dumped.BLOCKED)]["blocked"] is True
    assert keys[hashed(dumped.EXPIRED)]["expires"] < datetime.now(UTC)
    budgeted = keys[hashed(dumped.BUDGETED)]
    assert (budgeted["budget_id"], budgeted["max_budget"], budgeted["rpm_limit"]) == ("small", 1.0, 10)
    assert budgeted["spend"] == 0.01
    [team] = [row for row in read(database_url, "teams") if row["team_id"] == "team-1"]
    assert (team["team_alias"], team["max_budget"]) == ("Ünïcode", 50.0)
    assert (team["model_aliases"], team["metadata"]) == ({"short": "stored"}, {"cost center": 7})
    assert {member["user_id"] for member in team["members_with_roles"]} == {"default_user_id", "alice"}
    [membership] = [row for row in read(database_url, "team_memberships") if row["user_id"] == "alice"]
    budgets = {row["budget_id"]: row for row in read(database_url, "budgets")}
    assert budgets[membership["budget_id"]]["max_budget"] == 2.0
    assert (budgets["small"]["rpm_limit"], budgets["small"]["budget_duration"]) == (7, "30d")
    assert "customer-1" in {row["user_id"] for row in read(database_url, "customers")}
    assert {row["user_role"] for row in read(database_url, "users") if row["user_id"] == "root"} == {"proxy_admin"}
    assert [row["organization_alias"] for row in read(database_url, "organizations")] == ["Acme"]
    assert "blue" in {row["tag_name"] for row in read(database_url, "tags")}
    assert [row["prompt_id"] for row in read(database_url, "prompts")] == ["greeting"]
    assert hashed("sk-imported-deleted") in {row["token"] for row in read(database_url, "deleted_keys")}


def test_secrets_are_opened_and_sealed_again(database_url: str, source: str, environment: None) -> None:
    import_into(database_url, source)
    sealer = Sealer(OUR_SALT)
    stored = {row["model_id"]: row for row in read(database_url, "models")}
    params = sealer.unseal_all("models", stored["stored-1"]["litellm_params"])
    assert (params["model"], params["api_key"], params["rpm"]) == ("openai/stored-up", "sk-stored", 100)
    other = sealer.unseal_all("models", stored["stored-2"]["litellm_params"])
    assert (other["litellm_credential_name"], other["api_base"]) == ("vendor", f"{dumped.PLACE}/v1")
    [credential] = read(database_url, "credentials")
    assert sealer.unseal_all("credentials", credential["credential_values"]) == {"api_key": "sk-credential"}
    assert "sk-stored" not in str(stored)
    settings = {row["param_name"]: row["param_value"] for row in read(database_url, "settings")}
    assert settings["router_settings"]["fallbacks"] == [{"stored": ["configured"]}]
    assert "master_key" not in settings["general_settings"]


def test_spend_is_taken_over_to_the_cent(database_url: str, source: str, environment: None) -> None:
    import_into(database_url, source)
    logs = read(database_url, "spend_logs")
    assert {row["api_key"] for row in logs} <= {hashed(dumped.ALICE), hashed(dumped.BUDGETED)}
    assert sum(row["total_tokens"] for row in logs) == 15 * len(logs)
    daily = read(database_url, "daily_spend")
    by_team = [row for row in daily if row["entity_type"] == "team" and row["entity_id"] == "team-1"]
    assert sum(row["api_requests"] for row in by_team) == 2
    by_key = [row for row in daily if row["entity_type"] == "user" and row["api_key"] == hashed(dumped.BUDGETED)]
    assert sum(row["spend"] for row in by_key) == 0.01
    assert {row["entity_type"] for row in daily} >= {"user", "team", "organization", "customer", "tag"}


def test_old_keys_go_on_working(
    source: str, environment: pytest.MonkeyPatch, upstream: UpstreamControl, tmp_path: Path
) -> None:
    """On a gateway that runs with the config and the environment of the reference."""
    environment.delenv("TIANJI_SALT_KEY")
    url = f"sqlite:///{tmp_path}/gateway.db"
    assert import_into(url, source).exit_code == 0
    config = {
        "model_list": [deployment("configured", upstream.url)],
        "general_settings": {"master_key": dumped.MASTER_KEY, "database_url": url, "store_model_in_db": True},
        "environment_variables": {"LITELLM_SALT_KEY": dumped.SALT_KEY},
    }
    upstream.script("takeover", {"by-credential": []})
    change(url, "UPDATE models SET model_name = 'moved' WHERE model_id = 'stored-2'")
    with running(tmp_path, config) as gateway:
        http = httpx.Client(base_url=gateway.url, trust_env=False, timeout=15)

        def chat(key: str, model: str) -> httpx.Response:
            body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
            return http.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})

        assert chat(dumped.BUDGETED, "configured").status_code == 200
        assert "key not allowed to access model" in chat(dumped.ALICE, "configured").text
        assert "blocked" in chat(dumped.BLOCKED, "configured").text
        assert "Expired" in chat(dumped.EXPIRED, "configured").text
        assert chat("sk-imported-deleted", "configured").status_code == 401
        admin = {"authorization": f"Bearer {dumped.MASTER_KEY}"}
        listed = {item["id"] for item in http.get("/v1/models", headers=admin).json()["data"]}
        assert {"configured", "stored", "moved"} <= listed
        info = http.get("/key/info", params={"key": dumped.ALICE}, headers=admin).json()["info"]
        assert (info["key_alias"], info["team_id"]) == ("alice's", "team-1")


def test_it_can_be_repeated(database_url: str, source: str, environment: None) -> None:
    import_into(database_url, source)
    before = {name: len(read(database_url, name)) for name in ("keys", "teams", "spend_logs", "daily_spend", "models")}
    change(database_url, "UPDATE keys SET spend = 0.5 WHERE key_alias = 'budgeted'")
    again = import_into(database_url, source)
    assert before == {name: len(read(database_url, name)) for name in before}
    assert [row["spend"] for row in read(database_url, "keys") if row["key_alias"] == "budgeted"] == [0.5]
    assert "already here" in again.output


def test_a_dry_run_keeps_nothing(database_url: str, source: str, environment: None) -> None:
    done = import_into(database_url, source, "--dry-run")
    assert "dry run: nothing was kept" in done.output
    assert "virtual keys" in done.output
    for moved in MOVED:
        assert read(database_url, moved.target.name) == []
    assert read(database_url, "imports") == []


def test_an_interrupted_import_goes_on(database_url: str, source: str, environment: pytest.MonkeyPatch) -> None:
    """In batches of two, the third table's second batch fails; then it goes on without writing a row twice."""
    environment.setattr(run, "BATCH", 2)
    original = run.Import._write
    written: list[str] = []

    async def breaks(self: run.Import, table: Any, batch: Any, result: Any) -> None:
        if table.source == "LiteLLM_VerificationToken" and len(written) > 8:
            raise OSError("the network is gone")
        written.append(table.source)
        await original(self, table, batch, result)

    environment.setattr(run.Import, "_write", breaks)
    broken = import_into(database_url, source)
    assert broken.exit_code == 2
    assert "error: the database cannot be used: the network is gone" in broken.output
    places = {row["table_name"]: row["last_id"] for row in read(database_url, "imports")}
    assert places["LiteLLM_TeamTable"] == run._done
    environment.setattr(run.Import, "_write", original)
    done = import_into(database_url, source)
    assert "memberships" not in done.output
    assert len(read(database_url, "keys")) == 5
    assert read(database_url, "imports") == []


def test_another_salt_key_is_told_and_moves_the_rest(
    database_url: str, source: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("LITELLM_SALT_KEY", "sk-wrong")
    done = import_into(database_url, source)
    assert done.exit_code == 1
    assert "encrypted with another salt key" in " ".join(done.output.split())
    assert read(database_url, "models") == []
    assert len(read(database_url, "keys")) == 5


def test_what_has_no_place_is_told(database_url: str, source: str, environment: None) -> None:
    change(source, """INSERT INTO "LiteLLM_MCPServerTable" (server_id, server_name) VALUES ('1', 'wiki')""")
    done = import_into(database_url, source)
    assert done.exit_code == 1
    assert "MCP servers" in done.output


def test_an_older_reference_has_less(database_url: str, source: str, environment: None) -> None:
    change(
        source,
        'ALTER TABLE "LiteLLM_VerificationToken" DROP COLUMN rotation_count CASCADE, DROP COLUMN access_group_ids CASCADE',
    )
    change(source, 'DROP TABLE "LiteLLM_AccessGroupTable"')
    import_into(database_url, source)
    assert {row["rotation_count"] for row in read(database_url, "keys")} <= {0, None}
    assert {str(row["access_group_ids"]) for row in read(database_url, "keys")} == {"[]"}


@pytest.mark.parametrize(
    ("source_url", "told"),
    [
        ("mysql://x", "general_settings.database_url"),
        ("postgresql://me@127.0.0.1:9/none", "the database cannot be used"),
    ],
)
def test_a_source_that_cannot_be_read(tmp_path: Path, environment: None, source_url: str, told: str) -> None:
    done = import_into(f"sqlite:///{tmp_path}/a.db", source_url)
    assert done.exit_code == 2
    assert told in done.output
