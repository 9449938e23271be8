"""The page on routing: its group is served, its limits hold, and its own strategy picks."""

import re
from pathlib import Path

import msgspec
import yaml

from tests.docs.pages import answering_itself, run
from tests.docs.test_examples import ROOT, blocks
from tests.gateways import running

PAGE = (ROOT / "docs" / "routing.md").read_text()
[CALL] = blocks("sh", PAGE)


def served_by(answer: str) -> str:
    content: str = msgspec.json.decode(answer)["choices"][0]["message"]["content"]
    return content


def test_the_group_is_served_by_both(tmp_path: Path) -> None:
    with answering_itself("routing", tmp_path) as gateway:
        assert {served_by(run(CALL, gateway)) for _ in range(12)} == {"one", "two"}


def test_the_strategy_of_ones_own(tmp_path: Path) -> None:
    whole = yaml.safe_load(blocks("yaml", PAGE)[0])
    settings = re.findall(r"`(routing_strategy(?:_args)?: (?:nearest|\{)[^`]*)`", PAGE)
    assert len(settings) == 2
    whole["router_settings"] = yaml.safe_load("\n".join(settings))
    for entry in whole["model_list"]:
        entry["litellm_params"]["mock_response"] = entry["model_info"]["id"]
    whole["general_settings"]["master_key"] = "sk-1234"
    [code] = blocks("python", PAGE)
    (tmp_path / "nearest.py").write_text(code)
    with running(tmp_path, whole) as gateway:
        assert {served_by(run(CALL, gateway)) for _ in range(6)} == {"two"}


def test_every_strategy_of_the_page_starts(tmp_path: Path) -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    names = [name for row in rows for name in row.split("`")[1::2] if name != "routing_strategy"]
    assert len(names) == 8
    config = yaml.safe_load(blocks("yaml", PAGE)[0])
    config["general_settings"]["master_key"] = "sk-1234"
    for entry in config["model_list"]:
        entry["litellm_params"]["mock_response"] = entry["model_info"]["id"]
    for name in names:
        config["router_settings"] = {"routing_strategy": name}
        with running(tmp_path, config) as gateway:
            assert served_by(run(CALL, gateway)) in ("one", "two")
