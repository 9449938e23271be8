"""Fills a database through the live reference and dumps it: what the import (`tianji db import`) is proven on."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from contracts.harness.configs import ROOT
from contracts.harness.processes import Server, clean_environment, free_port, tidy_interrupts
from contracts.harness.targets import reference_home
from fixtures.running import running_upstream

DUMP = ROOT / "tests" / "proxy" / "takeover" / "reference.sql.gz"
MASTER_KEY, SALT_KEY = "sk-1234", "sk-salt-1234"
DATABASE = "reference"
ALICE, BUDGETED, EXPIRED, BLOCKED = (
    "sk-imported-alice",
    "sk-imported-budget",
    "sk-imported-expired",
    "sk-imported-blocked",
)
"""Keys that users of the reference had."""
CONFIG = """
model_list:
  - model_name: configured
    litellm_params: {model: openai/configured, api_base: "UPSTREAM/v1", api_key: sk-up, input_cost_per_token: 0.001}
general_settings:
  master_key: sk-1234
  store_model_in_db: true
  proxy_batch_write_at: 1
litellm_settings:
  store_audit_logs: true
"""
PLACE = "http://upstream.test"
"""In place of the simulated upstream's origin, which belongs to the run."""

Step = tuple[str, str, Mapping[str, Any]]
STEPS: Sequence[Step] = (
    ("POST", "/budget/new", {"budget_id": "small", "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 7}),
    ("POST", "/organization/new", {"organization_id": "org-1", "organization_alias": "Acme", "max_budget": 100.0}),
    ("POST", "/user/new", {"user_id": "alice", "user_email": "alice@example.com", "user_role": "internal_user"}),
    ("POST", "/user/new", {"user_id": "root", "user_role": "proxy_admin", "auto_create_key": False}),
    ("POST", "/user/update", {"user_id": "alice", "password": "open sesame"}),
    (
        "POST",
        "/team/new",
        {
            "team_id": "team-1",
            "team_alias": "Ünïcode",
            "organization_id": "org-1",
            "models": ["configured", "stored"],
            "model_aliases": {"short": "stored"},
            "max_budget": 50.0,
            "metadata": {"cost center": 7},
        },
    ),
    (
        "POST",
        "/team/member_add",
        {"team_id": "team-1", "member": {"role": "user", "user_id": "alice"}, "max_budget_in_team": 2.0},
    ),
    (
        "POST",
        "/credentials",
        {
            "credential_name": "vendor",
            "credential_values": {"api_key": "sk-credential"},
            "credential_info": {"custom_llm_provider": "openai"},
        },
    ),
    (
        "POST",
        "/model/new",
        {
            "model_name": "stored",
            "litellm_params": {
                "model": "openai/stored-up",
                "api_base": "UPSTREAM/v1",
                "api_key": "sk-stored",
                "rpm": 100,
                "input_cost_per_token": 0.002,
            },
            "model_info": {"id": "stored-1", "mode": "chat"},
        },
    ),
    (
        "POST",
        "/model/new",
        {
            "model_name": "by-credential",
            "litellm_params": {
                "model": "openai/by-credential",
                "api_base": f"{PLACE}/v1",
                "litellm_credential_name": "vendor",
            },
            "model_info": {"id": "stored-2"},
        },
    ),
    (
        "POST",
        "/key/generate",
        {
            "key": ALICE,
            "key_alias": "alice's",
            "user_id": "alice",
            "team_id": "team-1",
            "models": ["stored"],
            "metadata": {"é": ["x"]},
        },
    ),
    (
        "POST",
        "/key/generate",
        {
            "key": BUDGETED,
            "key_alias": "budgeted",
            "budget_id": "small",
            "max_budget": 1.0,
            "rpm_limit": 10,
        },
    ),
    ("POST", "/key/generate", {"key": EXPIRED, "key_alias": "expired", "duration": "1s"}),
    ("POST", "/key/generate", {"key": BLOCKED, "key_alias": "blocked"}),
    ("POST", "/key/block", {"key": BLOCKED}),
    ("POST", "/key/generate", {"key": "sk-imported-deleted", "key_alias": "deleted"}),
    ("POST", "/key/delete", {"keys": ["sk-imported-deleted"]}),
    (
        "POST",
        "/customer/new",
        {"user_id": "customer-1", "alias": "Big", "max_budget": 3.0, "allowed_model_region": "eu"},
    ),
    ("POST", "/tag/new", {"name": "blue", "description": "all that is blue", "models": []}),
    (
        "POST",
        "/prompts",
        {
            "prompt_id": "greeting",
            "litellm_params": {
                "prompt_integration": "dotprompt",
                "dotprompt_content": "---\nmodel: stored\n---\nHello {{name}}",
            },
            "prompt_info": {"prompt_type": "db"},
        },
    ),
    ("POST", "/invitation/new", {"user_id": "alice"}),
    ("POST", "/config/update", {"router_settings": {"num_retries": 1, "fallbacks": [{"stored": ["configured"]}]}}),
)
CALLS: Sequence[tuple[str, str, Mapping[str, Any]]] = (
    (ALICE, "stored", {"user": "customer-1", "metadata": {"tags": ["blue"]}}),
    (ALICE, "stored", {}),
    (BUDGETED, "configured", {}),
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--out", type=click.Path(path_type=Path), default=DUMP, help="Where the compressed SQL goes.")
@tidy_interrupts()
def main(out: Path) -> None:
    """Start the reference with an empty database, work with it, and dump what it stored.

    Needs `make reference` once, with Node and its Postgres. Keys, names and amounts are the constants of this file.
    """
    with tempfile.TemporaryDirectory() as scratch, running_upstream() as upstream:
        folder = Path(scratch)
        config = folder / "config.yaml"
        config.write_text(CONFIG.replace("UPSTREAM", upstream.url))
        server = _start(config, folder)
        try:
            with httpx.Client(base_url=f"http://{server.authority}", trust_env=False, timeout=30) as client:
                _fill(client, upstream.url)
            dump = _dump(folder)
        finally:
            server.stop()
    text = dump.replace(upstream.url, PLACE)
    out.write_bytes(gzip.compress(text.encode(), mtime=0))
    click.echo(f"{out}: {len(text):,} characters")


def _start(config: Path, folder: Path) -> Server:
    port = free_port()
    rig = str(ROOT / "tools" / "reference" / "run")
    command = [sys.executable, rig, "--home", reference_home(), "--config", str(config), "--port", str(port)]
    return Server(
        "the reference",
        command,
        port=port,
        ready_path="/health/readiness",
        environment=clean_environment(folder, {"LITELLM_SALT_KEY": SALT_KEY}),
        log=folder / "reference.log",
        cwd=folder,
        patience=180.0,
    )


def _fill(client: httpx.Client, upstream: str) -> None:
    headers = {"authorization": f"Bearer {MASTER_KEY}"}
    for method, path, body in STEPS:
        answer = client.request(
            method,
            path,
            content=_json(body).replace("UPSTREAM", upstream),
            headers=headers | {"content-type": "application/json"},
        )
        click.echo(f"{answer.status_code} {method} {path}", err=True)
        if answer.is_error:
            raise click.ClickException(answer.text)
    for key, model, more in CALLS:
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
        client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"}).raise_for_status()
    days = {"start_date": str(date.today()), "end_date": str(date.today() + timedelta(days=1))}
    for _ in range(60):
        found = client.get("/user/daily/activity", params=days, headers=headers).json()
        if found["metadata"]["total_api_requests"] >= len(CALLS):
            time.sleep(2.0)
            return
        time.sleep(0.5)
    raise click.ClickException("the reference wrote no spend within 30 s")


def _dump(folder: Path) -> str:
    found = re.search(r"psql: (\S+)/psql (.*) \S+$", (folder / "reference.log").read_text(), re.MULTILINE)
    if found is None:
        raise click.ClickException("the reference's log names no psql command")
    command = [f"{found[1]}/pg_dump", *found[2].split(), "--no-owner", "--no-privileges", DATABASE]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return (
        "\n".join(line for line in done.stdout.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))
        + "\n"
    )


def _json(body: Mapping[str, Any]) -> str:
    return msgspec.json.encode(body).decode()


if __name__ == "__main__":
    main()
