"""The program of the page on pass-through, as it stands, against the simulated upstream."""

import subprocess
import sys
from pathlib import Path

from fixtures.running import UpstreamControl
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import KEY, running


def test_the_anthropic_sdk_reaches_its_vendor(upstream: UpstreamControl, tmp_path: Path) -> None:
    [program] = blocks("python", (ROOT / "docs" / "pass-through.md").read_text())
    variables = {"ANTHROPIC_API_BASE": upstream.url, "ANTHROPIC_API_KEY": "sk-ant-up"}
    config = {"environment_variables": variables, "general_settings": {"master_key": KEY}}
    with running(tmp_path, config) as gateway:
        program = program.replace("http://127.0.0.1:4000", gateway.url).replace("sk-1234", KEY)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "Hello from the upstream.\n"
