"""The page on regions: its call stays where it says."""

from pathlib import Path

import msgspec

from tests.docs.pages import answering_itself, run
from tests.docs.test_examples import ROOT, blocks

[CALL] = blocks("sh", (ROOT / "docs" / "regions.md").read_text())


def test_the_call_stays_in_europe(tmp_path: Path) -> None:
    with answering_itself("regions", tmp_path) as gateway:
        served = {msgspec.json.decode(run(CALL, gateway))["choices"][0]["message"]["content"] for _ in range(16)}
        refused = run(CALL.replace('"eu"', '"asia"'), gateway)
        place = run(CALL.replace('"eu"', '"eastus"'), gateway)
    assert served == {"azure-eu", "vertex-eu"}
    assert "No deployments available for selected model" in refused
    assert "azure-us" in place
