"""``model_max_budget`` as clients send it: dollars, and limits, of a key for each model."""

import math
from collections.abc import Mapping
from typing import Any, Final

from proxy.auth.model_budgets import LIMITS, PERIODS
from proxy.durations import is_period
from proxy.errors import DetailError

RATES: Final = ("tpm_limit", "rpm_limit")
EXAMPLE: Final = '{"MODEL": {"budget_limit": 10, "time_period": "30d"}}'


def check_model_budgets(given: Mapping[str, Any] | None) -> None:
    """Refuse what can be no budget. Raises DetailError, 400."""
    for model, entry in (given or {}).items():
        if not isinstance(entry, Mapping):
            raise _invalid(model, f"must be an object, as in {EXAMPLE}")
        for name in (*LIMITS, *RATES):
            _check_number(model, name, entry.get(name))
        for name in PERIODS:
            period = entry.get(name)
            if period is not None and not (isinstance(period, str) and is_period(period)):
                raise _invalid(model, f"{name} must be a number and s, m, h, d, w or mo, not {period!r:.50}")


def _check_number(model: str, name: str, value: Any) -> None:
    if value is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:
        raise _invalid(model, f"{name} must be a number that is not negative, not {value!r:.50}")


def _invalid(model: str, problem: str) -> DetailError:
    return DetailError(400, {"error": f"Invalid model_max_budget: {model[:200]}: {problem}"})
