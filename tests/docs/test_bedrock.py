"""The pages on Bedrock and Cohere: their configs, served in front of simulated vendors, and their programs, run."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fixtures.replies import ok
from fixtures.running import UpstreamControl
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import KEY, running

ASKED = {"bedrock": "eu.amazon.nova-pro-v1:0", "cohere": "command-a-03-2025"}
SETTINGS = {
    "bedrock": {"aws_access_key_id": "AKIDUP", "aws_secret_access_key": "secret-up", "aws_role_name": None},
    "cohere": {"api_key": "sk-up"},
}


@pytest.mark.parametrize("vendor", ASKED)
def test_the_example(upstream: UpstreamControl, tmp_path: Path, vendor: str) -> None:
    page = (ROOT / "docs" / f"{vendor}.md").read_text()
    upstream.script(f"{vendor}-page", {ASKED[vendor]: [ok(["Good ", "day"])]})
    config = yaml.safe_load(blocks("yaml", page)[0])
    config["general_settings"]["master_key"] = KEY
    for entry in config["model_list"]:
        entry["litellm_params"] |= {"api_base": upstream.url} | SETTINGS[vendor]
    with running(tmp_path, config) as gateway:
        program = (
            blocks("python", page)[0].replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}").replace("sk-1234", KEY)
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("Good day 16\n", "")
