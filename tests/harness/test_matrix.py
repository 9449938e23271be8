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


Steps = tuple[str | int, ...]


def changed(*changes: tuple[Steps, object]) -> str:
    """The matrix as text, with the values at these places replaced; None removes the key."""
    content = yaml.safe_load(TEXT)
    for (*above, last), value in changes:
        node = content
        for step in above:
            node = node[step]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return yaml.safe_dump(content, sort_keys=False, width=1000)


@pytest.mark.parametrize(
    ("place", "value", "key", "message"),
    [
        (("items", 0, "status"), "done", "items[0].status", "Invalid enum value 'done'"),
        (("items", 2, "title"), 4711, "items[2].title", "Expected `str`, got `int`"),
        (("items", 1, "gostatus"), "501", "items[1].gostatus", "unknown key"),
        (("items", 3, "depends_on"), ["F9"], "items[3].depends_on[0]", "there is no item F9"),
        (("items", 3, "depends_on"), ["G1"], "items[3].depends_on[0]", "not 'G1'"),
        (("items", 18, "id"), "C23", "items[18].id", "C23 is not one of A1 to F8"),
        (("items", 0, "requirements"), ["FR-009"], "items[0].requirements[0]", "there is no requirement FR-009"),
        (("items", 0, "operations"), ["FETCH /a"], "items[0].operations[0]", "matching regex"),
        (("items", 0, "config_keys"), ["a..bad"], "items[0].config_keys[0]", "matching regex"),
        (("core_deviations",), [{"case": "test_odd"}], "core_deviations[0].case", "matching regex"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_key(
    tmp_path: Path, place: Steps, value: object, key: str, message: str
) -> None:
    text = changed((place, value))
    scalar = value[0] if isinstance(value, list) else value
    odd = "test_odd" if isinstance(scalar, dict) else "gostatus" if "gostatus" in place else str(scalar)
    told = mistake(tmp_path, text).splitlines()
    assert any(one.startswith(f"m.yaml:{line_of(text, odd)}: {key}: ") and message in one for one in told), told


@pytest.mark.parametrize(
    ("place", "value", "key", "message"),
    [
        (("items", 7, "id"), "B1", "items[7].id", "B1 stands here twice; keep one"),
        (("items", 6, "category"), "D", "items[6].category", "B1 belongs to category B"),
        (("items", 0, "requirements"), ["FR-002"], "items[0].requirements[0]", "FR-002 does not list A1"),
        (("requirements", 1, "items"), ["A6"], "requirements[1].items[0]", "A6 does not list FR-002"),
        (("items", 9), None, "items", "missing: B4"),
        (("categories", "A"), None, "categories", "name each of A, B, C, D, E, F and no other"),
        (("items", 3, "title"), None, "items[3]", "Object missing required field `title`"),
    ],
)
def test_parts_that_contradict_each_other_are_told(
    tmp_path: Path, place: Steps, value: object, key: str, message: str
) -> None:
    told = mistake(tmp_path, changed((place, value)))
    assert any(f": {key}: " in line and message in line for line in told.splitlines()), told


def test_the_line_of_a_missing_key_is_where_its_item_starts(tmp_path: Path) -> None:
    text = changed((("items", 3, "title"), None))
    assert mistake(tmp_path, text).startswith(f"m.yaml:{line_of(text, '- id: A4')}: items[3]: ")


def test_a_repeated_key_is_told(tmp_path: Path) -> None:
    text = TEXT.replace("severity: high", "priority: P1", 1)
    assert mistake(tmp_path, text).startswith(f"m.yaml:{line_of(TEXT, 'severity: high')}: items[2].priority: ")


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    text = changed(
        (("items", 5, "status"), "done"), (("items", 2, "priority"), "P9"), (("requirements", 4, "txt"), "x")
    )
    keys = [line.split(": ")[1] for line in mistake(tmp_path, text).splitlines()]
    assert keys == ["requirements[4].txt", "items[2].priority", "items[5].status"]


def test_a_ring_of_dependencies_is_told(tmp_path: Path) -> None:
    told = mistake(tmp_path, changed((("items", 3, "depends_on"), ["A5"]), (("items", 4, "depends_on"), ["A4"])))
    assert "items depend on each other in a ring: A4 -> A5 -> A4" in told or "A5 -> A4 -> A5" in told


def test_a_requirement_needs_items_or_a_proof(tmp_path: Path) -> None:
    text = changed((("requirements", 6, "proof"), None))
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
    (tmp_path / "m.yaml").write_text(changed((("items", 0, "status"), "done")))
    command = [sys.executable, "-m", "contracts.harness.matrix"]
    good = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    bad = subprocess.run([*command, str(tmp_path / "m.yaml")], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (good.returncode, bad.returncode) == (0, 1)
    assert "items[0].status" in bad.stderr
