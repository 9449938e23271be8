"""The marks of a contract module or function."""

from __future__ import annotations

import msgspec
import pytest

from contracts.harness.results import CORE, Provenance


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract belongs to and needs.

    `item` is a matrix id or `core`, `config` a file below `fixtures/configs/`. `depends_on` names the matrix item or
    the later work without which our proxy cannot keep it.
    """

    item: str
    config: str
    provenance: Provenance = Provenance.RECORDED
    depends_on: str | None = None


def contract(
    item: str, *, config: str, provenance: str = Provenance.RECORDED, depends_on: str | None = None
) -> pytest.MarkDecorator:
    """Mark a module (`pytestmark = contract(...)`) or a single function, which then overrides its module's mark.

    Raises ValueError for an unknown provenance.
    """
    return pytest.mark.contract(
        Contract(item=item, config=config, provenance=Provenance(provenance), depends_on=depends_on)
    )


def slow(why: str) -> pytest.MarkDecorator:
    """Allow a case more than three seconds, and say why it needs them."""
    return pytest.mark.slow(why)


def contract_of(node: pytest.Item) -> Contract | None:
    """The contract of a collected test; None for tests that are no contract cases."""
    mark = node.get_closest_marker("contract")
    return mark.args[0] if mark else None


def case_id(node: pytest.Item) -> str:
    """The node id without the group suffix that parallel runs append."""
    return node.nodeid.partition("@")[0] if "@" in node.nodeid.rpartition("]")[2] else node.nodeid


def recording_name(node: pytest.Function) -> str:
    """The path of a case's recording below `cassettes/`, without suffix: `A4/test_A4_x.test_name[param]`."""
    found = contract_of(node)
    folder = found.item if found else CORE
    plain = "".join("-" if character in "<>?%*:|\"'/\\ " else character for character in node.name.partition("@")[0])
    return f"{folder}/{node.path.stem}.{plain}"
