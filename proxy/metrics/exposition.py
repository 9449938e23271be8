"""The counts in Prometheus' text format.

Imported when somebody asks for it: the client library is for the format alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from proxy.config.redact import without_query
from proxy.deployment import Deployment
from proxy.metrics.names import ATTEMPT, COUNTERS, DEPLOYMENT, DURATIONS, ERROR, FALLBACK
from proxy.metrics.recorder import Caller, CallLabels, FailureLabels, Recorder
from proxy.metrics.series import BUCKETS, Histogram, Series
from proxy.routing.cooldown import Cooldowns

Labels = dict[str, str]
Sample = tuple[Labels, float]

NONE = "None"
"""How the reference writes an absent label."""
HEALTHY, LAST_FAILED, COOLING = 0, 1, 2
BOUNDS = (*(str(bound) for bound in BUCKETS), "+Inf")


class Queued(NamedTuple):
    """Calls with a priority, by model group."""

    depths: Mapping[str, int]
    """How many wait now."""
    waits: Mapping[str, Histogram]
    """Seconds that they waited."""


NOBODY_QUEUED = Queued({}, {})


def exposition(
    recorder: Recorder,
    cooldowns: Cooldowns,
    deployments: Sequence[Deployment],
    in_progress: int,
    queued: Queued = NOBODY_QUEUED,
) -> bytes:
    """Everything that is known now; ``deployments`` are those of the current config."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Counts(recorder, cooldowns, deployments, in_progress, queued))
    return generate_latest(registry)


class _Counts(Collector):
    def __init__(
        self,
        recorder: Recorder,
        cooldowns: Cooldowns,
        deployments: Sequence[Deployment],
        in_progress: int,
        queued: Queued,
    ) -> None:
        self._recorder = recorder
        self._cooldowns = cooldowns
        self._deployments = deployments
        self._in_progress = in_progress
        self._queued = queued

    def collect(self) -> Iterator[Metric]:
        """Every metric. Calls go on meanwhile: dictionaries are copied before they are walked."""
        calls = [(of, self._of_call(of), series) for of, series in self._recorder.calls.copy().items()]
        for counter in COUNTERS:
            samples = ((labels, counter.value(series)) for of, labels, series in calls if counter.counts(of))
            yield _counter(counter.name, counter.text, counter.labels, samples)
        for duration in DURATIONS:
            times = ((labels, duration.value(series)) for _, labels, series in calls)
            yield _histogram(duration.name, duration.text, duration.labels, times)
        yield from self._attempts(calls)
        yield from self._fallbacks()
        yield from self._health()
        yield from self._queue()

    def _attempts(self, calls: list[tuple[CallLabels, Labels, Series]]) -> Iterator[Metric]:
        good: list[Sample] = [
            (labels, series.calls) for of, labels, series in calls if of.failed is None and of.deployment_id
        ]
        bad: list[Sample] = [(self._of_failure(of), count) for of, count in self._recorder.failures.copy().items()]
        yield _counter("litellm_deployment_total_requests", "Attempts", ATTEMPT, [*good, *bad])
        yield _counter("litellm_deployment_success_responses", "Attempts that went well", ATTEMPT, good)
        yield _counter("litellm_deployment_failure_responses", "Attempts that failed", (*ATTEMPT, *ERROR), bad)

    def _fallbacks(self) -> Iterator[Metric]:
        good: list[Sample] = []
        bad: list[Sample] = []
        for of, count in self._recorder.fallbacks.copy().items():
            labels = _of_caller(of.caller) | _of_error(of.status, of.error)
            labels |= {"requested_model": of.requested, "fallback_model": of.fallback, "model_id": NONE}
            (good if of.succeeded else bad).append((labels, count))
        yield _counter("litellm_deployment_successful_fallbacks", "Fallbacks that answered", FALLBACK, good)
        yield _counter("litellm_deployment_failed_fallbacks", "Fallbacks that failed too", FALLBACK, bad)

    def _health(self) -> Iterator[Metric]:
        cooled: list[Sample] = [
            (self._of_deployment(of.deployment_id, of.model) | {"exception_status": str(of.status)}, count)
            for of, count in self._recorder.cooldowns.copy().items()
        ]
        labels = (*DEPLOYMENT, "exception_status")
        yield _counter("litellm_deployment_cooled_down", "Cooldowns that began", labels, cooled)
        known = [(_describe(deployment), deployment) for deployment in self._deployments]
        states = [(labels, float(self._state(deployment))) for labels, deployment in known]
        text = "0: healthy, 1: the last attempt failed, 2: cooling down"
        yield _gauge("litellm_deployment_state", text, DEPLOYMENT, states)
        for limit, unit in (("tpm", "Tokens"), ("rpm", "Requests")):
            limits = [(labels, getattr(deployment.params, limit)) for labels, deployment in known]
            given = [(labels, value) for labels, value in limits if value is not None]
            yield _gauge(f"litellm_deployment_{limit}_limit", f"{unit} a minute, as configured", DEPLOYMENT, given)
        yield _gauge("tianji_calls_in_progress", "Model calls in progress", (), [({}, self._in_progress)])

    def _queue(self) -> Iterator[Metric]:
        depths = [({"model_group": name}, count) for name, count in self._queued.depths.items()]
        yield _gauge("tianji_queue_depth", "Calls with a priority that wait for room", ("model_group",), depths)
        waits = [({"model_group": name}, waits) for name, waits in self._queued.waits.items()]
        text = "Seconds that calls with a priority waited, those included that gave up"
        yield _histogram("tianji_queue_wait_seconds", text, ("model_group",), waits)

    def _state(self, deployment: Deployment) -> int:
        if self._cooldowns.remaining(deployment):
            return COOLING
        return LAST_FAILED if deployment.id in self._recorder.last_failed else HEALTHY

    def _of_call(self, of: CallLabels) -> Labels:
        return {
            **_of_caller(of.caller),
            **_of_client(of),
            **_of_error(of.status, of.failed or NONE),
            **self._of_deployment(of.deployment_id, of.model),
            "route": of.route,
            "requested_model": of.requested or NONE,
            "model": of.model or of.requested or NONE,
            "model_group": of.requested or NONE,
            "status_code": str(of.status),
        }

    def _of_failure(self, of: FailureLabels) -> Labels:
        return {
            **_of_caller(of.caller),
            **_of_client(of),
            **_of_error(of.status, of.error),
            **self._of_deployment(of.deployment_id, of.model),
            "requested_model": of.requested,
        }

    def _of_deployment(self, deployment_id: str | None, model: str | None) -> Labels:
        deployment = self._recorder.deployments.get((deployment_id or "", model or ""))
        if deployment is not None:
            return _describe(deployment)
        return {
            "litellm_model_name": model or NONE,
            "model_id": deployment_id or NONE,
            "api_base": NONE,
            "api_provider": NONE,
        }


