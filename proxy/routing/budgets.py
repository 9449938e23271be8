"""Budgets of providers, deployments and tags: who has spent its dollars serves no more until its window is over.

A provider's stands in ``router_settings.provider_budget_config``, a deployment's in its ``max_budget`` and
``budget_duration``, which count only together, that of a tag of calls in ``litellm_settings.tag_budget_config`` (F.md, F8). Calls
are paid when they have ended, so one may go over the limit.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.model import Amount, ProxyConfig
from proxy.deployment import Deployment
from proxy.durations import PERIOD, seconds_of
from proxy.routing.refusals import NoDeployments

_SETTING = "router_settings.provider_budget_config"
_TAGS = "litellm_settings.tag_budget_config"


class ProviderBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of ``provider_budget_config``."""

    budget_limit: Amount
    """US dollars."""
    time_period: Annotated[str, msgspec.Meta(pattern=rf"^{PERIOD}\Z")]
    """A number and s, m, h, d, w or mo."""


class TagBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of ``tag_budget_config``."""

    max_budget: Amount
    """US dollars."""
    budget_duration: Annotated[str, msgspec.Meta(pattern=rf"^{PERIOD}\Z")]
    """A number and s, m, h, d, w or mo."""


class Budget(msgspec.Struct, frozen=True):
    """How many dollars something may cost in a window of time."""

    key: str
    """Under which its spend is counted; the reference's."""
    limit: float
    period: str
    owner: str
    """Whose it is, in messages."""


class Spent(msgspec.Struct, frozen=True):
    """What one process spent of a budget and told nobody before."""

    budget: Budget
    dollars: float
    end: float
    """Of the window as the process knows it, or of one that begins now; seconds of the world's clock."""


class Total(NamedTuple):
    """What all processes have told of a budget's window."""

    dollars: float
    """0: none of them knows of any."""
    seconds: float
    """Until it ends."""


class Totals(Protocol):
    """Where processes add up what they spend."""

    async def add(self, amounts: Sequence[Spent]) -> Sequence[Total] | None:
        """Add amounts, and return the totals of their windows; ``None``: those are not known, but the amounts are kept.

        Raises:
            Unavailable: nothing was added.
        """
        ...


class Spending:
    """Dollars spent in the running windows, by the keys of budgets. It outlives snapshots.

    Args:
        clock: seconds of the world's clock.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._spent: dict[str, float] = {}
        self._ends: dict[str, float] = {}
        self._untold: dict[str, float] = {}

    def of(self, budget: Budget) -> float:
        """Spent in the running window."""
        if self._clock() >= self._ends.get(budget.key, inf):
            self._forget(budget)
        return self._spent.get(budget.key, 0.0)

    def add(self, budget: Budget, dollars: float) -> None:
        """The first amount begins a window."""
        spent = self.of(budget)
        if budget.key not in self._ends:
            self._ends[budget.key] = self._clock() + seconds_of(budget.period, self._clock())
        self._spent[budget.key] = spent + dollars
        self._untold[budget.key] = self._untold.get(budget.key, 0.0) + dollars

    def end(self, budget: Budget) -> float | None:
        """When the period ends, in seconds of the world's clock; ``None``: it begins with the first call."""
        return self._ends.get(budget.key)

    def tell(self, budget: Budget) -> Spent:
        """What was spent here in the running window and not told before."""
        self.of(budget)
        end = self._ends.get(budget.key)
        if end is None:
            end = self._clock() + seconds_of(budget.period, self._clock())
        return Spent(budget, self._untold.pop(budget.key, 0.0), end)

    def untell(self, spent: Spent) -> None:
        """Nobody heard it; it is told again, unless its window has ended."""
        self.of(spent.budget)
        key = spent.budget.key
        if spent.dollars and self._ends.get(key) == spent.end:
            self._untold[key] = self._untold.get(key, 0.0) + spent.dollars

    def learn(self, budget: Budget, total: Total) -> None:
        """What all processes have told."""
        untold = self._untold.get(budget.key, 0.0)
        if total.dollars:
            self._ends[budget.key] = self._clock() + total.seconds
            self._spent[budget.key] = total.dollars + untold
        elif untold:
            self._spent[budget.key] = untold
        else:
            self._forget(budget)

    def _forget(self, budget: Budget) -> None:
        for amounts in (self._ends, self._spent, self._untold):
            amounts.pop(budget.key, None)


