"""The page on auto routers: its first config, served in front of simulated vendors, and its program, run."""

import subprocess
import sys
from pathlib import Path

import yaml

from fixtures.running import UpstreamControl
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import KEY, running

PAGE = (ROOT / "docs" / "auto-router.md").read_text()


def test_each_question_goes_where_the_page_says(upstream: UpstreamControl, tmp_path: Path) -> None:
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["master_key"] = KEY
    for entry in config["model_list"][1:]:
        base = upstream.url if entry["litellm_params"]["model"].startswith("anthropic/") else f"{upstream.url}/v1"
        entry["litellm_params"] |= {"api_base": base, "api_key": "sk-up"}
    with running(tmp_path, config) as gateway:
        program = blocks("python", PAGE)[0].replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}")
        program = program.replace("sk-1234", KEY)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("auto coder\nauto meteorologist\nauto generalist\n", "")
    assert "prints `auto coder`, `auto meteorologist` and `auto generalist`" in PAGE
