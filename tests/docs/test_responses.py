"""The page on responses and the README's example: its config, served, and its programs, run."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.test_examples import README, ROOT, blocks
from tests.gateways import running

PAGE = (ROOT / "docs" / "responses.md").read_text()
PRINTED = {
    "page": "You said: And again\nYou said: In pieces\nqueued\nYou said: Later\n",
    "readme": "You said: Hello again\n",
}


@pytest.mark.parametrize("where", PRINTED)
def test_the_example(tmp_path: Path, where: str) -> None:
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["master_key"] = "sk-test-master-key"
    text = PAGE if where == "page" else README
    [program] = [block for block in blocks("python", text) if "client.responses.create" in block]
    with running(tmp_path, config) as gateway:
        program = program.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}").replace(
            "sk-1234", "sk-test-master-key"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (PRINTED[where], "")
