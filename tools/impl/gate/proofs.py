"""Proof that an item's contracts can fail: its sabotages and the mutations of its cassettes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator

from contracts.harness.matrix import ROOT, Item
from tools.impl.gate.findings import Finding

# each prints one line per finding and exits 0 when there is none
_PROOFS = {
    "sabotages": ("contracts.harness.sabotaged", "--check"),
    "cassette mutations": ("contracts.harness.mutate",),
}


def prove(items: Iterable[Item], progress: Callable[[str], None]) -> Iterator[Finding]:
    """Run the proofs of these items one after the other."""
    for item in items:
        sabotages = ROOT / "contracts" / item.category / f"sabotage_{item.id}.py"
        if not sabotages.exists():
            yield Finding(
                item=item.id,
                subject=str(sabotages.relative_to(ROOT)),
                message="the item is declared implemented without sabotages: nothing shows that its contracts can fail",
                fix="write a few one-line patches of the proxy, each with the cases that must then fail",
            )
            continue
        for name, (module, *options) in _PROOFS.items():
            progress(f"{item.id}: {name}")
            yield from _run(item, name, [sys.executable, "-m", module, *options, item.id])


def _run(item: Item, name: str, command: list[str]) -> Iterator[Finding]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    told = (done.stdout or done.stderr).strip().splitlines() or [f"exit code {done.returncode} without a word"]
    for line in told:
        yield Finding(
            item=item.id,
            message=f"{name}: {line}",
            fix=f"python {' '.join(command[1:])} shows it alone",
        )
