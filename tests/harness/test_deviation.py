"""Which of two bodies judges which target, and that code and matrix agree."""

from __future__ import annotations

import pytest

from contracts.harness import deviation
from contracts.harness.deviation import check_declared, judge
from contracts.harness.faults import CheckFailed, HarnessError
from contracts.harness.matrix import Deviation
from contracts.harness.results import Body
from contracts.harness.targets import Kind


def is_500(status: int) -> None:
    assert status == 500


def is_400(status: int) -> None:
    assert status == 400


def verdict(kind: Kind, status: int) -> Body:
    return judge(kind, [status], as_recorded=is_500, required=is_400)


def test_recording_and_reference_do_as_recorded_our_proxy_as_required() -> None:
    assert verdict(Kind.CASSETTE, 500) is verdict(Kind.REFERENCE, 500) is Body.AS_RECORDED
    assert verdict(Kind.PROXY, 400) is Body.REQUIRED
    for kind, status in ((Kind.CASSETTE, 400), (Kind.REFERENCE, 400), (Kind.PROXY, 500)):
        with pytest.raises(AssertionError):
            verdict(kind, status)


def test_a_foreign_gateway_may_do_either_but_nothing_else() -> None:
    assert verdict(Kind.FOREIGN, 500) is Body.AS_RECORDED
    assert verdict(Kind.FOREIGN, 400) is Body.REQUIRED
    with pytest.raises(CheckFailed, match="neither"):
        verdict(Kind.FOREIGN, 404)


def test_reading_what_is_not_there_is_a_failure_too() -> None:
    def reads(answer: dict[str, int]) -> None:
        assert answer["more"]

    assert judge(Kind.CASSETTE, [{}], as_recorded=lambda _: None, required=reads) is Body.AS_RECORDED


def test_a_broken_body_is_no_failure_of_the_recording() -> None:
    def broken(_: object) -> None:
        raise HarnessError("not recorded")

    with pytest.raises(HarnessError):
        judge(Kind.CASSETTE, [1], as_recorded=lambda _: None, required=broken)


def test_a_deviation_that_the_recording_does_not_show_is_stale() -> None:
    with pytest.raises(CheckFailed, match="stale deviation"):
        judge(Kind.CASSETTE, [400], as_recorded=is_400, required=is_400)


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> str:
    case = "contracts/A/test_A4_x.py::test_y"
    found = Deviation(case=case, reference="500", ours="400", reason="a 5xx for the user's own mistake")
    monkeypatch.setattr(deviation, "declared", lambda item: (found,) if item == "A4" else ())
    return case


def test_the_matrix_must_list_a_case_that_deviates(listed: str) -> None:
    check_declared("A4", f"{listed}[param]", deviates=True)
    with pytest.raises(HarnessError, match=r"gap_matrix\.yaml does not say so; add it to A5's deviations"):
        check_declared("A5", listed, deviates=True)


def test_the_matrix_must_not_list_a_case_that_does_not(listed: str) -> None:
    check_declared("A5", listed, deviates=False)
    with pytest.raises(HarnessError, match=r"never calls case\.deviates"):
        check_declared("A4", listed, deviates=False)
