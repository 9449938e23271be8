"""Proof that contracts can fail: the sabotages of an item and the mutations of its cassettes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from subprocess import PIPE

from contracts.harness.matrix import ROOT
from contracts.harness.processes import run_command
from contracts.harness.results import CORE
from contracts.harness.sabotaged import sabotage_files
from tools.impl.gate.findings import Finding

# each prints what it finds and exits 0 when there is nothing
_PROOFS = {
    "sabotages": ("contracts.harness.sabotaged", "--check"),
    "cassette mutations": ("contracts.harness.mutate",),
}
_TOLD_LINES = 40


def prove(implemented: Iterable[str], progress: Callable[[str], None]) -> Iterator[Finding]:
    """Prove the contracts of the implemented items one after the other, and those of core if it has sabotages."""
    core = [CORE] if sabotage_files(CORE, ROOT) else []
    for item in (*core, *implemented):
        if not sabotage_files(item, ROOT):
            yield Finding(
                item=item,
                subject=f"contracts/{item[0]}/sabotage_{item}.py",
                message="the item is declared implemented without sabotages: nothing shows that its contracts can fail",
                fix="write a few one-line patches of the proxy, each with the cases that must then fail",
            )
            continue
        for name, (module, *options) in _PROOFS.items():
            progress(f"{item}: {name}")
            yield from _run(item, name, [sys.executable, "-m", module, *options, item])


def _run(item: str, name: str, command: list[str]) -> Iterator[Finding]:
    done = run_command(command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    if done.returncode != 0:
        told = (done.stdout.strip() or done.stderr.strip()).splitlines()[-_TOLD_LINES:]
        yield Finding(
            item=item,
            message="\n    ".join([f"{name} prove nothing (exit status {done.returncode}):", *told]),
            fix=f"python {' '.join(command[1:])} shows it alone",
        )
