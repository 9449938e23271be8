"""The page on single sign-on: its config is ready to sign in with, and its program runs."""

import subprocess
import sys
from pathlib import Path

import yaml

from fixtures.running import UpstreamControl
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import KEY, running

PAGE = (ROOT / "docs" / "single-sign-on.md").read_text()


def test_the_example(upstream: UpstreamControl, tmp_path: Path) -> None:
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"] |= {"master_key": KEY, "database_url": f"sqlite:///{tmp_path}/tianji.db"}
    config["environment_variables"]["GENERIC_DISCOVERY_URL"] = f"{upstream.url}/oidc"
    with running(tmp_path, config) as gateway:
        assert gateway.http.get("/sso/readiness").json()["message"] == "Generic SSO is properly configured"
        begun = gateway.http.get("/sso/login")
        assert begun.status_code == 303, begun.text
        assert begun.headers["location"].startswith(
            "https://idp.example/authorize?response_type=code&client_id=gateway"
        )
        assert "Secure" in begun.headers["set-cookie"]
        del config["environment_variables"]
    folder = tmp_path / "without"
    folder.mkdir()
    with running(folder, config) as gateway:
        program = (
            blocks("python", PAGE)[0].replace("127.0.0.1:4000", f"127.0.0.1:{gateway.port}").replace("sk-1234", KEY)
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("proxy_admin sk-\n", "")
