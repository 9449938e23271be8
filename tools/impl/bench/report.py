"""What a run says: tables for people, JSON for machines."""

import msgspec
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.impl.bench.machine import Machine
from tools.impl.bench.processes import Cores
from tools.impl.bench.run import Measured, Settings, Started
from tools.impl.bench.summary import Line, summarise
from tools.impl.bench.workloads import WORKLOADS

_FIGURES = (
    "CPU per request",
    "spread",
    "times less",
    "requests/s",
    "p50",
    "p99",
    "added p99",
    "first byte p50",
    "answered",
    "failed",
)


class Report(msgspec.Struct, frozen=True):
    """The machine format. `direct_per_second`: by workload, what the rig reaches with no gateway between."""

    machine: Machine
    cores: Cores
    settings: Settings
    gateways: list[Started]
    lines: list[Line]
    direct_per_second: dict[str, float]
    format: int = 1


def build(settings: Settings, cores: Cores, machine: Machine, measured: Measured) -> Report:
    lines = summarise(measured)
    direct = {name: len(outcome.latencies) / outcome.seconds for name, outcome in measured.direct.items()}
    return Report(machine, cores, settings, measured.started, lines, direct)


def to_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def show(report: Report, console: Console, *, markdown: bool = False) -> None:
    style = box.MARKDOWN if markdown else box.SIMPLE_HEAD
    console.print(_work_table(report, style))
    console.print(_gateway_table(report, style))
    console.print(f"{report.machine}", highlight=False)
    console.print(
        f"{report.settings.clients} clients, {report.settings.rounds} rounds; {report.cores}", highlight=False
    )
    direct = ", ".join(f"{name} {rate:,.0f}" for name, rate in report.direct_per_second.items())
    console.print(f"requests per second without a gateway: {direct}", highlight=False)
    if any(line.rig_bound for line in report.lines):
        console.print("* upstream and load had no CPU left: the gateway can answer more")
    for line in report.lines:
        for reason, count in line.failures.items():
            console.print(f"[red]{line.workload}, {line.gateway}: {count} x {escape(reason)}[/red]", highlight=False)


def _work_table(report: Report, style: box.Box) -> Table:
    table = Table(box=style)
    table.add_column("workload")
    table.add_column("gateway")
    for title in _FIGURES:
        table.add_column(title, justify="right")
    for line in report.lines:
        failed = sum(line.failures.values())
        table.add_row(
            WORKLOADS[line.workload].title,
            line.gateway,
            duration(line.cpu_seconds),
            _optional("{:.0%}", line.cpu_spread),
            _optional("{:.1f}", line.cpu_ratio),
            f"{line.requests_per_second:,.0f}{'*' if line.rig_bound else ''}",
            duration(line.p50),
            duration(line.p99),
            duration(line.added_p99),
            duration(line.first_p50),
            f"{line.answered:,}",
            f"[red]{failed:,}[/red]" if failed else "0",
            end_section=line.gateway == report.gateways[-1].name,
        )
    return table


def _gateway_table(report: Report, style: box.Box) -> Table:
    table = Table(box=style)
    table.add_column("gateway")
    table.add_column("version")
    for title in ("ready after", "resident", "processes"):
        table.add_column(title, justify="right")
    for each in report.gateways:
        resident = f"{each.resident_bytes / 2**20:.0f} MiB"
        table.add_row(each.name, each.version or "-", duration(each.ready_seconds), resident, str(each.processes))
    return table


def duration(seconds: float | None) -> str:
    """With the unit that suits it, to three figures."""
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds / size < 100 else f"{seconds / size:,.0f} {unit}"
    return f"{seconds * 1e6:.0f} us"


def _optional(form: str, value: float | None) -> str:
    return "-" if value is None else form.format(value)