class Budgets:
    """The budgets of a config.

    Raises:
        ConfigError: one is not what it should be.
    """

    def __init__(self, config: ProxyConfig, deployments: Iterable[Deployment], spending: Spending) -> None:
        self.spending = spending
        self._of_provider = {
            provider: Budget(
                key=f"provider_spend:{provider}:{given.time_period}",
                limit=given.budget_limit,
                period=given.time_period,
                owner=f"provider {provider}",
            )
            for provider, given in _provider_budgets(config).items()
        }
        self._own = {
            deployment.id: budget for deployment in deployments if (budget := _own_budget(deployment)) is not None
        }

        self.of_tags = {
            tag: Budget(
                key=f"tag_spend:{tag}:{given.budget_duration}",
                limit=given.max_budget,
                period=given.budget_duration,
                owner=f"tag='{tag}'",
            )
            for tag, given in _tag_budgets(config).items()
        }
        """By tag of a call."""

    @property
    def all(self) -> list[Budget]:
        """Every budget there is."""
        return [*self._of_provider.values(), *self._own.values(), *self.of_tags.values()]

    @property
    def of_providers(self) -> Mapping[str, Budget]:
        """By provider."""
        return self._of_provider

    def of(self, deployment: Deployment) -> list[Budget]:
        """The budgets that pay for a deployment."""
        found = (self._of_provider.get(deployment.provider), self._own.get(deployment.id))
        return [budget for budget in found if budget is not None]

    def affordable(self, deployments: Sequence[Deployment]) -> list[Deployment]:
        """Those within their budgets."""
        return [deployment for deployment in deployments if not any(map(self._is_spent, self.of(deployment)))]

    def check_tags(self, tags: Sequence[str]) -> None:
        """Let a call with these tags through, or not.

        Raises:
            NoDeployments: one of them has nothing left.
        """
        for tag in tags:
            budget = self.of_tags.get(tag)
            if budget is not None and self._is_spent(budget):
                spent = self.spending.of(budget)
                raise NoDeployments(
                    f"No deployments available - crossed budget: Exceeded budget for tag='{tag}', tag_spend={spent}, "
                    f"tag_budget_limit={budget.limit}\n"
                )

    def told(self, deployments: Sequence[Deployment]) -> str:
        """Which budgets of ``deployments`` are spent, a line each."""
        budgets = dict.fromkeys(budget for deployment in deployments for budget in self.of(deployment))
        return "".join(
            f"Exceeded budget for {budget.owner}: {self.spending.of(budget)} >= {budget.limit}\n"
            for budget in budgets
            if self._is_spent(budget)
        )

    def charge(self, deployment: Deployment, dollars: float, tags: Sequence[str] = ()) -> None:
        """Pay for a call that a deployment answered."""
        for budget in self.of(deployment):
            self.spending.add(budget, dollars)
        for tag in dict.fromkeys(tags):
            if (of_tag := self.of_tags.get(tag)) is not None:
                self.spending.add(of_tag, dollars)

    def _is_spent(self, budget: Budget) -> bool:
        return self.spending.of(budget) >= budget.limit


def _provider_budgets(config: ProxyConfig) -> Mapping[str, ProviderBudget]:
    given = config.router_settings.provider_budget_config
    try:
        return msgspec.convert(given, type=dict[str, ProviderBudget], strict=False)
    except msgspec.ValidationError as error:
        problem = f'{error}; write {{openai: {{budget_limit: 100, time_period: "1d"}}}}'
        raise ConfigError(problem, place=config.places.get(_SETTING), key=_SETTING) from None


def _tag_budgets(config: ProxyConfig) -> Mapping[str, TagBudget]:
    given = config.settings.other.get("tag_budget_config") or {}
    try:
        return msgspec.convert(given, type=dict[str, TagBudget], strict=False)
    except msgspec.ValidationError as error:
        problem = f'{error}; write {{marketing: {{max_budget: 100, budget_duration: "1d"}}}}'
        raise ConfigError(problem, place=config.places.get(_TAGS), key=_TAGS) from None


def _own_budget(deployment: Deployment) -> Budget | None:
    limit: Any = deployment.params.other.get("max_budget")
    period: Any = deployment.params.other.get("budget_duration")
    if limit is None or period is None:
        return None
    what = f"model_name {deployment.group!r}: litellm_params"
    try:
        limit = msgspec.convert(limit, type=Amount, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{what}.max_budget: {error}; write a number of US dollars", key="model_list") from None
    try:
        seconds_of(str(period), 0.0)
    except ValueError as error:
        raise ConfigError(f"{what}.budget_duration: {error}; write 30s, 12h, 1d or 1mo", key="model_list") from None
    owner = f"deployment model_name: {deployment.group}, litellm_params.model: {deployment.params.model}"
    return Budget(
        key=f"deployment_spend:{deployment.id}:{period}",
        limit=limit,
        period=str(period),
        owner=f"{owner}, model_id: {deployment.id}",
    )
