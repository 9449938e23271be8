"""What ``/metrics`` tells, recorded as calls end. One dictionary look-up and some additions a call (3 us, measured)."""

import logging
import re
from collections.abc import Callable
from typing import NamedTuple

from proxy.call import NOBODY, Call, FailedAttempt, Outcome
from proxy.config.model import RouterSettings
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.metrics.series import Series
from proxy.routing.cooldown import Cooldowns

log = logging.getLogger(__name__)

MAX_SERIES = 2000
"""Clients choose some labels (user agent, model); beyond so many combinations those are all ``other``."""
OTHER = "other"
CLIENT_GONE = 499
"""Status of calls whose client left before the answer; no client sees it."""
ROUTES = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "embeddings": "/v1/embeddings",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "realtime": "/v1/realtime",
    "vertex_live": "/vertex_ai/live",
}
"""By endpoint; shown of calls whose path holds a name that the client chose."""
_PLAIN_PATHS = frozenset(ROUTES.values()).union(path.removeprefix("/v1") for path in ROUTES.values())

_class_name = re.compile(r"litellm\.(\w+)")


class Caller(NamedTuple):
    """Labels of who called."""

    key_alias: str | None
    team: str | None
    user: str | None


class CallLabels(NamedTuple):
    """What tells one series of calls from another."""

    route: str
    requested: str
    caller: Caller
    status: int
    failed: str | None
    """The class of the error; ``None`` when the call went well."""
    deployment_id: str | None
    model: str | None
    client_ip: str | None
    user_agent: bytes


class FailureLabels(NamedTuple):
    """What tells one series of failed attempts from another."""

    requested: str
    caller: Caller
    deployment_id: str
    model: str
    status: int
    error: str
    client_ip: str | None
    user_agent: bytes


class FallbackLabels(NamedTuple):
    """What tells one series of fallbacks from another."""

    requested: str
    fallback: str
    caller: Caller
    status: int
    error: str
    succeeded: bool


class CooldownLabels(NamedTuple):
    """What tells one series of cooldowns from another."""

    deployment_id: str
    model: str
    status: int


class Recorder:
    """The counts of this process since it began. They outlive snapshots."""

    def __init__(self) -> None:
        self.calls: dict[CallLabels, Series] = {}
        self.failures: dict[FailureLabels, int] = {}
        self.fallbacks: dict[FallbackLabels, int] = {}
        self.cooldowns: dict[CooldownLabels, int] = {}
        self.deployments: dict[tuple[str, str], Deployment] = {}
        """By id and model: whom the labels speak of."""
        self.last_failed: set[str] = set()
        """Ids of deployments whose last attempt failed."""

    def ended(self, call: Call, outcome: Outcome) -> None:
        """Count a call that has ended."""
        identity = call.identity
        caller = Caller(identity.key_alias, identity.team_id, identity.user_id)
        # strangers choose no labels: they could fill the memory
        known = identity is not NOBODY
        agent = call.headers.get(b"user-agent", b"") if known else b""
        route = outcome.route
        answering = deployment = route.deployment if route is not None else outcome.deployment
        if outcome.failures:
            self._failed(call, outcome, caller, agent)
            deployment = deployment or outcome.failures[-1].deployment
        status = outcome.status
        failed: str | None = None
        if outcome.ending == "client-closed":
            if answering is None:
                status, failed = CLIENT_GONE, "ClientDisconnected"
        elif outcome.ending == "failed" or status >= 400:
            failed = error_class(outcome)
        labels = CallLabels(
            call.path if call.path in _PLAIN_PATHS else ROUTES.get(call.endpoint, call.endpoint),
            call.model,
            caller,
            status,
            failed,
            None if deployment is None else deployment.id,
            None if deployment is None else deployment.model,
            call.client_ip if known else None,
            agent,
        )
        series = self.calls.get(labels)
        if series is None:
            series = self._new_series(labels, call, deployment)
        series.calls += 1
        if answering is not None:
            _measure(series, outcome, answered=failed is None)
            if failed is None:
                self.last_failed.discard(answering.id)

    def cooled_down(self, deployment: Deployment, failure: Failure) -> None:
        """Count a cooldown that begins."""
        self._remember(deployment)
        labels = CooldownLabels(deployment.id, deployment.model, failure.status)
        self.cooldowns[labels] = self.cooldowns.get(labels, 0) + 1

    def _remember(self, deployment: Deployment) -> None:
        if len(self.deployments) < MAX_SERIES:
            self.deployments.setdefault((deployment.id, deployment.model), deployment)

    def _new_series(self, labels: CallLabels, call: Call, deployment: Deployment | None) -> Series:
        if deployment is not None:
            self._remember(deployment)
        if len(self.calls) >= MAX_SERIES:
            requested = labels.requested if labels.requested in call.snapshot.router.groups.by_name else OTHER
            labels = labels._replace(
                requested=requested,
                model=OTHER if labels.model else None,
                client_ip=OTHER,
                user_agent=OTHER.encode(),
            )
        return self.calls.setdefault(labels, Series())

    def _failed(self, call: Call, outcome: Outcome, caller: Caller, agent: bytes) -> None:
        for attempt in outcome.failures:
            deployment, failure = attempt.deployment, attempt.failure
            self.last_failed.add(deployment.id)
            self._remember(deployment)
            error = attempt_error_class(attempt)
            labels = FailureLabels(
                call.model, caller, deployment.id, deployment.model, failure.status, error, call.client_ip, agent
            )
            if len(self.failures) >= MAX_SERIES and labels not in self.failures:
                labels = labels._replace(requested=OTHER, model=OTHER, client_ip=OTHER, user_agent=OTHER.encode())
            self.failures[labels] = self.failures.get(labels, 0) + 1
        self._fell_back(call, outcome, caller)

    def _fell_back(self, call: Call, outcome: Outcome, caller: Caller) -> None:
        """Each group that was tried in place of the requested one: those that failed, and the one that answered."""
        first = outcome.failures[0]
        answered = outcome.route.hop.model if outcome.route is not None and outcome.ending != "failed" else None
        tried = dict.fromkeys(attempt.group for attempt in outcome.failures)
        for group in [*tried, *([] if answered is None or answered in tried else [answered])]:
            if group != call.model:
                labels = FallbackLabels(
                    call.model, group, caller, first.failure.status, attempt_error_class(first), group == answered
                )
                if labels in self.fallbacks or len(self.fallbacks) < MAX_SERIES:
                    self.fallbacks[labels] = self.fallbacks.get(labels, 0) + 1


