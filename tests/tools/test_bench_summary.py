"""From rounds to figures, and from figures to tables."""

import io

import pytest
from rich.console import Console

from tools.impl.bench import machine, report
from tools.impl.bench.load import Outcome
from tools.impl.bench.processes import Cores
from tools.impl.bench.run import Measured, Round, Settings, Started
from tools.impl.bench.summary import Line, missed, percentile, summarise


def outcome(latencies: list[float], failures: dict[str, int] | None = None, seconds: float = 2.0) -> Outcome:
    return Outcome(seconds, latencies, [value / 2 for value in latencies], failures or {})


def rounds(
    gateway: str, *cpu_seconds: float, workload: str = "chat", answered: int = 10, busy: float = 0.2
) -> list[Round]:
    return [Round(workload, gateway, outcome([0.010] * answered), seconds, busy) for seconds in cpu_seconds]


def measured(*all_rounds: Round, direct: tuple[str, ...] = ("chat",)) -> Measured:
    names = dict.fromkeys(each.gateway for each in all_rounds)
    started = [Started(name, None, [name], "reference", 0.5, 2**20 * 100, 1) for name in names]
    return Measured(started, list(all_rounds), {name: outcome([0.001] * 2000) for name in direct})


def line_of(lines: list[Line], gateway: str) -> Line:
    return next(line for line in lines if line.gateway == gateway)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)])
def test_percentiles_are_values_that_were_seen(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.5) is None


def test_cpu_is_per_answered_request_and_the_median_round_counts() -> None:
    [line] = summarise(measured(*rounds("proxy", 0.010, 0.020, 0.900)))
    assert line.cpu_seconds == pytest.approx(0.002)
    assert line.cpu_spread == pytest.approx((0.090 - 0.001) / 0.002)


def test_the_ratio_says_how_many_times_less_than_the_baseline() -> None:
    lines = summarise(measured(*rounds("reference", 0.500, 0.500), *rounds("proxy", 0.020, 0.020)))
    assert line_of(lines, "proxy").cpu_ratio == pytest.approx(25)
    assert line_of(lines, "reference").cpu_ratio == pytest.approx(1)


def test_without_the_baseline_there_is_no_ratio() -> None:
    [line] = summarise(measured(*rounds("proxy", 0.020)))
    assert line.cpu_ratio is None


def test_ratios_compare_within_a_workload() -> None:
    chat = [*rounds("reference", 0.5), *rounds("proxy", 0.1)]
    stream = [*rounds("reference", 0.5, workload="stream"), *rounds("proxy", 0.05, workload="stream")]
    lines = summarise(measured(*chat, *stream, direct=("chat", "stream")))
    assert [(line.workload, line.gateway, round(line.cpu_ratio or 0)) for line in lines] == [
        ("chat", "reference", 1),
        ("chat", "proxy", 5),
        ("stream", "reference", 1),
        ("stream", "proxy", 10),
    ]


def test_latencies_of_all_rounds_are_pooled_and_the_rate_is_the_median() -> None:
    both = [
        Round("chat", "proxy", outcome([0.010] * 10), 0.1, 0.2),
        Round("chat", "proxy", outcome([0.030] * 30), 0.1, 0.2),
    ]
    [line] = summarise(measured(*both))
    assert (line.p50, line.p99, line.answered) == (0.030, 0.030, 40)
    assert line.requests_per_second == pytest.approx((10 / 2 + 30 / 2) / 2)


def test_the_first_byte_is_reported_for_streams_alone() -> None:
    both = [*rounds("proxy", 0.1), *rounds("proxy", 0.1, workload="stream")]
    chat, stream = summarise(measured(*both, direct=("chat", "stream")))
    assert chat.first_p50 is None
    assert stream.first_p50 == pytest.approx(0.005)


def test_failures_add_up_and_wrong_answers_are_no_answers() -> None:
    failing = [
        Round("chat", "proxy", outcome([0.010] * 5, {"status 503": 5}), 0.1, 0.2),
        Round("chat", "proxy", outcome([], {"status 503": 3, "not HTTP": 1}), 0.1, 0.2),
    ]
    [line] = summarise(measured(*failing))
    assert line.failures == {"status 503": 8, "not HTTP": 1}
    assert line.answered == 5
    assert line.cpu_seconds == pytest.approx(0.1 / 5)


def test_a_gateway_that_answered_nothing_has_no_cost_and_misses_every_ratio() -> None:
    nothing = Round("chat", "proxy", outcome([], {"status 500": 9}), 0.1, 0.2)
    lines = summarise(measured(*rounds("reference", 0.5), nothing))
    line = line_of(lines, "proxy")
    assert (line.cpu_seconds, line.cpu_ratio, line.p50) == (None, None, None)
    assert missed(lines, "proxy", {"chat": 2}) == [
        "chat: nothing to compare was measured, 2 times less CPU is required"
    ]


@pytest.mark.parametrize(("busy", "bound"), [(0.5, False), (0.97, True)])
def test_a_rate_that_the_rig_limited_is_marked(busy: float, bound: bool) -> None:
    [line] = summarise(measured(*rounds("proxy", 0.1, busy=busy)))
    assert line.rig_bound is bound


def test_required_ratios_are_reached_exactly_or_missed() -> None:
    lines = summarise(measured(*rounds("reference", 0.500), *rounds("proxy", 0.020)))
    assert missed(lines, "proxy", {"chat": 25}) == []
    assert missed(lines, "proxy", {"chat": 25.1}) == [
        "chat: 25.0 times less CPU than the baseline, 25.1 is required",
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0.000257, "257 us"), (0.00513, "5.13 ms"), (0.251, "251 ms"), (2.5, "2.5 s"), (123.4, "123 s")],
)
def test_durations_have_a_unit_that_suits_them(seconds: float | None, shown: str) -> None:
    assert report.duration(seconds) == shown


def shown(seen: Measured, *, markdown: bool = False) -> str:
    settings = Settings(["chat"], 1, 2.0, None, 32, 60.0)
    built = report.build(settings, Cores([0], [1]), machine.describe(), seen)
    console = Console(file=io.StringIO(), width=160)
    report.show(built, console, markdown=markdown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_shows_cost_ratio_memory_and_where_it_ran() -> None:
    text = shown(measured(*rounds("reference", 0.500), *rounds("proxy", 0.020)))
    [proxy, started] = [line.split() for line in text.splitlines() if "proxy" in line]
    assert proxy[:7] == ["chat", "request", "proxy", "2", "ms", "0%", "25.0"]
    assert started == ["proxy", "-", "500", "ms", "100", "MiB", "1"]
    assert "gateways on core 0, upstream and load on core 1" in text
    assert "without a gateway: chat 1,000" in text


def test_the_tables_can_stand_in_a_readme() -> None:
    text = shown(measured(*rounds("proxy", 0.020)), markdown=True)
    assert "| chat request | proxy" in " ".join(text.split())


def test_failures_and_limits_of_the_rig_are_told_below_the_table() -> None:
    failing = Round("chat", "proxy", outcome([0.01], {"99 chunks of 100 arrived [x]": 7}), 0.1, 0.95)
    text = shown(measured(failing))
    assert "chat, proxy: 7 x 99 chunks of 100 arrived [x]" in text
    assert "upstream and load had no CPU left" in text
