"""The examples of docs/realtime.md and of the README, run against a simulated vendor."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.replies import ok
from fixtures.running import UpstreamControl
from tests.gateways import deployment, running

ROOT = Path(__file__).parents[2]
PAGES = {"docs/realtime.md": "Good morning.", "README.md": "Good morning."}


@pytest.mark.parametrize("page", PAGES)
def test_a_session_of_the_sdk(upstream: UpstreamControl, tmp_path: Path, page: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    [program] = [block for block in blocks if "realtime.connect" in block]
    upstream.script("docs", {"gpt-realtime": [ok(["Good ", "morning."])]})
    config = {
        "model_list": [deployment("voice", upstream.url, model="gpt-realtime")],
        "general_settings": {"master_key": "sk-1234"},
    }
    with running(tmp_path, config) as gateway:
        program = program.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}")
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (PAGES[page], "")
