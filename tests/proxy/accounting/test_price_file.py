"""The packaged price table is replaced by a checked one."""

import gzip
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from proxy.accounting.price_file import PriceFileError, checked, place, replace
from proxy.accounting.table import load_table
from proxy.cli import main

TABLE = {"gpt-9": {"litellm_provider": "openai", "input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}}


@pytest.fixture(autouse=True)
def own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kept" / "prices.json.gz"
    monkeypatch.setenv("TIANJI_PRICES_FILE", str(path))
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_a_table_is_replaced(compressed: bool) -> None:
    assert load_table().find("gpt-4o", "openai") is not None
    content = msgspec.json.encode(TABLE)
    assert replace(gzip.compress(content) if compressed else content) == 1
    assert load_table().find("gpt-4o", "openai") is None
    found = load_table().find("gpt-9", "openai")
    assert found is not None
    assert found.fields["output_cost_per_token"] == 2e-6


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"a": 1}',
        b"\x1f\x8bnone",
        b'{"a": {"input_cost_per_token": -1}}',
        b'{"a": {"input_cost_per_token": "much"}}',
        b'{"a": {"output_cost_per_token": true}}',
        b'{"a": {"output_cost_per_token": 1e999}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_table_replaces_none(content: bytes) -> None:
    with pytest.raises(PriceFileError):
        replace(content)
    assert not place().exists()


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy.accounting.price_file.LARGEST", 1000)
    with pytest.raises(PriceFileError, match="larger"):
        checked(gzip.compress(b" " * 100_000))


def test_a_broken_file_is_not_used(own_place: Path, caplog: pytest.LogCaptureFixture) -> None:
    own_place.parent.mkdir()
    own_place.write_bytes(b"broken")
    assert load_table().find("gpt-4o", "openai") is not None
    assert str(own_place) in caplog.text


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["prices", *arguments])


def test_the_command(tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    file.write_bytes(msgspec.json.encode(TABLE))
    updated = run("update", str(file))
    assert updated.exit_code == 0, updated.output
    assert "1 models" in updated.output
    shown = run("show", "openai/gpt-9")
    assert shown.exit_code == 0
    assert "input_cost_per_token: 1e-06" in shown.output
    unknown = run("show", "gpt-4o")
    assert unknown.exit_code == 1
    assert "tianji prices update" in unknown.output


@pytest.mark.parametrize("source", ["no-such-file.json", "http://127.0.0.1:9/prices.json"])
def test_what_cannot_be_had(source: str) -> None:
    done = run("update", source)
    assert done.exit_code == 1
    assert source in done.output


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text("{}")
    done = run("update", str(file))
    assert done.exit_code == 1
    assert "no models" in done.output
