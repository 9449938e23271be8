"""What holds for every plan, whatever the groups, the settings and the outcomes."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.config.model import AliasTarget, GroupRetryPolicy, ModelEntry, RetryPolicy
from proxy.errors import Failure
from proxy.routing.plan import Plan, Try, Wait
from proxy.routing.refusals import NoDeployments
from proxy.routing.request import RouteRequest
from proxy.routing.router import Router
from tests.proxy.routing.following import Followed, follow
from tests.proxy.routing.making import KINDS, Clock, entry, router

NAMES = ("a", "b", "c", "d")
ALIASES = {"alias": AliasTarget(model="b"), "dangling": AliasTarget(model="nothing")}
POLICIES = {
    "rate_limit": "rate_limit_error_retries",
    "bad_request": "bad_request_error_retries",
    "context_window": "bad_request_error_retries",
    "timeout": "timeout_error_retries",
}
TARGETS = (*NAMES, "alias", "dangling", "unknown")

small = st.integers(0, 3)
maybe = st.none() | small
targets = st.lists(
    st.sampled_from(TARGETS) | st.sampled_from(TARGETS).map(lambda name: {"model": name, "user": "u"}), max_size=4
)
lists = st.dictionaries(st.sampled_from((*NAMES, "alias", "*")), targets.map(tuple), max_size=4)
client_lists = (
    st.none() | targets | st.lists(st.dictionaries(st.sampled_from(TARGETS), targets, min_size=1), max_size=3)
)
numbers = dict.fromkeys(("rate_limit_error_retries", "bad_request_error_retries", "timeout_error_retries"), maybe)
policies = st.none() | st.builds(RetryPolicy, **numbers)
group_policies = st.builds(GroupRetryPolicy, num_retries=maybe, **numbers)


@st.composite
def entries(draw: st.DrawFn) -> list[ModelEntry]:
    made = []
    for name in NAMES:
        for number in range(draw(st.integers(1, 3))):
            params = {"num_retries": draw(maybe), "order": draw(st.none() | st.integers(1, 2))}
            made.append(entry(name, f"{name}-{number}", **params))
    return made


router_settings = st.fixed_dictionaries(
    {
        "fallbacks": lists,
        "context_window_fallbacks": lists,
        "content_policy_fallbacks": lists,
        "retry_policy": policies,
        "model_group_retry_policy": st.dictionaries(st.sampled_from(NAMES), group_policies, max_size=2),
        "allowed_fails": st.none() | st.integers(0, 2),
        "disable_cooldowns": st.booleans(),
        "cooldown_time": st.sampled_from((1.0, 60.0)),
    }
)
requests = st.builds(
    RouteRequest,
    model=st.sampled_from((*NAMES, "alias", "dangling")),
    num_retries=small,
    fallbacks=client_lists,
    context_window_fallbacks=client_lists,
    content_policy_fallbacks=client_lists,
    max_fallbacks=st.integers(0, 5),
    disable_fallbacks=st.booleans(),
)
failures = st.builds(
    lambda status, kind, after, reached: Failure(
        status, f"says {status}", kind=kind or KINDS[status], retry_after=after, reached=reached
    ),
    st.sampled_from(sorted(KINDS)),
    st.none() | st.sampled_from(("context_window", "content_policy")),
    st.none() | st.floats(-5, 500),
    st.booleans(),
)


class Watcher:
    """Looks at each decision in the moment it is made."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.model: str | None = None
        self.failed: list[str] = []
        self.waited = False

    def __call__(self, decision: Try | Wait, followed: Followed) -> None:
        if isinstance(decision, Wait):
            assert followed.failures, "waits only after a failure"
            assert not self.waited, "waits once before a retry"
            assert 0 <= decision.seconds <= 61
            assert self._fresh() == [], "waits although a deployment is fresh"
            self.waited = True
            return
        if decision.hop.model != self.model:
            self.model, self.failed, self.waited = decision.hop.model, [], False
        chosen = decision.deployment.id
        healthy = self._healthy()
        assert chosen in healthy, "cooling down"
        if self.waited:
            self.failed = self.failed[-1:]
        if chosen in self.failed:
            assert self.waited, "a deployment that failed is tried again at once"
            assert healthy == [chosen], "a deployment that just failed, although another is healthy"
        self.failed.append(chosen)
        self.waited = False

    def _healthy(self) -> list[str]:
        return [d.id for d in self._router.healthy(self._router.candidates(self.model or ""))]

    def _fresh(self) -> list[str]:
        return [name for name in self._healthy() if name not in self.failed]


