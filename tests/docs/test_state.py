"""The page on several replicas: its first config, served by two workers with a real Redis."""

import subprocess
from pathlib import Path

import yaml

from tests.docs.test_examples import ROOT, blocks
from tests.gateways import running
from tests.proxy.state.servers import redis_server

PAGE = (ROOT / "docs" / "state.md").read_text()


def test_replicas_share_their_state(tmp_path: Path) -> None:
    text = blocks("yaml", PAGE)[0]
    with redis_server(tmp_path) as redis:
        config = yaml.safe_load(text.replace("6379", str(redis.port)))
        config["general_settings"]["master_key"] = "sk-test-master-key"
        with running(tmp_path, config, options=["--num_workers", "2"]) as gateway:
            [command] = blocks("sh", PAGE)
            command = command.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}")
            shown = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
            assert '"state":"redis"' in shown
            assert "workers without Redis" not in gateway.log()


def test_workers_without_redis_are_warned(tmp_path: Path) -> None:
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["master_key"] = "sk-test-master-key"
    del config["router_settings"]
    with running(tmp_path, config, options=["--num_workers", "4"]) as gateway:
        [warning] = [line for line in gateway.log().splitlines() if "workers without" in line]
        assert f"    {warning}\n" in PAGE
