"""The pages on models at run time and on key rotation: their calls and configs."""

import json
import shlex
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml

from proxy.config.loader import load_config
from proxy.management.rotation import rotations_of
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import running

PAGE = (ROOT / "docs" / "models-at-runtime.md").read_text()
ROTATION = (ROOT / "docs" / "key-rotation.md").read_text()
HEADERS = {"authorization": "Bearer sk-1234"}


def test_the_calls(tmp_path: Path) -> None:
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["database_url"] = f"sqlite:///{tmp_path}/page.db"
    with running(tmp_path, config) as gateway:
        [script] = blocks("sh", PAGE)
        answers = []
        for command in script.replace("\\\n", "").strip().splitlines():
            words = shlex.split(command.replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}"))
            done = subprocess.run([*words, "-sf"], check=True, capture_output=True, text=True)
            answers.append(json.loads(done.stdout))
        added, chat, renamed, deleted = answers
        assert added["model_id"] == "added-1"
        assert chat["choices"][0]["message"]["content"]
        assert renamed["model_name"] == "renamed"
        assert deleted == {"message": "Model: added-1 deleted successfully"}
        for path in ("/v2/model/info", "/credentials", "/router/settings", "/router/fields", "/get/allowed_ips"):
            assert httpx.get(f"{gateway.url}{path}", headers=HEADERS).status_code == 200


def test_the_keys_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-before")
    secret = tmp_path / "openai"
    secret.write_text("sk-in-the-file\n")
    text = blocks("yaml", ROTATION)[0]
    (tmp_path / "page.yaml").write_text(text)
    [rotation] = rotations_of(load_config(tmp_path / "page.yaml"))
    assert (rotation.credential, rotation.field, rotation.seconds) == ("openai-prod", "api_key", 30 * 86_400)
    config = yaml.safe_load(text.replace("/run/secrets/openai", str(secret)))
    with running(tmp_path, config) as gateway:
        shown, end = "", time.monotonic() + 10
        while shown != "sk****le" and time.monotonic() < end:
            found = httpx.get(f"{gateway.url}/credentials/by_name/openai-prod", headers=HEADERS)
            shown = found.json()["credential_values"]["api_key"]
        assert shown == "sk****le"
