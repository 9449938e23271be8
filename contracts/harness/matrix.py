"""Loads `gap_matrix.yaml`, the one source of truth for the status of the 70 gap items.

The structs below are the format: the JSON Schema beside the contracts is generated from them, and a mistake in the file
is told with its line and key. `python -m contracts.harness.matrix` checks it, `--write-schema` renews the schema.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated

import msgspec

from contracts.harness.located_yaml import Document, Steps, YamlError

ROOT = Path(__file__).resolve().parents[2]
MATRIX = ROOT / "gap_matrix.yaml"
SCHEMA = ROOT / "contracts" / "gap_matrix.schema.json"

SIZES: Mapping[str, int] = {"A": 6, "B": 6, "C": 22, "D": 16, "E": 12, "F": 8}
ITEM_IDS = tuple(f"{category}{number}" for category, size in SIZES.items() for number in range(1, size + 1))
REQUIREMENT_IDS = tuple(f"FR-{n:03}" for n in range(1, 9)) + tuple(f"SC-{n:03}" for n in range(1, 6))

_KEY = r"[\w*-]+(\[\])?"
Category = Annotated[str, msgspec.Meta(pattern=r"^[A-F]$")]
ItemId = Annotated[str, msgspec.Meta(pattern=r"^[A-F][1-9][0-9]?$")]
RequirementId = Annotated[str, msgspec.Meta(pattern=r"^(FR|SC)-[0-9]{3}$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]
CaseId = Annotated[str, msgspec.Meta(pattern=r"^contracts/.+\.py::.+$")]
TestId = Annotated[str, msgspec.Meta(pattern=r"^(tests|contracts)/.+\.py::\w+$")]
Operation = Annotated[str, msgspec.Meta(pattern=r"^(GET|POST|PUT|PATCH|DELETE|ANY|WS) /\S*$")]
ConfigKey = Annotated[str, msgspec.Meta(pattern=rf"^{_KEY}(\.{_KEY})*(=.+)?$")]


class Priority(StrEnum):
    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Status(StrEnum):
    """How far our own proxy is declared to be; what a gateway can do is measured."""

    MISSING = "missing"
    PARTIAL = "partial"
    IMPLEMENTED = "implemented"


class Deviation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A case in which we do not do what the reference was recorded doing; without `[param]` it means all of them."""

    case: CaseId
    reference: Text
    ours: Text
    reason: Text

    def covers(self, case: str) -> bool:
        """Whether the node id `case` is a case of this deviation."""
        return self.case in (case, case.split("[", 1)[0])


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One gap. The syntax of `config_keys` is explained at the head of the matrix."""

    id: ItemId
    title: Text
    category: Category
    priority: Priority
    severity: Severity
    requirements: tuple[RequirementId, ...]
    reference_location: tuple[Text, ...]
    go_status: Text
    status: Status
    depends_on: tuple[ItemId, ...] = ()
    operations: tuple[Operation, ...] = ()
    config_keys: tuple[ConfigKey, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    notes: str = ""


class Requirement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A requirement holds when its items are ready and each test named as its proof exists."""

    id: RequirementId
    text: Text
    items: tuple[ItemId, ...] = ()
    proof: tuple[TestId, ...] = ()


class Matrix(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. `reference` is the pinned reference gateway, `categories` has the title of each letter.

    `core_deviations` are those of the cases in `contracts/core`, which belong to no item.
    """

    reference: Text
    categories: dict[Category, Text]
    requirements: tuple[Requirement, ...]
    items: tuple[Item, ...]
    core_deviations: tuple[Deviation, ...] = ()

    def item(self, item_id: str) -> Item:
        """The item of that id. Raises KeyError."""
        for item in self.items:
            if item.id == item_id:
                return item
        raise KeyError(item_id)


def load_matrix(path: Path = MATRIX) -> Matrix:
    """Read and check the matrix. Raises YamlError, which tells file, line and key of every mistake found."""
    document = Document(path)
    matrix = document.decode(Matrix, each={"requirements": Requirement, "items": Item})
    problems = [document.problem(steps, message) for steps, message in _cross_check(matrix)]
    if problems:
        raise YamlError(path, problems)
    return matrix


def json_schema() -> bytes:
    """The JSON Schema of the matrix, formatted as it stands in the repository."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Gap matrix"}
    return msgspec.json.format(msgspec.json.encode(schema | msgspec.json.schema(Matrix)), indent=2) + b"\n"