def _describe(deployment: Deployment) -> Labels:
    return {
        "litellm_model_name": deployment.model,
        "model_id": deployment.id,
        "api_base": without_query(deployment.params.api_base or ""),
        "api_provider": deployment.provider,
    }


def _of_caller(caller: Caller) -> Labels:
    """No hash of a key: the page is open, and from the hash of a short master key the key can be guessed."""
    return {
        "end_user": NONE,
        "hashed_api_key": NONE,
        "api_key_alias": caller.key_alias or NONE,
        "team": caller.team or NONE,
        "team_alias": NONE,
        "user": caller.user or NONE,
        "user_email": NONE,
    }


def _of_client(of: CallLabels | FailureLabels) -> Labels:
    return {"client_ip": of.client_ip or NONE, "user_agent": of.user_agent.decode("latin-1") or NONE}


def _of_error(status: int, name: str) -> Labels:
    return {"exception_status": str(status), "exception_class": name}


def _counter(name: str, text: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    """Samples that differ in other labels alone are added up."""
    sums: dict[tuple[str, ...], float] = {}
    for given, value in samples:
        if value:
            key = tuple(given[label] for label in labels)
            sums[key] = sums.get(key, 0.0) + value
    family = CounterMetricFamily(name, text, labels=labels)
    for key, total in sums.items():
        family.add_metric(key, total)
    return family


def _gauge(name: str, text: str, labels: Sequence[str], samples: Iterable[Sample]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for given, value in samples:
        family.add_metric([given[label] for label in labels], value)
    return family


def _histogram(name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[Labels, Histogram]]) -> Metric:
    sums: dict[tuple[str, ...], Histogram] = {}
    for given, histogram in samples:
        if any(histogram.counts):
            sums.setdefault(tuple(given[label] for label in labels), Histogram()).add(histogram)
    family = HistogramMetricFamily(name, text, labels=labels)
    for key, histogram in sums.items():
        count = 0
        buckets: list[tuple[str, float]] = []
        for bound, more in zip(BOUNDS, histogram.counts, strict=True):
            count += more
            buckets.append((bound, count))
        family.add_metric(key, buckets, histogram.total)
    return family
