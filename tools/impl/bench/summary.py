"""From rounds to figures: one line per workload and gateway, with its ratio to the reference."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from tools.impl.bench.run import Measured, Round
from tools.impl.bench.workloads import WORKLOADS

_RIG_BOUND = 0.9


class Line(msgspec.Struct, frozen=True):
    """A gateway at a workload. Times in seconds.

    `cpu_seconds`: of all its processes per answered request, median of the rounds; None when nothing was answered.
    `cpu_spread`: from the lowest round to the highest, as a share of the median.
    `cpu_ratio`: how many times less CPU than the baseline.
    `added_p99`: how much longer the slowest hundredth takes than without a gateway.
    `first_p50`: to the first byte of a stream.
    `rig_bound`: upstream and load had no CPU left, so that they limited the rate.
    """

    workload: str
    gateway: str
    cpu_seconds: float | None
    cpu_spread: float | None
    cpu_ratio: float | None
    requests_per_second: float
    p50: float | None
    p99: float | None
    first_p50: float | None
    rig_bound: bool
    answered: int
    failures: dict[str, int]
    added_p99: float | None = None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile: the smallest value that at least `share` of all values do not exceed."""
    if not values:
        return None
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def summarise(measured: Measured) -> list[Line]:
    """In the order of the run: workloads, in each the gateways as they were started."""
    baselines = {started.name: started.baseline for started in measured.started}
    lines = []
    for workload in measured.direct:
        of_workload = [each for each in measured.rounds if each.workload == workload]
        cpu = {name: _cpu([each for each in of_workload if each.gateway == name]) for name in baselines}
        made = [_line(workload, name, of_workload, cpu, of) for name, of in baselines.items()]
        alone = percentile(measured.direct[workload].latencies, 0.99)
        lines += [msgspec.structs.replace(line, added_p99=_more(line.p99, alone)) for line in made]
    return lines


def missed(lines: Sequence[Line], gateway: str, required: Mapping[str, float]) -> list[str]:
    """The required ratios that `gateway` does not reach, each in words."""
    ratios = {line.workload: line.cpu_ratio for line in lines if line.gateway == gateway}
    words = []
    for workload, wanted in required.items():
        ratio = ratios.get(workload)
        if ratio is None:
            words.append(f"{workload}: nothing to compare was measured, {wanted:g} times less CPU is required")
        elif ratio < wanted:
            words.append(f"{workload}: {ratio:.1f} times less CPU than the baseline, {wanted:g} is required")
    return words


def _cpu(rounds: Sequence[Round]) -> list[float]:
    return [each.cpu_seconds / len(each.outcome.latencies) for each in rounds if each.outcome.latencies]


def _line(
    workload: str, gateway: str, of_workload: Sequence[Round], cpu: Mapping[str, list[float]], baseline: str
) -> Line:
    rounds = [each for each in of_workload if each.gateway == gateway]
    latencies = [value for each in rounds for value in each.outcome.latencies]
    failures: Counter[str] = Counter()
    for each in rounds:
        failures.update(each.outcome.failures)
    own, base = _median(cpu[gateway]), _median(cpu.get(baseline, []))
    stream = WORKLOADS[workload].stream
    return Line(
        workload=workload,
        gateway=gateway,
        cpu_seconds=own,
        cpu_spread=(max(cpu[gateway]) - min(cpu[gateway])) / own if own else None,
        cpu_ratio=base / own if own and base else None,
        requests_per_second=statistics.median(len(each.outcome.latencies) / each.outcome.seconds for each in rounds),
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
        first_p50=percentile([value for each in rounds for value in each.outcome.first], 0.50) if stream else None,
        rig_bound=statistics.median(each.rig_busy for each in rounds) > _RIG_BOUND,
        answered=len(latencies),
        failures=dict(failures),
    )


def _more(value: float | None, than: float | None) -> float | None:
    return None if value is None or than is None else max(value - than, 0.0)


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None
