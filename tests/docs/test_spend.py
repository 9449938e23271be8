"""The page on spend: its commands."""

import shlex
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from proxy.cli import main
from tests.docs.test_examples import ROOT, blocks

[COMMANDS] = blocks("sh", (ROOT / "docs" / "spend.md").read_text())


def test_prices_are_shown_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIANJI_PRICES_FILE", str(tmp_path / "prices.json.gz"))
    monkeypatch.chdir(tmp_path)
    Path("newer-prices.json").write_bytes(msgspec.json.encode({"gpt-9": {"input_cost_per_token": 1e-6}}))
    show, update = (shlex.split(line, comments=True)[1:] for line in COMMANDS.splitlines())
    runner = CliRunner()
    assert "output_cost_per_token" in runner.invoke(main, show).output
    assert runner.invoke(main, update).exit_code == 0
    assert runner.invoke(main, show).exit_code == 1
