"""What `-k` means, what has no meaning on a target, and that a case must state something itself."""

from __future__ import annotations

import pytest

from contracts.harness.mark import Contract
from contracts.harness.results import Provenance
from contracts.harness.selection import lacks_assertion, reason_to_deselect, rewrite_keyword
from contracts.harness.targets import Kind

pytest_plugins = ["pytester"]

MODULE = """
from contracts.harness.mark import contract
pytestmark = contract("{item}", config="core/basic.yaml")
def test_it(case):
    assert case
"""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("D1", "item_D1_"),
        ("not D1 and (A4 or C22)", "not item_D1_ and (item_A4_ or item_C22_)"),
        ("test_A4_order", "test_A4_order"),
        ("item_A4_", "item_A4_"),
        ("chat or GPT4", "chat or GPT4"),
    ],
)
def test_keywords(given: str, meant: str) -> None:
    assert rewrite_keyword(given) == meant


def test_d1_is_not_d10(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_one=MODULE.format(item="D1"), test_ten=MODULE.format(item="D10"), test_D1_plain="def test_plain(): pass"
    )
    result = pytester.runpytest("-p", "contracts.harness.plugin", "-k", "D1", "--collect-only", "-q")
    assert sorted(line for line in result.outlines if "::" in line) == [
        "test_D1_plain.py::test_plain",
        "test_one.py::test_it",
    ]


def test_a_case_without_an_assertion_of_its_own_is_refused_by_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mute=MODULE.format(item="A4").replace("assert case", "case.assert_same_as_recorded()"))
    result = pytester.runpytest("-p", "contracts.harness.plugin", "--collect-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*assert nothing in their own words*test_mute.py::test_it*"])


def helper_that_asserts(value: int) -> None:
    assert value


def helper_that_does_not(value: int) -> int:
    return value


def test_an_assertion_may_stand_in_a_function_of_the_module() -> None:
    def nested(case: object) -> None:
        def required() -> None:
            assert case

        required()

    def by_helper(case: object) -> None:
        helper_that_asserts(1)

    def by_deaf_helper(case: object) -> None:
        helper_that_does_not(1)

    assert not lacks_assertion(nested)
    assert not lacks_assertion(by_helper)
    assert lacks_assertion(by_deaf_helper)


@pytest.mark.parametrize("provenance", [Provenance.DOCUMENTED, Provenance.SCHEMA])
def test_what_was_not_recorded_runs_on_other_targets_only(provenance: Provenance) -> None:
    contract = Contract(item="A4", config="x", provenance=provenance)
    assert provenance in reason_to_deselect(contract, Kind.CASSETTE)
    assert reason_to_deselect(contract, Kind.REFERENCE)
    assert not reason_to_deselect(contract, Kind.PROXY)
    assert not reason_to_deselect(contract, Kind.FOREIGN)


def test_what_depends_on_later_work_is_left_out_on_our_proxy_only() -> None:
    contract = Contract(item="A4", config="x", depends_on="virtual keys")
    assert reason_to_deselect(contract, Kind.PROXY) == "depends on virtual keys"
    assert not reason_to_deselect(contract, Kind.CASSETTE)
    assert not reason_to_deselect(contract, Kind.FOREIGN)
