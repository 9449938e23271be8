"""D16: every operation of the reference that belongs to an implemented item is there, and takes what the reference takes."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from contracts.harness.case import Case
from contracts.harness.mark import contract
from contracts.harness.matrix import Item, Status, load_matrix
from contracts.harness.operations import load_reference, misfits, operations_of, unnamed

pytestmark = contract("D16", config="D16/docs.yaml", provenance="documented")

EXCEPTIONS: dict[str, dict[str, str]] = yaml.safe_load(
    (Path(__file__).parents[1] / "operation_exceptions.yaml").read_text()
)
REFERENCE = {unnamed(name): found for name, found in load_reference().items()}
EVERY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Items that have whole headings of the reference's document, beside the operations that the matrix names.
HEADINGS = {
    "A2": ("responses",),
    "D1": (
        "key management",
        "team management",
        "Internal User management",
        "organization management",
        "Customer Management",
        "budget management",
        "model management",
        "credential management",
        "Budget & Spend Tracking",
        "Audit Logging",
    ),
    "D15": ("public",),
}


def operations_of_item(item: Item) -> Iterator[str]:
    """`METHOD /path`, of what is in the matrix and under the item's headings."""
    for operation in item.operations:
        method, path = operation.split(" ")
        path = path.replace("{path}", "{endpoint}")
        for each in EVERY_METHOD if method == "ANY" else (method.replace("WS", "GET"),):
            yield f"{each} {path}"
    for name, found in load_reference().items():
        if found.tag in HEADINGS.get(item.id, ()):
            yield name


def wanted() -> list[str]:
    """Each once, however many items name it."""
    items = [item for item in load_matrix().items if item.status is not Status.MISSING]
    by_path = {unnamed(name): name for item in reversed(items) for name in operations_of_item(item)}
    return sorted(by_path.values())


@cache
def exceptions_of(name: str) -> dict[str, str]:
    return next((found for key, found in EXCEPTIONS.items() if unnamed(key) == unnamed(name)), {})


@pytest.mark.parametrize("name", wanted())
def test_an_operation_is_there_and_takes_what_the_reference_takes(case: Case, name: str) -> None:
    document = case.request("GET", "/openapi.json", key=None).json
    there = {unnamed(key): found for key, found in operations_of(document).items()}
    found = there.get(unnamed(name))
    if found is None:
        problems = [] if unnamed(name) in routes(case) else ["absent"]
    else:
        known = REFERENCE.get(unnamed(name))
        problems = [] if known is None else list(misfits(known, found))
    assert problems == list(exceptions_of(name))


def routes(case: Case) -> set[str]:
    """What is served, documented or not."""
    listed = case.get("/routes").json["routes"]
    return {unnamed(f"{method} {route['path']}") for route in listed for method in route["methods"]}


def test_no_exception_is_of_an_operation_that_nobody_wants() -> None:
    known = {unnamed(name) for item in load_matrix().items for name in operations_of_item(item)}
    assert [name for name in EXCEPTIONS if unnamed(name) not in known] == []
