"""Counts kept while calls go on: plain numbers, since a Prometheus client's own objects cost ten times as much."""

from bisect import bisect_left

BUCKETS = (
    *(0.005, 0.00625, 0.0125, 0.025, 0.05, 0.1),
    *(half / 2 for half in range(1, 21)),
    *(15.0, 20.0, 25.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0),
)
"""Upper bounds in seconds; the reference's."""


class Histogram:
    """Observations by bucket."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def add(self, other: "Histogram") -> None:
        """Count all of another."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class Series:
    """Of all calls that look alike."""

    __slots__ = (
        "calls",
        "dollars",
        "first_token",
        "input_tokens",
        "output_tokens",
        "overhead",
        "per_token",
        "total",
        "total_tokens",
        "upstream",
    )

    def __init__(self) -> None:
        self.calls = 0
        self.dollars = 0.0
        self.input_tokens = 0
        self.output_tokens = 0
        self.total_tokens = 0
        self.total = Histogram()
        self.upstream = Histogram()
        self.overhead = Histogram()
        self.first_token = Histogram()
        self.per_token = Histogram()
