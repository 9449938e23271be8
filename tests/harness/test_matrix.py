"""The matrix: 70 items and 13 requirements, and mistakes told with file, line and key."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml

from contracts.harness.located_yaml import YamlError
from contracts.harness.matrix import (
    ITEM_IDS,
    MATRIX,
    REQUIREMENT_IDS,
    ROOT,
    SCHEMA,
    Deviation,
    Priority,
    Severity,
    json_schema,
    load_matrix,
)

TEXT = MATRIX.read_text(encoding="utf-8")


def line_of(text: str, needle: str) -> int:
    return text[: text.index(needle)].count("\n") + 1


def mistake(tmp_path: Path, text: str) -> str:
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(YamlError) as raised:
        load_matrix(tmp_path / "m.yaml")
    return str(raised.value).replace(f"{tmp_path}/", "")


def test_the_matrix_holds_every_item_and_requirement_in_order() -> None:
    matrix = load_matrix()
    assert tuple(item.id for item in matrix.items) == ITEM_IDS
    assert len(ITEM_IDS) == 70
    assert tuple(requirement.id for requirement in matrix.requirements) == REQUIREMENT_IDS


def test_severity_follows_priority() -> None:
    expected = dict(zip(Priority, Severity, strict=True))
    assert all(item.severity is expected[item.priority] for item in load_matrix().items)


def test_titles_tell_the_items_apart() -> None:
    assert len({item.title for item in load_matrix().items}) == 70


def test_items_that_no_config_shows_say_so() -> None:
    silent = [item for item in load_matrix().items if not item.config_keys]
    assert all("no config key shows its use" in item.notes for item in silent)


def test_the_schema_is_up_to_date() -> None:
    assert SCHEMA.read_bytes() == json_schema(), "run python -m contracts.harness.matrix --write-schema"


def test_the_matrix_conforms_to_its_schema_and_a_mistake_does_not() -> None:
    validator = jsonschema.Draft202012Validator(msgspec.json.decode(SCHEMA.read_bytes()))
    content = yaml.safe_load(TEXT)
    validator.validate(content)
    content["items"][3]["status"] = "done"
    assert [list(error.path) for error in validator.iter_errors(content)] == [["items", 3, "status"]]


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ("status: missing", "status: done", "items[0].status", "Invalid enum value 'done'"),
        ("priority: P1", "priority: 1", "items[2].priority", "Expected `str`, got `int`"),
        ("go_status: The handler", "gostatus: The handler", "items[1].gostatus", "unknown key"),
        ("depends_on: [F8]", "depends_on: [F9]", "items[3].depends_on[0]", "there is no item F9"),
        ("depends_on: [F8]", "depends_on: [G1]", "items[3].depends_on[0]", "not 'G1'"),
        ("- id: C7", "- id: C23", "items[18].id", "C23 is not one of A1 to F8"),
        ("- id: B2", "- id: B1 # again", "items[7].id", "B1 stands here twice"),
        ("category: B", "category: D", "items[6].category", "B1 belongs to category B"),
        ("[FR-001, SC-001", "[FR-009, SC-001", "items[0].requirements[0]", "there is no requirement FR-009"),
        ("[FR-001, SC-001", "[FR-002, SC-001", "items[0].requirements[0]", "FR-002 does not list A1"),
        ("[B1, B2, B5, B6]", "[B1, B2, B5, A6]", "requirements[1].items[3]", "A6 does not list FR-002"),
        ("- ANY /anthropic", "- FETCH /anthropic", "items[0].operations[0]", "matching regex"),
        ("severity: high", "priority: P1", "items[2].priority", "twice"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, old: str, new: str, key: str, message: str) -> None:
    text = TEXT.replace(old, new, 1)
    line = line_of(TEXT, old)
    told = mistake(tmp_path, text).splitlines()
    assert any(one.startswith(f"m.yaml:{line}: {key}: ") and message in one for one in told), told


def test_a_missing_category_is_told(tmp_path: Path) -> None:
    text = TEXT.replace("  A: Blocking gaps\n", "")
    line = line_of(text, "\ncategories:") + 1
    assert mistake(tmp_path, text) == f"m.yaml:{line}: categories: name each of A, B, C, D, E, F and no other"


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = TEXT.replace("status: missing", "status: done", 2).replace("text: Callbacks", "txt: Callbacks")
    keys = [line.split(": ")[1] for line in mistake(tmp_path, text).splitlines()]
    assert keys == ["requirements[4].txt", "items[0].status", "items[1].status"]


def test_a_missing_item_is_named(tmp_path: Path) -> None:
    start, end = TEXT.index("  - id: B4"), TEXT.index("  - id: B5")
    assert "items: missing: B4" in mistake(tmp_path, TEXT[:start] + TEXT[end:])


def test_a_missing_key_is_told_where_its_item_starts(tmp_path: Path) -> None:
    text = TEXT.replace("    title: General fallback chain\n", "")
    assert f"m.yaml:{line_of(text, '- id: A4')}: items[3]: Object missing required field `title`" in mistake(
        tmp_path, text
    )


def test_a_ring_of_dependencies_is_told(tmp_path: Path) -> None:
    text = TEXT.replace("  - id: F8\n", "  - id: F8\n    depends_on: [A4]\n")
    told = mistake(tmp_path, text)
    assert "depend on each other in a ring" in told
    assert "A4" in told
    assert "F8" in told


def test_a_requirement_needs_items_or_a_proof(tmp_path: Path) -> None:
    start, end = TEXT.index("    proof:"), TEXT.index("  - id: FR-008")
    text = TEXT[:start] + TEXT[end:]
    line = line_of(text, "- id: FR-007")
    assert (
        mistake(tmp_path, text) == f"m.yaml:{line}: requirements[6]: FR-007 names neither items nor a proof; name one"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", r"m.yaml:[12]: \$: not YAML: "),
        ("x: 1\ny: {\n- z\n", r"m.yaml:3: \$: not YAML: "),
        ("- a", r"m.yaml:1: \$: the file must be a mapping"),
        ("", r"m.yaml:1: \$: the file must be a mapping"),
        ("items: 3", "m.yaml:1: "),
    ],
)
def test_what_is_no_matrix_is_refused(tmp_path: Path, text: str, told: str) -> None:
    assert re.match(told, mistake(tmp_path, text))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match="No such file"):
        load_matrix(tmp_path / "absent.yaml")


def test_a_deviation_without_parameter_covers_all_of_them() -> None:
    whole = Deviation("contracts/A/test_A4_x.py::test_a", "r", "o", "why")
    one = Deviation("contracts/A/test_A4_x.py::test_a[500]", "r", "o", "why")
    assert whole.covers("contracts/A/test_A4_x.py::test_a[500]")
    assert whole.covers("contracts/A/test_A4_x.py::test_a")
    assert not whole.covers("contracts/A/test_A4_x.py::test_ab")
    assert one.covers("contracts/A/test_A4_x.py::test_a[500]")
    assert not one.covers("contracts/A/test_A4_x.py::test_a[503]")


def test_the_command_line_checks_the_file(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(TEXT.replace("status: missing", "status: done", 1))
    command = [sys.executable, "-m", "contracts.harness.matrix"]
    good = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    bad = subprocess.run([*command, str(tmp_path / "m.yaml")], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (good.returncode, bad.returncode) == (0, 1)
    assert "items[0].status" in bad.stderr
