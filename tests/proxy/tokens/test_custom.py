"""Tokenizers of one's own: files beside the config."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.tokens.custom import custom_counter

WORDS = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": None,
    "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None,
    "decoder": None,
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "hello": 1}, "unk_token": "[UNK]"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "words.json").write_text(json.dumps(WORDS))
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "tokenizer.json").write_text(json.dumps(WORDS))
    (tmp_path / "broken.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("identifier", ["words.json", "model"])
def test_a_file_beside_the_config(folder: Path, identifier: str) -> None:
    count = custom_counter({"identifier": identifier, "revision": "main"}, folder)
    assert count is not None
    assert count("hello there, hello") == 4


def test_an_absolute_path(folder: Path) -> None:
    assert custom_counter({"identifier": str(folder / "words.json")}, Path("/nowhere")) is not None


def test_none() -> None:
    assert custom_counter(None, Path()) is None


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"identifier": "Xenova/llama-3-tokenizer"}, "nothing is downloaded"),
        ({"identifier": "broken.json"}, "is no tokenizer"),
        ({}, "is no file"),
        ("words.json", "is no file"),
    ],
)
def test_what_cannot_be_used_is_warned_of_once(
    folder: Path, setting: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert custom_counter(setting, folder) is None
        assert custom_counter(setting, folder) is None
    [record] = caplog.records
    assert told in record.getMessage()


def test_without_the_library_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    assert custom_counter({"identifier": "words.json"}, folder) is None
    assert "install tianji[tokenizers]" in caplog.text
