"""The plan of one call: which deployment is tried next, when, and when to give up. Pure: no I/O, no clock of its own.

A plan is a generator. It yields decisions (:class:`Try`, :class:`Wait`, :class:`Stand`, :class:`Choose`, :class:`Admit`), is
sent the outcome of each attempt (``None`` when it went well, else the :class:`~proxy.errors.Failure`), and returns the
:class:`Route` that answered or raises the failure that the client shall see.

Order: retries inside the model group first; then its fallbacks one by one, each with its own retries; then the fallbacks
of those fallbacks, down to ``max_fallbacks`` levels. No group is tried twice. (The reference tries a fallback's own
fallbacks before the next of the list, and may go round in circles: declared deviations of A4.)
"""

from collections.abc import Generator, Sequence
from functools import cached_property
from typing import Any

import msgspec

from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.routing.choosing import Chooser
from proxy.routing.fallbacks import FallbackLists, Targets, annotate
from proxy.routing.refusals import Denied, Full, NoneLeft, OverLimits
from proxy.routing.request import RouteRequest
from proxy.routing.router import Router

MAX_GROUPS = 100
"""Fallback groups that one call may try: lists are the client's, and wildcards serve endless names."""


class Hop(msgspec.Struct, frozen=True):
    """A model group in the plan, and the request fields that a fallback entry replaces."""

    model: str
    replaced: dict[str, Any] = {}
    named: bool = False
    """Whether it is a fallback that the client named."""


class Try(msgspec.Struct, frozen=True):
    """Send the call to this deployment."""

    deployment: Deployment
    hop: Hop
    chosen: str | None = None
    """The model group that an auto router chose; ``None``: the hop's is none."""


class Choose(msgspec.Struct):
    """Let an auto router choose the model group that serves a hop, and set ``group`` to it."""

    chooser: Chooser
    group: str | None = None
    """``None``: nothing can be chosen by; then nobody else can serve the call."""


class Admit(msgspec.Struct, frozen=True):
    """Ask whether the caller may go on to models that it was not let in for, all of which one attempt is about; sent
    back is why not."""

    models: Sequence[str]


class Wait(msgspec.Struct, frozen=True):
    """Let so many seconds pass."""

    seconds: float


class Stand(msgspec.Struct, frozen=True):
    """Wait in the queue of a model group until it is the call's turn, and one of its deployments has room."""

    line: str
    """The queue: a group's own name, whatever the call named it by."""
    candidates: Sequence[Deployment]
    full: set[str]
    """Ids of those that turned out to have no room; to be emptied when that may have changed."""
    limited: bool
    """Whether there is room for so many calls only."""
    falls_back: bool
    """Whether there is no need to wait for deployments that are all cooling down."""


class Route(msgspec.Struct, frozen=True):
    """The way that led to an answer."""

    deployment: Deployment
    hop: Hop
    retries: int
    max_retries: int | None
    """Allowed retries, known only once a retry was made."""
    fallbacks: int
    """Place, from 1, in the requested group's list of the fallback that answered, or whose own fallback did; 0: none."""


Steps = Generator[Try | Wait | Stand | Choose | Admit, Failure | None, Route]


