"""The command line of tools/gate."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import click

from contracts.harness.located_yaml import YamlError
from contracts.harness.matrix import MATRIX, Matrix, Status, load_matrix
from contracts.harness.processes import tidy_interrupts
from contracts.harness.results import Results, ResultsError, read_results, suite_version
from tools.impl.gate.baseline import BASELINE, BaselineError, committed_baselines, read_baseline, write_baseline
from tools.impl.gate.findings import TARGETS, Evidence, Finding
from tools.impl.gate.proofs import prove
from tools.impl.gate.rules import judge
from tools.impl.suite import SuiteError, run_contracts

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--results",
    "files",
    multiple=True,
    type=_FILE,
    help="Results of an earlier run; once a target. [default: run the contracts]",
)
@click.option("--update", is_flag=True, help="Add the cases that pass to the baseline; nothing is taken out of it.")
@click.option(
    "--skip-proof", is_flag=True, help="Do not run sabotages and cassette mutations. For quick local runs only."
)
@click.option("--matrix", "matrix_path", type=_FILE, default=MATRIX, help="The gap matrix.")
@click.option(
    "--baseline", "baseline_path", type=_FILE, default=BASELINE, help="The baseline; its history is read too."
)
@tidy_interrupts()
def main(files: tuple[Path, ...], update: bool, skip_proof: bool, matrix_path: Path, baseline_path: Path) -> None:
    """Refuse a tree whose contracts do not bear out what gap_matrix.yaml declares, or that lost a case which passed.

    Runs contracts/ on the cassettes and on the proxy, compares with the matrix and with contracts/baseline.json (and
    every committed version of it), then proves that the contracts of implemented items can fail.

    Exit status: 0 nothing found, 1 findings, 2 the gate could not do its work.
    """
    if skip_proof and os.environ.get("CI"):
        click.echo("gate: --skip-proof is for local runs; CI proves that the contracts can fail", err=True)
        sys.exit(2)
    try:
        matrix = load_matrix(matrix_path)
        baseline = read_baseline(baseline_path)
        committed = tuple(committed_baselines(baseline_path))
        runs = _read(files) if files else {target: run_contracts([f"--target={target}"]) for target in TARGETS}
    except (YamlError, BaselineError, ResultsError, SuiteError) as error:
        click.echo(f"gate: {error}", err=True)
        sys.exit(2)
    if update:
        extended = baseline.extended(runs)
        write_baseline(baseline_path, extended)
        click.echo(f"gate: {len(extended.passed - baseline.passed)} cases added to {baseline_path}", err=True)
        baseline = extended
    findings = judge(Evidence(matrix=matrix, runs=runs, baseline=baseline, committed=committed))
    if not skip_proof:
        implemented = [item.id for item in matrix.items if item.status is Status.IMPLEMENTED]
        findings += prove(implemented, lambda step: click.echo(f"gate: {step}", err=True))
    _tell(findings, runs, matrix)
    sys.exit(1 if findings else 0)


def _read(files: Iterable[Path]) -> dict[str, Results]:
    runs: dict[str, Results] = {}
    now = suite_version()
    for file in files:
        results = read_results(file)
        target = results.header.target
        if target not in TARGETS:
            raise ResultsError(f"{file}: the gate judges {' and '.join(TARGETS)}, not {target}; see tools/gap_report")
        if target in runs:
            raise ResultsError(f"{file}: there are results of {target} already; give one file a target")
        if results.header.suite != now:
            click.echo(f"gate: {file} is of suite {results.header.suite}, the tree is at {now}", err=True)
        runs[target] = results
    return runs


def _tell(findings: list[Finding], runs: dict[str, Results], matrix: Matrix) -> None:
    for finding in findings:
        click.echo(f"{finding}\n")
    declared = sum(item.status is Status.IMPLEMENTED for item in matrix.items)
    cases = ", ".join(f"{len(results.cases)} cases on {target}" for target, results in runs.items())
    click.echo(f"gate: {len(findings)} findings; {cases}; {declared} of {len(matrix.items)} items implemented")


if __name__ == "__main__":
    main(prog_name="tools/gate")
