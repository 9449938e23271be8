"""Patches reach functions of every kind, leave a sign when called, and trips are judged exactly."""

from __future__ import annotations

import asyncio
import sys
import types
from pathlib import Path

import msgspec
import pytest

from contracts.harness.results import CaseResult, Fault, Outcome, Provenance
from contracts.harness.sabotaged import Sabotage, SabotageError, _judge, apply


class Victim:
    def method(self, value: int) -> int:
        return value

    @property
    def prop(self) -> int:
        return 1

    @staticmethod
    def static(value: int) -> int:
        return value

    @classmethod
    def of_class(cls, value: int) -> int:
        return value

    async def later(self, value: int) -> int:
        return value


@pytest.fixture
def victim(monkeypatch: pytest.MonkeyPatch) -> type[Victim]:
    module = types.ModuleType("victim_module")
    module.Victim = type("Victim", (Victim,), dict(vars(Victim)))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "victim_module", module)
    return module.Victim  # type: ignore[attr-defined, no-any-return]


def test_every_kind_of_function_can_be_patched(victim: type[Victim], tmp_path: Path) -> None:
    names = ["method", "static", "of_class", "later"]
    patches = [(f"victim_module.Victim.{name}", lambda original, *a: original(*a[:-1], a[-1] + 1)) for name in names]
    patches.append(("victim_module.Victim.prop", lambda original, self: original(self) + 1))
    apply(Sabotage(name="off-by-one", patches=patches, trips=[]), tmp_path)
    assert not list(tmp_path.iterdir())
    assert victim().method(1) == victim().static(1) == victim().of_class(1) == victim().prop == 2
    assert asyncio.run(victim().later(1)) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2", "3", "4"]


def test_without_a_folder_no_sign_is_left(victim: type[Victim]) -> None:
    double = ("victim_module.Victim.method", lambda original, *a: 2 * original(*a))
    apply(Sabotage(name="doubles", patches=[double], trips=[]))
    assert victim().method(2) == 4


@pytest.mark.parametrize("dotted", ["victim_module.Victim.gone", "victim_module.Gone.method", "no_module.f"])
def test_a_patch_of_nothing_is_refused(victim: type[Victim], tmp_path: Path, dotted: str) -> None:
    with pytest.raises(SabotageError, match=dotted.rpartition(".")[0]):
        apply(Sabotage(name="x", patches=[(dotted, lambda *_: None)], trips=[]), tmp_path)


def result(test: str, *, fault: Fault | None = None) -> CaseResult:
    outcome = Outcome.FAILED if fault else Outcome.PASSED
    return CaseResult(case=f"a.py::{test}", item="A4", provenance=Provenance.RECORDED, outcome=outcome, fault=fault)


def findings(*cases: CaseResult) -> list[str]:
    sabotage = Sabotage(name="x", patches=[], trips=["test_named", "test_params[1]"])
    return list(_judge("A4:x", sabotage, cases))


def test_exactly_the_named_cases_must_fail() -> None:
    tripped = [result("test_named[a]", fault=Fault.CONTRACT), result("test_params[1]", fault=Fault.CONTRACT)]
    assert findings(*tripped, result("test_params[2]"), result("test_other")) == []
    [deaf] = findings(result("test_named"), tripped[1])
    assert "test_named must fail, but passes" in deaf
    [collateral] = findings(*tripped, result("test_other", fault=Fault.CONTRACT))
    assert "test_other must still pass" in collateral
    [unknown] = findings(tripped[0])
    assert "names test_params[1], which is no case" in unknown
    dead = result("test_other", fault=Fault.TARGET)
    [broken] = findings(*tripped, msgspec.structs.replace(dead, message="gone", details="gone\n    | why\nmore"))
    assert broken == "A4:x: 1 cases could not be judged: gone (why)"
