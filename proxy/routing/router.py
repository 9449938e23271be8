"""The router of a snapshot: who may serve a model group right now, and how often it is tried."""

import math
import random
from collections.abc import Mapping, Sequence
from functools import cached_property

from proxy.config.model import ProxyConfig, RetryPolicy, RouterSettings
from proxy.deployment import Deployment, make_deployment
from proxy.errors import Failure
from proxy.routing.budgets import Budgets, Spending
from proxy.routing.choosing import Chooser
from proxy.routing.cooldown import Cooldowns
from proxy.routing.error_classes import class_of
from proxy.routing.filters import Filter, make_filters
from proxy.routing.filters.context_windows import ContextWindows, Window
from proxy.routing.filters.response_formats import ResponseFormats, TakesFormats
from proxy.routing.groups import Groups
from proxy.routing.limits import ENFORCING
from proxy.routing.refusals import NoDeployments
from proxy.routing.request import RouteRequest
from proxy.routing.strategies import Price, Surroundings, make_strategy
from proxy.routing.traffic import Traffic, has_readers

DEFAULT_RETRIES = 2
DEFAULT_TIMEOUT = 6000.0
"""Seconds, of an attempt and in the queue; the reference's."""
DEFAULT_MAX_FALLBACKS = 5
INITIAL_BACKOFF = 0.5
MAX_BACKOFF = 8.0
JITTER = 0.75
MAX_RETRY_AFTER = 60.0


def _unknown(_deployment: Deployment) -> None:
    return None


def _yes(_deployment: Deployment) -> bool:
    return True


