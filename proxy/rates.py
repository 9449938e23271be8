"""How much a caller may ask for: of its key, of its team, of whomever it belongs to."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

Scope: TypeAlias = Literal[
    "api_key",
    "user",
    "team",
    "team_member",
    "end_user",
    "project",
    "organization",
    "model_per_key",
    "model_per_team",
    "model_per_project",
    "model_per_organization",
]
"""Whose limit it is, in the words of headers and refusals (F.md, F6)."""
Unit: TypeAlias = Literal["requests", "tokens", "max_parallel_requests"]
"""What is counted; the first two in a window of time."""

REQUESTS: Final = "model_rpm_limit"
TOKENS: Final = "model_tpm_limit"
"""In the metadata of keys, teams and organizations: limits by the name of a model."""


class Rate(msgspec.Struct, frozen=True):
    """The limits of one holder; ``None``: there is none."""

    scope: Scope
    id: str
    requests: int | None = None
    """A minute."""
    tokens: int | None = None
    """A minute."""
    parallel: int | None = None
    """At the same time."""

    def __bool__(self) -> bool:
        return not (self.requests is self.tokens is self.parallel is None)


class ModelRates(msgspec.Struct, frozen=True):
    """The limits of one holder for certain models, by their names."""

    scope: Scope
    id: str
    requests: Mapping[str, int] = {}
    """A minute."""
    tokens: Mapping[str, int] = {}
    """A minute."""

    def __bool__(self) -> bool:
        return bool(self.requests or self.tokens)

    def of(self, model: str) -> Rate | None:
        """What holds for one model."""
        rate = Rate(self.scope, f"{self.id}:{model}", self.requests.get(model), self.tokens.get(model))
        return rate or None


class Rates(msgspec.Struct, frozen=True):
    """All limits of a caller, and what it is worth when a model is short."""

    fixed: tuple[Rate, ...] = ()
    by_model: tuple[ModelRates, ...] = ()
    lenient: frozenset[Unit] = frozenset()
    """What of the key only counts while deployments of the model fail (``rpm_limit_type: dynamic``)."""
    priority: str | None = None
    """Of its team, else of its key (``litellm_settings.priority_reservation``)."""

    def of(self, model: str, group: str) -> Iterator[Rate]:
        """What holds for one model, whatever else does.

        Args:
            group: that the model's name stands for; its limits hold where the name has none.
        """
        for rates in self.by_model:
            rate = rates.of(model) or rates.of(group)
            if rate is not None:
                yield rate


def gathered(
    fixed: Iterator[Rate],
    by_model: Iterator[ModelRates],
    *,
    key: Mapping[str, Any],
    team: Mapping[str, Any],
) -> Rates | None:
    """The limits of a caller; ``None``: it has none, and no priority.

    Args:
        key: metadata of its key.
        team: metadata of its team.
    """
    types: dict[Unit, Any] = {"requests": key.get("rpm_limit_type"), "tokens": key.get("tpm_limit_type")}
    priority = team.get("priority")
    if priority is None:
        priority = key.get("priority")
    rates = Rates(
        fixed=tuple(filter(None, fixed)),
        by_model=tuple(filter(None, by_model)),
        lenient=frozenset(unit for unit, kind in types.items() if kind == "dynamic"),
        priority=None if priority is None else str(priority),
    )
    return rates if rates.fixed or rates.by_model or priority is not None else None


def models_of(
    scope: Scope, name: str, metadata: Mapping[str, Any], budgets: Mapping[str, Any] | None = None
) -> ModelRates:
    """Limits by model that stand in metadata, else in budgets by model (``rpm_limit``, ``tpm_limit``)."""
    return ModelRates(
        scope,
        name,
        _numbers(metadata.get(REQUESTS)) or _budgeted(budgets, "rpm_limit"),
        _numbers(metadata.get(TOKENS)) or _budgeted(budgets, "tpm_limit"),
    )


def _budgeted(budgets: Mapping[str, Any] | None, name: str) -> dict[str, int]:
    found = {model: each.get(name) for model, each in (budgets or {}).items() if isinstance(each, Mapping)}
    return _numbers(found)


def _numbers(limits: Any) -> dict[str, int]:
    """What is no number is no limit; somebody else let it in."""
    if not isinstance(limits, Mapping):
        return {}
    return {str(model): int(limit) for model, limit in limits.items() if isinstance(limit, int | float)}
