"""The page on batches: its config and calls, and a batch that is refused as it says."""

import json
from pathlib import Path

import httpx
import yaml

from fixtures.running import UpstreamControl
from tests.docs.pages import run
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import running

PAGE = (ROOT / "docs" / "batches.md").read_text()
UPLOAD, MAKE = blocks("sh", PAGE)


def test_the_page(upstream: UpstreamControl, tmp_path: Path) -> None:
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["database_url"] = f"sqlite:///{tmp_path}/batches.db"
    for account in (config["model_list"][0]["litellm_params"], *config["files_settings"]):
        account |= {"api_base": f"{upstream.url}/u/docs/v1", "api_key": "sk-up"}
    with running(tmp_path, config) as gateway:
        here = f"cd {tmp_path}\n"
        assert json.loads(run(here + UPLOAD, gateway))["purpose"] == "batch"
        batch = json.loads(run(here + MAKE, gateway))
        assert batch["status"] == "validating"
        limited = {"key": "sk-limited-key", "rpm_limit": 1}
        admin = {"authorization": "Bearer sk-1234"}
        gateway.http.post("/key/generate", json=limited, headers=admin).raise_for_status()
        asked = {"input_file_id": batch["input_file_id"], "endpoint": "x", "completion_window": "24h"}
        answer: httpx.Response = gateway.http.post(
            "/v1/batches", json=asked, headers={"authorization": "Bearer sk-limited-key"}
        )
    assert answer.status_code == 429
    assert answer.headers["rate_limit_type"] == "requests"
    told = answer.json()["error"]["message"]
    assert "Batch contains 2 requests but only 1 requests remaining out of 1 RPM limit." in told
    assert "Batch contains 2 requests but only 1 requests remaining out of 1\n    RPM limit." in PAGE