class CountedCooldowns(Cooldowns):
    """Cooldowns that tell the recorder when one begins."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self.on_begin: Callable[[Deployment, Failure, float], None] | None = None
        """Told of each that begins, and its seconds."""

    def failed(self, deployment: Deployment, group_size: int, failure: Failure, settings: RouterSettings) -> None:
        """See :meth:`Cooldowns.failed`."""
        healthy = not self.remaining(deployment)
        super().failed(deployment, group_size, failure, settings)
        if healthy and self.remaining(deployment):
            seconds = self.remaining(deployment)
            log.warning(
                "deployment %s of %s cools down for %.0f s: %s", deployment.id, deployment.group, seconds, failure
            )
            self._recorder.cooled_down(deployment, failure)
            if self.on_begin is not None:
                self.on_begin(deployment, failure, seconds)


def _measure(series: Series, outcome: Outcome, *, answered: bool) -> None:
    usage = outcome.usage
    series.input_tokens += usage.prompt_tokens
    series.output_tokens += usage.completion_tokens
    series.total_tokens += usage.total_tokens
    if outcome.cost is not None:
        series.dollars += outcome.cost
    if not answered:
        return
    waited = outcome.upstream_seconds
    series.total.observe(outcome.seconds)
    series.upstream.observe(waited)
    series.overhead.observe(max(0.0, outcome.seconds - waited))
    if usage.completion_tokens:
        series.per_token.observe(waited / usage.completion_tokens)
    if outcome.first_token_seconds is not None:
        series.first_token.observe(outcome.first_token_seconds)


def error_class(outcome: Outcome) -> str:
    """The class of a failed call's error: the last attempt's, else the gateway's own."""
    if outcome.failures:
        return attempt_error_class(outcome.failures[-1])
    message = outcome.error or ""
    found = _class_name.search(message)
    if found is not None:
        return found[1]
    return "ProxyModelNotFoundError" if "Invalid model name passed" in message else "ProxyException"


def attempt_error_class(attempt: FailedAttempt) -> str:
    """As the reference writes it: ``Openai.InternalServerError``."""
    found = _class_name.search(attempt.failure.message)
    name = found[1] if found is not None else type(attempt.failure).__name__
    return f"{attempt.deployment.provider.capitalize()}.{name}"
