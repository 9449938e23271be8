"""The command line of tools/gap_report."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import click

from contracts.harness.located_yaml import YamlError
from contracts.harness.matrix import MATRIX, Status, load_matrix
from contracts.harness.processes import tidy_interrupts
from contracts.harness.results import CORE, Results, ResultsError, read_results, suite_version
from tools.impl.gap_report.config_use import ConfigError, config_use
from tools.impl.gap_report.report import Report, Verdict, build_report
from tools.impl.gap_report.views import VIEWS
from tools.impl.gap_report.views.words import progress
from tools.impl.suite import SuiteError, results_path, run_contracts

_FILE = click.Path(dir_okay=False, path_type=Path)
OUR_PROXY = "proxy"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--results", "files", multiple=True, type=_FILE, help="Results of an earlier run.")
@click.option("--target", "targets", multiple=True, help="proxy, cassette, reference or a URL. [default: proxy]")
@click.option("--gateway-cmd", metavar="COMMAND", help="A gateway to start, with {config} and {port}.")
@click.option("--gateway-name", metavar="NAME", default="gateway", help="What to call it.")
@click.option("--run", "renew", is_flag=True, help="Run the contracts even if reports/ has results.")
@click.option("--format", "view", type=click.Choice(list(VIEWS)), default="terminal", show_default=True)
@click.option("--output", type=_FILE, help="Write the report there instead of to standard output.")
@click.option("--config", "config_path", type=_FILE, help="Your proxy_config.yaml: what it uses must be ready.")
@click.option("--require", multiple=True, metavar="NAME", help="Item, category or requirement to be ready.")
@click.option("--matrix", "matrix_path", type=_FILE, default=MATRIX, help="The gap matrix.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
@tidy_interrupts()
def main(
    *,
    files: tuple[Path, ...],
    targets: tuple[str, ...],
    gateway_cmd: str | None,
    gateway_name: str,
    renew: bool,
    view: str,
    output: Path | None,
    config_path: Path | None,
    require: tuple[str, ...],
    matrix_path: Path,
    pytest_arguments: tuple[str, ...],
) -> None:
    """Say how ready a gateway is to take over from the reference, for each of the 70 gap items.

    Reads results; of each target and gateway the last ones in reports/ are taken, or the contracts run (arguments after
    -- go to pytest). All stand side by side.

    Exit status: 0 ready, 1 something required is not (an item declared implemented on our proxy, what --config depends
    on, what --require names), 2 the report could not be made.
    """
    try:
        matrix = load_matrix(matrix_path)
        use = config_use(matrix, config_path) if config_path else None
        found = [read_results(file) for file in files]
        wanted = [(target, [f"--target={target}"]) for target in targets]
        if gateway_cmd:
            wanted.append((gateway_name, [f"--gateway-cmd={gateway_cmd}", f"--gateway-name={gateway_name}"]))
        if not found and not wanted:
            wanted = [(OUR_PROXY, [f"--target={OUR_PROXY}"])]
        found += [_measured(name, renew, [*how, *pytest_arguments]) for name, how in wanted]
        report = build_report(matrix, _labelled(found), suite_version(), use)
        unmet = _unmet(report) + _unmet_names(report, require)
    except (YamlError, ResultsError, SuiteError, ConfigError, click.UsageError) as error:
        click.echo(f"gap_report: {error}", err=True)
        sys.exit(2)
    text = VIEWS[view](report)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    else:
        click.echo(text, nl=False)
    for line in unmet:
        click.echo(f"gap_report: {line}", err=True)
    sys.exit(1 if unmet else 0)


def _labelled(found: Iterable[Results]) -> dict[str, Results]:
    """By target; a second run of one target is called `proxy 2`."""
    runs: dict[str, Results] = {}
    seen: Counter[str] = Counter()
    for results in found:
        target = results.header.target
        seen[target] += 1
        runs[f"{target} {seen[target]}" if seen[target] > 1 else target] = results
    return runs


def _measured(target: str, renew: bool, arguments: list[str]) -> Results:
    return (None if renew else _last(target)) or run_contracts(arguments)


def _last(target: str) -> Results | None:
    path = results_path(target)
    if not path.exists():
        return None
    try:
        results = read_results(path)
    except ResultsError as error:
        click.echo(f"gap_report: {error}", err=True)
        return None
    age = f"{results.header.date:%Y-%m-%d %H:%M} UTC, suite {results.header.suite}"
    click.echo(f"gap_report: using {path} of {age}; the tree is at {suite_version()}, --run renews it", err=True)
    return results


def _unmet(report: Report) -> list[str]:
    """What must be ready without being asked for: what the matrix declares of our proxy, and what the config needs."""
    ours = [label for label, header in report.targets.items() if header.target == OUR_PROXY]
    unmet = [
        f"{item.id} is declared implemented; on {label}: {item.standings[label].verdict}"
        for label in ours
        for item in report.items
        if item.status is Status.IMPLEMENTED and item.standings[label].verdict is not Verdict.READY
    ]
    uses = report.config.uses if report.config else ()
    return unmet + [
        f"{use.item} is needed by {use.places[0]} in the config; on {label}: {report.verdict(use.item, label)}"
        for label in report.targets
        for use in uses
        if report.verdict(use.item, label) is not Verdict.READY
    ]


def _unmet_names(report: Report, names: Iterable[str]) -> list[str]:
    groups = {entry.id: entry for entry in (*report.categories, *report.requirements)}
    items = {item.id: item.standings for item in report.items} | {CORE: report.core}
    unmet: list[str] = []
    for name in names:
        if name not in groups and name not in items:
            raise click.UsageError(
                f"--require {name}: name an item (A4), a category (A), a requirement (FR-001) or core"
            )
        for label in report.targets:
            if name in groups and not groups[name].met(label):
                unmet.append(f"{name} is required; on {label}: {progress(groups[name], label)}")
            elif name in items and items[name][label].verdict is not Verdict.READY:
                unmet.append(f"{name} is required; on {label}: {items[name][label].verdict}")
    return unmet


if __name__ == "__main__":
    main(prog_name="tools/gap_report")