class Plan:
    """Decides for one call. ``request`` says what the client asked for."""

    def __init__(self, router: Router, request: RouteRequest) -> None:
        self._router = router
        self._request = request
        self._fallbacks = 0

    @cached_property
    def _lists(self) -> FallbackLists:
        """Worked out on the first failure: most calls have none."""
        return FallbackLists(self._router.settings, self._request)

    def steps(self) -> Steps:
        """The whole plan, from the requested group on."""
        try:
            if self._request.mock_failure is not None:
                raise self._request.mock_failure
            return (yield from self._group(Hop(self._request.model)))
        except Denied:
            raise  # as at the door: a call that is refused has no fallback
        except Failure as failure:
            return (yield from self.after(failure))

    def after(self, failure: Failure) -> Steps:
        """The fallbacks of the requested group, after ``failure``. Raises it, extended, when they fail too."""
        model = self._request.model
        if self._request.disable_fallbacks:
            raise failure
        targets = self._lists.after(model, failure)
        last = failure
        if targets.tried and self._request.max_fallbacks > 0:
            try:
                return (yield from self._levels(targets, failure))
            except Failure as error:
                last = error
        annotate(failure, model, targets.shown, last.text() if self._lists.quotes_itself(failure) else None)
        raise failure

    def _levels(self, targets: Targets, original: Failure) -> Steps:
        """Breadth first: all targets, then the fallbacks of those that failed. Raises the last failure."""
        seen = {self._request.model}
        last = original
        level = [(0, hop) for hop in _hops(targets, self._request.model)]
        for _ in range(self._request.max_fallbacks):
            following: list[tuple[int, Hop]] = []
            for position, hop in level:
                if hop.model in seen:
                    continue
                if len(seen) > MAX_GROUPS:
                    raise last
                seen.add(hop.model)
                self._fallbacks = position or self._fallbacks + 1
                try:
                    return (yield from self._group(hop))
                except Failure as failure:
                    last = failure
                    own = _hops(self._own_fallbacks(hop.model, failure), self._request.model)
                    following.extend((self._fallbacks, child) for child in own)
            level = following
        raise last

    def _own_fallbacks(self, model: str, failure: Failure) -> Targets:
        targets = self._lists.after(model, failure)
        annotate(failure, model, targets.shown, failure.text() if self._lists.quotes_itself(failure) else None)
        return targets

    def _group(self, hop: Hop) -> Steps:
        """One model group with its retries."""
        router = self._router
        candidates, chosen = yield from self._serving(hop)
        group = router.groups.unaliased(chosen or hop.model)
        if self._request.pinned is not None:
            candidates = tuple(d for d in candidates if d.id == self._request.pinned) or candidates
        first: Failure | None = None
        allowed = made = 0
        failed: set[str] = set()
        while True:
            try:
                if self._request.priority is None:
                    deployment = router.pick(group, candidates, failed, self._request)
                    failure = yield Try(deployment, hop, chosen)
                else:
                    deployment, failure = yield from self._in_turn(hop, chosen, group, candidates, failed)
            except Failure as refusal:
                raise first or refusal from None
            if failure is None:
                router.cooldowns.succeeded(deployment)
                return Route(deployment, hop, made, allowed if made else None, self._fallbacks)
            router.cooldowns.failed(deployment, len(candidates), failure, router.settings)
            failed.add(deployment.id)
            if first is None:
                first, allowed = failure, self._retries(hop.model, deployment, failure, candidates)
            left = self._left(group, candidates)
            if made >= allowed or not (left or self._waits_for_nobody(hop.model, first)):
                first.retries = (made, allowed) if made else None
                raise first
            if not any(d.id not in failed for d in left):
                failed = {deployment.id}  # a new round begins, and not with the one that just failed
                yield Wait(router.backoff(failure, made))
            made += 1

    def _serving(
        self, hop: Hop
    ) -> Generator[Choose | Admit, Failure | None, tuple[tuple[Deployment, ...], str | None]]:
        """The deployments of a group, or those that an auto router among them chooses, and their group.

        Raises:
            Failure: there are none, or the caller may not go on to them.
        """
        router, chosen = self._router, None
        candidates = router.candidates(hop.model)
        chooser = router.chooser(candidates) if router.choosers else None
        if chooser is not None:
            choice = Choose(chooser)
            yield choice
            chosen = choice.group
        models = [hop.model] if hop.named else []
        if chosen is not None:
            models.append(chosen)
        if models:
            refusal = yield Admit(models)
            if refusal is not None:
                raise refusal
        return candidates if chosen is None else router.candidates(chosen), chosen

    def _in_turn(
        self, hop: Hop, chosen: str | None, group: str, candidates: tuple[Deployment, ...], failed: set[str]
    ) -> Generator[Stand | Try, Failure | None, tuple[Deployment, Failure | None]]:
        """An attempt when it is the call's turn, and what came of it; deployments at their limits are waited for.

        Raises:
            Failure: see :meth:`Router.suitable`.
        """
        router, full = self._router, set[str]()
        falls_back = not self._request.disable_fallbacks and self._lists.follows(hop.model)
        line, candidates = self._line(group, candidates)
        stand = Stand(line, candidates, full, router.is_limited(candidates), falls_back)
        while True:
            yield stand
            suitable = router.suitable(group, candidates, self._request)
            open_ = [one for one in suitable if one.id not in full and router.has_room(one)]
            if not open_:  # whoever has room does not suit the call
                suiting = {one.id for one in suitable}
                full.update(one.id for one in router.healthy(candidates) if one.id not in suiting)
                continue
            try:
                deployment = router.choose(group, open_, failed, self._request)
            except (OverLimits, NoneLeft):
                full.update(one.id for one in open_)
                continue
            failure = yield Try(deployment, hop, chosen)
            if not isinstance(failure, Full):
                return deployment, failure
            full.add(deployment.id)

    def _line(self, group: str, candidates: tuple[Deployment, ...]) -> tuple[str, tuple[Deployment, ...]]:
        """The queue, and those who may serve the call: a narrower choice has a queue of its own, and blocks no others."""
        name = candidates[0].group
        suiting = self._router.suiting(group, candidates, self._request) or candidates
        if len(suiting) == len(self._router.groups.by_name.get(name, candidates)):
            return name, candidates
        return f"{name}: {', '.join(sorted(one.id for one in suiting))}", suiting

    def _retries(self, model: str, deployment: Deployment, failure: Failure, candidates: tuple[Deployment, ...]) -> int:
        """How often a group is tried again after its first failure, whatever fails then."""
        by_policy = self._router.retries_by_policy(model, failure)
        if by_policy is not None:
            return by_policy
        if self._lists.has_list_for(failure) or not _may_pass(failure, candidates):
            return 0
        policy = self._router.settings.model_group_retry_policy.get(model)
        of_group = None if policy is None else policy.num_retries
        choices = (of_group, deployment.params.num_retries, self._request.num_retries)
        return next(number for number in choices if number is not None)

    def _waits_for_nobody(self, model: str, failure: Failure) -> bool:
        """Whether a policy wants a retry although nobody is left: somebody may be back after the pause."""
        return self._router.retries_by_policy(model, failure) is not None

    def _left(self, group: str, candidates: tuple[Deployment, ...]) -> Sequence[Deployment]:
        """Who may serve the call after a failure."""
        try:
            return self._router.suitable(group, candidates, self._request)
        except Failure:
            return ()


def _may_pass(failure: Failure, candidates: tuple[Deployment, ...]) -> bool:
    """Whether another try may go better."""
    if failure.status == 401:
        return len(candidates) > 1
    return failure.status in (403, 408, 409, 429) or failure.status >= 500


def _hops(targets: Targets, model: str) -> list[Hop]:
    hops = []
    for target in targets.tried:
        if isinstance(target, str):
            hops.append(Hop(target, named=targets.named))
        else:
            replaced = {name: value for name, value in target.items() if name != "model"}
            hops.append(Hop(str(target.get("model", model)), replaced, targets.named))
    return hops
