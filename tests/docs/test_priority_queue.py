"""The page on the queue: its config, and calls that meet there."""

import subprocess
from pathlib import Path

import yaml

from fixtures.replies import ok
from fixtures.running import UpstreamControl
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import running

PAGE = (ROOT / "docs" / "priority-queue.md").read_text()


def test_the_urgent_call_is_served_before_the_other(upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("page", {"gpt-4o": [ok().slow(2.0), ok()]})
    [text], [command] = blocks("yaml", PAGE), blocks("sh", PAGE)
    config = yaml.safe_load(
        text.replace("https://one.example.com", upstream.url).replace("os.environ/OPENAI_API_KEY", "x")
    )
    config["general_settings"]["master_key"] = "sk-1234"
    with running(tmp_path, config) as gateway:
        here = command.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}").replace("curl -s", "curl -sfi")
        shown = subprocess.run(["bash", "-ec", here], check=True, capture_output=True, text=True).stdout
    assert shown.count("x-litellm-request-prioritization-used: True") == 3
    asked = [call.body["messages"][0]["content"] for call in upstream.journal("page")]
    assert asked == ["a long one", "is urgent", "can wait"]
