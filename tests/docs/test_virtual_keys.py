"""The page on virtual keys: its config, its calls, its rule for new keys."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.docs.test_examples import ROOT, blocks
from tests.gateways import Gateway, running

PAGE = (ROOT / "docs" / "virtual-keys.md").read_text()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("keys")
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["database_url"] = f"sqlite:///{folder}/keys.db"
    with running(folder, config) as running_gateway:
        yield running_gateway


def answered(gateway: Gateway, beginning: str) -> Any:
    [command] = [block for block in blocks("sh", PAGE) if beginning in block]
    command = command.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}")
    return json.loads(subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout)


def test_a_key_is_made_and_its_making_recorded(gateway: Gateway) -> None:
    made = answered(gateway, "/key/generate")
    assert made["key"].startswith("sk-")
    assert made["max_budget"] == 25.0
    [entry] = answered(gateway, "/audit")["audit_logs"]
    assert entry["object_id"] == made["token"]
    assert made["key"] not in str(entry)


@pytest.mark.parametrize(("alias", "status"), [("team-reports", 200), ("reports", 403)])
def test_a_rule_for_new_keys(tmp_path: Path, alias: str, status: int) -> None:
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"] |= {
        "database_url": f"sqlite:///{tmp_path}/keys.db",
        "custom_key_generate": "key_rules.check",
    }
    (tmp_path / "key_rules.py").write_text(blocks("python", PAGE)[0])
    with running(tmp_path, config) as gateway:
        headers = {"authorization": "Bearer sk-1234"}
        answer = httpx.post(f"{gateway.url}/key/generate", json={"key_alias": alias}, headers=headers)
        assert answer.status_code == status


def test_a_key_calls(gateway: Gateway) -> None:
    made = httpx.post(
        f"{gateway.url}/key/generate", json={"key": "sk-my-key"}, headers={"authorization": "Bearer sk-1234"}
    )
    assert made.status_code == 200
    assert answered(gateway, "sk-my-key")["choices"][0]["message"]["content"] == "You said: Hello"