@settings(max_examples=100, deadline=None)
@given(entries(), router_settings, requests, st.data())
def test_any_plan(made: list[ModelEntry], options: dict[str, Any], request: RouteRequest, data: st.DataObject) -> None:
    random.seed(data.draw(st.integers(0, 1000)))  # the strategy's choice, which hypothesis would always make alike
    clock = Clock()
    own = router(made, clock=clock, model_group_alias=ALIASES, **options)

    def outcome(_: Try) -> Failure | None:
        clock.now += data.draw(st.sampled_from((0.01, 2.0)))
        return data.draw(st.none() | failures)

    followed = follow(Plan(own, request).steps(), outcome, clock=clock, watch=Watcher(own))

    groups = [step.hop.model for step in followed.tries]
    assert len(_runs(groups)) == len(set(groups)), "a group was tried twice"
    for model in set(groups):
        tried = groups.count(model)
        assert tried <= 1 + _allowed_retries(model, followed, options, request)
    if request.disable_fallbacks:
        assert set(groups) <= {request.model}
    _check_ending(followed, request)


def _check_ending(followed: Followed, request: RouteRequest) -> None:
    own = [
        failure
        for step, failure in zip(followed.tries, followed.failures, strict=False)
        if step.hop.model == request.model
    ]
    if followed.route is not None:
        last = followed.tries[-1]
        assert (followed.route.deployment, followed.route.hop) == (last.deployment, last.hop)
        assert len(followed.failures) == len(followed.tries) - 1
        retries = [step.hop.model for step in followed.tries].count(last.hop.model) - 1
        assert followed.route.retries == retries
        assert (followed.route.max_retries is None) == (retries == 0)
        assert (followed.route.fallbacks == 0) == (last.hop.model == request.model)
        return
    assert followed.raised is not None
    if own:
        assert followed.raised is own[0], "not the original failure"
    else:
        assert isinstance(followed.raised, NoDeployments) or followed.raised.status == 400


def _runs(names: list[str]) -> list[str]:
    return [name for index, name in enumerate(names) if index == 0 or names[index - 1] != name]


def _allowed_retries(model: str, followed: Followed, options: dict[str, Any], request: RouteRequest) -> int:
    """Said by the first failure of the group: its policy (by class, then at all), its deployment, the request."""
    index = next(at for at, step in enumerate(followed.tries) if step.hop.model == model)
    if index >= len(followed.failures):
        return 0
    policy = options["model_group_retry_policy"].get(model, options["retry_policy"])
    field = POLICIES.get(followed.failures[index].kind)
    by_policy = getattr(policy, field) if policy is not None and field is not None else None
    at_all = getattr(options["model_group_retry_policy"].get(model), "num_retries", None)
    own = followed.tries[index].deployment.params.num_retries
    return next(count for count in (by_policy, at_all, own, request.num_retries) if count is not None)


@settings(max_examples=100, deadline=None)
@given(entries(), lists, st.sampled_from(NAMES), st.integers(0, 5))
def test_fallbacks_come_level_by_level_in_their_order(
    made: list[ModelEntry], configured: dict[str, tuple[Any, ...]], model: str, depth: int
) -> None:
    own = router(made, model_group_alias=ALIASES, fallbacks=configured, disable_cooldowns=True)
    request = RouteRequest(model=model, num_retries=0, max_fallbacks=depth)
    asked: list[str] = []

    def watch(decision: Try | Wait, _: Followed) -> None:
        if isinstance(decision, Try) and decision.hop.model not in asked:
            asked.append(decision.hop.model)

    followed = follow(Plan(own, request).steps(), lambda _: Failure(400, "no", kind="bad_request"), watch=watch)
    served = [name for name in _in_levels(configured, model, depth) if _served(own, name)]
    assert asked == served
    assert followed.raised is followed.failures[0]


def _in_levels(configured: dict[str, tuple[Any, ...]], model: str, depth: int) -> list[str]:
    """An own model of the order: each level is what the level before falls back to."""
    order = [model]
    level = [model]
    for _ in range(depth):
        named = (target for name in level for target in configured.get(name, configured.get("*", ())))
        names = (target if isinstance(target, str) else target["model"] for target in named)
        level = [name for name in dict.fromkeys(names) if name not in order]
        order += level
    return order


def _served(own: Router, name: str) -> bool:
    try:
        own.candidates(name)
    except Failure:
        return False
    return True
