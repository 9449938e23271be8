"""The page on Google and the README's example: its config, served in front of a simulated Gemini, and its programs, run."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fixtures.replies import ok, stream
from fixtures.running import UpstreamControl
from tests.docs.test_examples import README, ROOT, blocks
from tests.gateways import KEY, running

PAGE = (ROOT / "docs" / "google.md").read_text()
PRINTED = {"page": "Good day\nGood day again", "readme": "Good day\n"}


@pytest.mark.parametrize("where", PRINTED)
def test_the_example(upstream: UpstreamControl, tmp_path: Path, where: str) -> None:
    upstream.script("google-page", {"gemini-2.5-flash": [ok("Good day"), stream(["Good ", "day again"])]})
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["master_key"] = KEY
    config["model_list"][0]["litellm_params"] |= {"api_base": f"{upstream.url}/v1beta", "api_key": "gm-up"}
    [program] = [block for block in blocks("python", PAGE if where == "page" else README) if "from google" in block]
    with running(tmp_path, config) as gateway:
        program = program.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}").replace("sk-1234", KEY)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (PRINTED[where], "")