class Router:
    """Groups, strategy, health and settings. Makes no call and never sleeps.

    Args:
        price: of the models of deployments.
        window: how much they read.
        takes_formats: whether they take ``response_format``.
    """

    def __init__(
        self,
        config: ProxyConfig,
        cooldowns: Cooldowns,
        spending: Spending,
        traffic: Traffic | None = None,
        *,
        price: Price = _unknown,
        window: Window = _unknown,
        takes_formats: TakesFormats = _yes,
    ) -> None:
        self.settings: RouterSettings = config.router_settings
        self.groups = Groups(map(make_deployment, config.model_list), self.settings.model_group_alias)
        self.cooldowns = cooldowns
        budgets = Budgets(config, self.groups.deployments, spending)
        self.budgets = budgets if budgets.all else None
        traffic = traffic or Traffic()
        self.traffic = traffic if has_readers(config) else None
        """What deployments are doing; ``None``: nothing depends on it, and nobody records it."""
        self.choosers: Mapping[str, Chooser] = {}
        """Auto routers, by the id of their deployment."""
        self.may_count = config.settings.other.get("disable_token_counter") is not True
        """Whether tokens are counted here."""
        self._windows = ContextWindows(window) if self.settings.enable_pre_call_checks else None
        checks: tuple[Filter, ...] = () if self._windows is None else (self._windows,)
        if checks and not config.settings.drop_params:
            checks += (ResponseFormats(takes_formats),)
        self.filters = make_filters(config) + checks
        self._strategy = make_strategy(Surroundings(config, traffic, price))

    @cached_property
    def counts_all(self) -> bool:
        """Whether the strategy asks for the tokens of any call; else they are asked for chats alone."""
        strategy = self.settings.routing_strategy
        limited = strategy in ENFORCING and any(it.params.tpm is not None for it in self.groups.deployments)
        return limited or "." in strategy

    @cached_property
    def counts_above(self) -> float:
        """Nobody asks for the count of a call of at most so many tokens; infinite: nobody asks at all."""
        if not self.may_count:
            return math.inf
        if self.counts_all:
            return 0.0
        return math.inf if self._windows is None else self._windows.smallest(self.groups.deployments)

    @property
    def max_fallbacks(self) -> int:
        """How deep fallbacks of fallbacks go."""
        most = self.settings.max_fallbacks
        return DEFAULT_MAX_FALLBACKS if most is None else most

    def candidates(self, model: str) -> tuple[Deployment, ...]:
        """The deployments of a requested name.

        A name that stands for nothing (an alias's missing target, a client's fallback) is served by the first default
        fallback when there is one (A.md, A5).

        Raises:
            Failure: 400, when nobody can serve it.
        """
        found = self.groups.find(model)
        if found is None:
            default = self.settings.fallbacks.get("*", ())
            found = self.groups.find(default[0]) if default and isinstance(default[0], str) else None
        if found is None:
            name = self.groups.unaliased(model)
            raise Failure(
                400,
                f"litellm.BadRequestError: You passed in model={name}. There are no healthy deployments for this model",
                kind="bad_request",
                reached=False,
            )
        return found

    @property
    def reads_tags(self) -> bool:
        """Whether the tags of a call mean anything here."""
        return self.settings.enable_tag_filtering or (self.budgets is not None and bool(self.budgets.of_tags))

    @property
    def reads_wishes(self) -> bool:
        """Whether a call's region or tags mean anything here."""
        return bool(self.filters) or self.reads_tags

    def chooser(self, candidates: Sequence[Deployment]) -> Chooser | None:
        """The auto router among the deployments of a name; it serves in place of the others."""
        return next((self.choosers[d.id] for d in candidates if d.id in self.choosers), None)

    def may_serve(self, model: str) -> tuple[Deployment, ...] | None:
        """The deployments that a call of ``model`` may end at, those that an auto router may choose included."""
        members = self.groups.find(model)
        chooser = None if members is None else self.chooser(members)
        if members is None or chooser is None:
            return members
        return members + tuple(d for target in chooser.targets for d in self.groups.find(target) or ())

    def healthy(self, candidates: Sequence[Deployment]) -> list[Deployment]:
        """Those that are not cooling down."""
        return [deployment for deployment in candidates if not self.cooldowns.remaining(deployment)]

    def has_room(self, deployment: Deployment) -> bool:
        """Whether it may be sent another call now, by its ``rpm`` and its parallel requests."""
        default = self.settings.default_max_parallel_requests
        return self.traffic is None or self.traffic.has_room(deployment, default)

    def seconds_to_room(self, candidates: Sequence[Deployment], full: set[str]) -> float:
        """Until one may be healthy and have room, for all that is known now; infinite: when an attempt ends.

        Those that are ``full`` (ids), for whatever reason, may have room in the next minute.
        """
        seconds = [
            self.cooldowns.remaining(one) or self._seconds_to_room(one) for one in candidates if one.id not in full
        ]
        if full and self.traffic is not None:
            seconds.append(self.traffic.seconds_of_minute)
        return min(seconds, default=math.inf)

    def _seconds_to_room(self, deployment: Deployment) -> float:
        if self.traffic is None:
            return 0.0
        return self.traffic.seconds_to_room(deployment, self.settings.default_max_parallel_requests)

    def is_limited(self, candidates: Sequence[Deployment]) -> bool:
        """Whether one of them has room for so many calls only."""
        if self.settings.default_max_parallel_requests is not None:
            return True
        return any(one.params.rpm is not None or one.params.max_parallel_requests is not None for one in candidates)

    def suitable(self, model: str, candidates: Sequence[Deployment], request: RouteRequest) -> list[Deployment]:
        """The candidates that may serve the call now, at least one.

        Args:
            model: the group, no alias.

        Raises:
            NoDeployments: all are cooling down, or those that are not have spent their budgets or do not suit the call.
            Failure: the call may use none of them.
        """
        healthy = self.healthy(candidates)
        if not healthy:
            raise self._none_available(model, candidates)
        if self.budgets is not None:
            self.budgets.check_tags(request.tags)
            awake, healthy = healthy, self.budgets.affordable(healthy)
            if not healthy:
                raise NoDeployments(f"No deployments available - crossed budget: {self.budgets.told(awake)}")
        if self.filters:
            for suiting in self.filters:
                healthy = suiting(model, healthy, request)
            if not healthy:
                raise self._none_available(model, candidates)
        return healthy

    def suiting(self, model: str, candidates: Sequence[Deployment], request: RouteRequest) -> tuple[Deployment, ...]:
        """The candidates that may serve the call when all are well; none where the call may use none of them."""
        left = list(candidates)
        try:
            for suits in self.filters:
                left = suits(model, left, request)
        except Failure:
            return ()
        return tuple(left)

    def pick(self, model: str, candidates: Sequence[Deployment], avoid: set[str], request: RouteRequest) -> Deployment:
        """A suitable deployment, of the lowest ``order``, and not one of ``avoid`` (ids) while there is another.

        Raises:
            Failure: see :meth:`suitable`.
        """
        return self.choose(model, self.suitable(model, candidates, request), avoid, request)

    def choose(self, model: str, suitable: Sequence[Deployment], avoid: set[str], request: RouteRequest) -> Deployment:
        """One of those that are suitable (not empty), as :meth:`pick` does.

        Raises:
            OverLimits: all are over their limits.
            NoneLeft: so they are.
        """
        fresh = [deployment for deployment in suitable if deployment.id not in avoid] if avoid else suitable
        return self._strategy.pick(model, _of_lowest_order(fresh or suitable), request)

    def _none_available(self, model: str, candidates: Sequence[Deployment]) -> NoDeployments:
        resting = {it.id: seconds for it in candidates if (seconds := self.cooldowns.remaining(it))}
        seconds = math.ceil(min(resting.values(), default=self.settings.cooldown_time))
        checks = self.settings.enable_pre_call_checks
        return NoDeployments(
            f"No deployments available for selected model, Try again in {seconds} seconds. "
            f"Passed model={model}. pre-call-checks={checks}, cooldown_list={list(resting)}"
        )

    def retries_by_policy(self, model: str, failure: Failure) -> int | None:
        """The group's retry policy for a class of error, else the general one; ``None`` when neither speaks of it."""
        policy: RetryPolicy | None = self.settings.model_group_retry_policy.get(model, self.settings.retry_policy)
        name = class_of(failure)
        if policy is None or name is None:
            return None
        retries: int | None = getattr(policy, f"{name}_retries")
        return retries

    def backoff(self, failure: Failure, retry: int) -> float:
        """Seconds to wait before the ``retry``-th retry (from 0) of a deployment that just failed (B.md, B5)."""
        jitter = random.uniform(0, JITTER)  # noqa: S311
        if failure.retry_after is not None and 0 < failure.retry_after <= MAX_RETRY_AFTER:
            return failure.retry_after + jitter
        return min(MAX_BACKOFF, max(INITIAL_BACKOFF * 2.0**retry, self.settings.retry_after)) + jitter


def _of_lowest_order(deployments: Sequence[Deployment]) -> Sequence[Deployment]:
    if len(deployments) == 1:
        return deployments
    orders = [math.inf if d.params.order is None else d.params.order for d in deployments]
    lowest = min(orders)
    return [d for d, order in zip(deployments, orders, strict=True) if order == lowest]
