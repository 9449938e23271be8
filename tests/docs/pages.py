"""Pages that are one session: a config, and calls in order."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.docs.test_examples import ROOT, blocks
from tests.gateways import Gateway, running


@contextmanager
def after_its_calls(page: str, folder: Path) -> Iterator[Gateway]:
    """A gateway with the config of ``docs/PAGE.md``, once all calls of the page were made."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    config = yaml.safe_load(blocks("yaml", text)[0])
    config["general_settings"]["database_url"] = f"sqlite:///{folder}/{page}.db"
    with running(folder, config) as gateway:
        for command in blocks("sh", text):
            run(command.replace("curl -s", "curl -sf"), gateway)
        yield gateway


def run(command: str, gateway: Gateway) -> str:
    """What a command of a page prints."""
    here = command.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}")
    return subprocess.run(["bash", "-ec", here], check=True, capture_output=True, text=True).stdout


@contextmanager
def answering_itself(page: str, folder: Path) -> Iterator[Gateway]:
    """A gateway with the config of ``docs/PAGE.md``, whose deployments answer with their own ids."""
    config = yaml.safe_load(blocks("yaml", (ROOT / "docs" / f"{page}.md").read_text())[0])
    for entry in config["model_list"]:
        entry["litellm_params"]["mock_response"] = entry["model_info"]["id"]
    config["general_settings"]["master_key"] = "sk-1234"
    with running(folder, config) as gateway:
        yield gateway
