"""Records contracts from the live reference gateway."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from contracts.harness import compare
from contracts.harness.cassette import Recording, tapes_of
from contracts.harness.catalogue import CaseInfo, CatalogueError, list_cases, selection
from contracts.harness.configs import ROOT
from contracts.harness.faults import HarnessError
from contracts.harness.matrix import ITEM_IDS
from contracts.harness.processes import run_command, tidy_interrupts
from contracts.harness.results import CORE

CASSETTES = ROOT / "cassettes"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("item", type=click.Choice([CORE, *ITEM_IDS]), metavar="ITEM")
@click.option("--case", "keyword", default="", metavar="NAME", help="Only the cases whose name contains this.")
@click.option("--list", "only_list", is_flag=True, help="List the cases and whether each is recorded; record nothing.")
@click.option("-n", "--jobs", default=1, show_default=True, help="References to run at the same time.")
@tidy_interrupts()
def main(item: str, keyword: str, only_list: bool, jobs: int) -> None:
    """Record the cases of ITEM (A1 ... F8, or core) from the live reference, and say what changed.

    Needs `make reference` once. A case that fails keeps its old recording; one whose recording would differ only in
    volatile values too. Exit status: 0 recorded, 1 a case failed, 2 wrong usage.
    """
    try:
        cases = list_cases(item, keyword)
    except CatalogueError as error:
        raise click.ClickException(f"the contracts of {item} cannot be collected:\n{error}") from None
    if not cases:
        raise click.UsageError(f"{item} has no recorded case{f' named {keyword!r}' if keyword else ''}")
    if only_list:
        for case in cases:
            state = "recorded" if _path(case).exists() else "missing"
            click.echo(f"{state:9} {case.case}  ({case.config})")
        return
    before = {case.recording: _snapshot(_path(case)) for case in cases}
    click.echo(f"recording {len(cases)} cases of {item} from the reference", err=True)
    code = _record(item, keyword, jobs)
    for case in cases:
        for line in _changes(case, before[case.recording]):
            click.echo(line)
    if not keyword:
        _remove_stale(item, cases)
    sys.exit(0 if code == 0 else 1)


def _record(item: str, keyword: str, jobs: int) -> int:
    command = [sys.executable, "-m", "pytest", *selection(item, keyword), "--target=reference"]
    command += ["--record-mode=rewrite", "-v", "--tb=short"]
    command += ["-n", str(jobs), "--dist", "loadgroup"] if jobs > 1 else []
    return run_command(command, cwd=ROOT).returncode


def _path(case: CaseInfo) -> Path:
    return CASSETTES / f"{case.recording}.yaml"


def _snapshot(path: Path) -> Recording | None:
    try:
        return Recording.load(path)
    except HarnessError:
        return None


def _changes(case: CaseInfo, old: Recording | None) -> Sequence[str]:
    new = _snapshot(_path(case))
    if new is None:
        return [f"missing    {case.case}"]
    if old is None:
        return [f"new        {case.case}: {len(new.exchanges)} exchanges"]
    lines = []
    for label in [*old.exchanges, *(label for label in new.exchanges if label not in old.exchanges)]:
        one, other = old.exchanges.get(label), new.exchanges.get(label)
        if one is None or other is None:
            lines.append(f"  request {label} {'is new' if one is None else 'is gone'}")
        else:
            lines += [f"  request {label}:{line}" for line in compare.render(compare.all_differences(one, other))]
    return [f"changed    {case.case}", *lines] if lines else [f"unchanged  {case.case}"]


def _remove_stale(item: str, cases: Sequence[CaseInfo]) -> None:
    """Recordings of an item that belong to no case any more."""
    known = {_path(case) for case in cases}
    for path in sorted((CASSETTES / item).glob("*.yaml")):
        if path not in known:
            for found in (path, *tapes_of(path).values()):
                found.unlink()
            click.echo(f"removed    {path.relative_to(ROOT)}: no case has this name")


if __name__ == "__main__":
    main()