def _cross_check(matrix: Matrix) -> Iterator[tuple[Steps, str]]:
    yield from _check_ids("items", [item.id for item in matrix.items], ITEM_IDS)
    yield from _check_ids("requirements", [requirement.id for requirement in matrix.requirements], REQUIREMENT_IDS)
    if set(matrix.categories) != set(SIZES):
        yield ("categories",), f"name each of {', '.join(SIZES)} and no other"
    for index, item in enumerate(matrix.items):
        yield from _check_item(matrix, ("items", index), item)
    yield from _check_cycles(matrix)
    listed = {item.id: item.requirements for item in matrix.items}
    for index, requirement in enumerate(matrix.requirements):
        steps: Steps = ("requirements", index)
        if not requirement.items and not requirement.proof:
            yield steps, f"{requirement.id} names neither items nor a proof; name one"
        for place, item_id in enumerate(requirement.items):
            if item_id not in listed:
                yield (*steps, "items", place), f"there is no item {item_id}"
            elif requirement.id not in listed[item_id]:
                yield (
                    (*steps, "items", place),
                    f"{item_id} does not list {requirement.id} among its requirements; add it",
                )


def _check_ids(name: str, found: list[str], wanted: tuple[str, ...]) -> Iterator[tuple[Steps, str]]:
    counts = Counter(found)
    for index, one in enumerate(found):
        if one not in wanted:
            yield (name, index, "id"), f"{one} is not one of {wanted[0]} to {wanted[-1]}"
        elif counts[one] > 1 and one in found[:index]:
            yield (name, index, "id"), f"{one} stands here twice; keep one"
    if absent := [one for one in wanted if one not in counts]:
        yield (name,), f"missing: {', '.join(absent)}"


def _check_item(matrix: Matrix, steps: Steps, item: Item) -> Iterator[tuple[Steps, str]]:
    if item.category != item.id[0]:
        yield (*steps, "category"), f"{item.id} belongs to category {item.id[0]}"
    for place, other in enumerate(item.depends_on):
        if other not in ITEM_IDS:
            yield (*steps, "depends_on", place), f"there is no item {other}"
    holders = {requirement.id: requirement.items for requirement in matrix.requirements}
    for place, requirement in enumerate(item.requirements):
        if requirement not in holders:
            yield (*steps, "requirements", place), f"there is no requirement {requirement}"
        elif item.id not in holders[requirement]:
            yield (*steps, "requirements", place), f"{requirement} does not list {item.id} among its items; add it"
    cases = Counter(deviation.case for deviation in item.deviations)
    for place, deviation in enumerate(item.deviations):
        if cases[deviation.case] > 1:
            yield (*steps, "deviations", place, "case"), f"{deviation.case} is declared twice; keep one"


def _check_cycles(matrix: Matrix) -> Iterator[tuple[Steps, str]]:
    try:
        TopologicalSorter({item.id: item.depends_on for item in matrix.items}).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        index = next(place for place, item in enumerate(matrix.items) if item.id in ring)
        yield ("items", index, "depends_on"), f"items depend on each other in a ring: {' -> '.join(ring)}; drop one"


def main() -> int:
    """Check the matrix, or write its schema. 0: valid, 1: mistakes."""
    parser = argparse.ArgumentParser(prog="python -m contracts.harness.matrix", description=main.__doc__)
    parser.add_argument("path", nargs="?", type=Path, default=MATRIX)
    parser.add_argument("--write-schema", action="store_true", help=f"renew {SCHEMA.name} from the structs")
    arguments = parser.parse_args()
    if arguments.write_schema:
        SCHEMA.write_bytes(json_schema())
        return 0
    try:
        matrix = load_matrix(arguments.path)
    except YamlError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.path}: {len(matrix.items)} items, {len(matrix.requirements)} requirements, no mistakes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
