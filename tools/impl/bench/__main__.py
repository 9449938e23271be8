"""Command line of the benchmark."""

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tools.impl.bench import gateways, machine, report
from tools.impl.bench.gateways import PROXY, REFERENCE, Gateway
from tools.impl.bench.processes import StartError, pin, plan_cores
from tools.impl.bench.report import Report
from tools.impl.bench.run import Settings, measure, steps
from tools.impl.bench.summary import missed
from tools.impl.bench.workloads import USUAL, WORKLOADS
from tools.reference.home import DEFAULT_HOME

_FILE_WIDTH = 160

_EXAMPLES = """\b
Examples:
  tools/bench                                     all of it: about two minutes
  tools/bench --only chat --duration 1 --rounds 3
  tools/bench --only realtime --duration 5        100 WebSockets, 20 messages a second each way
  tools/bench --require chat=25,stream=15 --json bench.json
  tools/bench --gateway other='other-gateway --config {config} --port {port}'
  tools/bench --skip proxy --gateway mine='...'   without this project's gateway
"""


def _gateways(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> list[Gateway]:
    try:
        return [gateways.parse(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _workloads(_context: click.Context, _option: click.Parameter, value: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    _check_workloads(names)
    return [name for name in WORKLOADS if name in names]


def _ratios(_context: click.Context, _option: click.Parameter, value: str | None) -> dict[str, float]:
    pairs = [pair.partition("=") for pair in value.split(",")] if value else []
    _check_workloads([name.strip() for name, _, _ in pairs])
    try:
        return {name.strip(): float(ratio) for name, _, ratio in pairs}
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not WORKLOAD=RATIO,...") from error


def _check_workloads(names: list[str]) -> None:
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        raise click.BadParameter(f"no workload {', '.join(unknown)!r}; there are {', '.join(WORKLOADS)}")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}, epilog=_EXAMPLES)
@click.option(
    "--only",
    "workloads",
    callback=_workloads,
    default=",".join(USUAL),
    help=f"Workloads, of {', '.join(WORKLOADS)} [default: {', '.join(USUAL)}].",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="In each, every gateway has a turn."
)
@click.option(
    "--duration", "seconds", type=click.FloatRange(0.05), default=1.5, show_default=True, help="Of a turn, in s."
)
@click.option("--requests", type=click.IntRange(1), help="Requests of a turn, instead of --duration.")
@click.option("--clients", type=click.IntRange(1), default=32, show_default=True, help="Kept-alive connections.")
@click.option(
    "--gateway",
    "more",
    multiple=True,
    callback=_gateways,
    metavar="NAME='COMMAND'",
    help="A further gateway; {config} and {port} in its command are replaced. Named reference or proxy: instead of that.",
)
@click.option(
    "--stored",
    is_flag=True,
    help="Measure both with a virtual key and spend, too: the reference on Postgres, the proxy on SQLite, and with limits.",
)
@click.option("--skip", multiple=True, type=click.Choice([REFERENCE, PROXY]), help="Leave this gateway out.")
@click.option(
    "--require", "required", callback=_ratios, metavar="WORKLOAD=RATIO,...", help="Times less CPU the proxy must use."
)
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="Save the result there, too."
)
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
@click.option(
    "--reference-home", envvar="REFERENCE_HOME", default=str(DEFAULT_HOME), help="See tools/reference/run -h."
)
@click.option("--start-timeout", "patience", type=float, default=120.0, show_default=True, help="Of a gateway, in s.")
def main(  # noqa: PLR0917 - the options of the command
    workloads: list[str],
    rounds: int,
    seconds: float,
    requests: int | None,
    clients: int,
    more: list[Gateway],
    stored: bool,
    skip: tuple[str, ...],
    required: dict[str, float],
    json_path: Path | None,
    markdown: bool,
    reference_home: str,
    patience: float,
) -> None:
    """Measure what a request costs in each gateway, in one interleaved run on this machine.

    The reference, this project's proxy and further gateways get the same config and the same work: a chat request, a
    50 kB prompt, a paced stream of 100 chunks, from clients that ask again as soon as they are answered; with --only
    realtime, messages of 100 WebSockets. Measured are the CPU of all of a gateway's processes per request, requests per
    second, latency, resident memory, and the time from the start to the first good answer. Every answer is checked.

    Exit status: 0 fine, 1 a ratio of --require was missed or an answer was wrong, 2 the run could not be made.
    """
    sessions = any(WORKLOADS[name].sessions for name in workloads)
    if stored:
        more = [*more, gateways.stored_reference(reference_home), gateways.stored_proxy(), gateways.limited_proxy()]
    line_up = _line_up(more, skip, gateways.reference(reference_home, sessions=sessions))
    if required and not {REFERENCE, PROXY} <= {gateway.name for gateway in line_up}:
        raise click.UsageError("--require compares the proxy with the reference: neither may be skipped")
    if not required.keys() <= set(workloads):
        raise click.UsageError("--require names a workload that --only leaves out")
    if json_path and not json_path.parent.is_dir():
        raise click.UsageError(f"--json: there is no folder {json_path.parent}")
    try:
        result = _run(Settings(workloads, rounds, seconds, requests, clients, patience), line_up)
    except StartError as error:
        click.echo(f"bench: {error}", err=True)
        sys.exit(2)
    report.show(result, Console(width=None if sys.stdout.isatty() else _FILE_WIDTH), markdown=markdown)
    if json_path:
        json_path.write_bytes(report.to_json(result))
    unmet = missed(result.lines, PROXY, required)
    for text in unmet:
        click.echo(f"bench: {text}", err=True)
    sys.exit(1 if unmet or any(line.failures for line in result.lines) else 0)


def _line_up(more: list[Gateway], skip: tuple[str, ...], reference: Gateway) -> list[Gateway]:
    own = [reference, gateways.proxy()]
    chosen = {gateway.name: gateway for gateway in (*own, *more)}
    line_up = [gateway for name, gateway in chosen.items() if name not in skip]
    if not line_up:
        raise click.UsageError("nothing is left to measure: --skip less, or add a --gateway")
    return line_up


def _run(settings: Settings, line_up: list[Gateway]) -> Report:
    for gateway in line_up:
        gateway.prepare()
    cores = plan_cores()
    pin(cores.rig)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        task = progress.add_task("", total=steps(settings, line_up))

        def step(description: str) -> None:
            progress.update(task, description=description, advance=1)

        measured = measure(settings, line_up, cores, Path(folder), step)
    return report.build(settings, cores, machine.describe(), measured)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt  # so that everything started is stopped


if __name__ == "__main__":
    # SIGINT too: a shell that starts this in the background has it ignored
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    main(prog_name="tools/bench")
