"""What a call costs, in US dollars."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from proxy.accounting.catalog import Catalog
from proxy.call import Usage
from proxy.config.errors import ConfigError
from proxy.deployment import Deployment

_above = re.compile(r"input_cost_per_token_above_((\d+)(k?))_tokens")


class Cost(msgspec.Struct, frozen=True):
    """``final`` is ``original`` less the discount, plus the margin; ``None`` when the price is unknown."""

    original: float = 0.0
    discount: float = 0.0
    margin: float = 0.0
    margin_percent: float = 0.0
    final: float | None = None
    read: float = 0.0
    """Of ``original``: for what the model read."""
    written: float = 0.0
    """Of ``original``: for what it wrote."""
    discount_percent: float = 0.0
    fixed: float = 0.0
    """Of ``margin``: that does not depend on the price."""


class Rates(msgspec.Struct, frozen=True):
    """Prices of one token."""

    fresh: float
    """Read, and not from the vendor's cache."""
    cached: float
    """Read from the vendor's cache; 0 when no price is given for it, as in the reference."""
    written: float
    reasoning: float
    """Written, but not shown."""
    creating: float = 0.0
    """Read, and written to the vendor's cache; 0 when no price is given for it, as in the reference."""
    above: "tuple[tuple[int, Rates], ...]" = ()
    """Prices of calls with more prompt tokens than this, the largest number first."""

    def cost(self, usage: Usage) -> float:
        """Of one call."""
        read, written = self.split(usage)
        return read + written

    def split(self, usage: Usage) -> tuple[float, float]:
        """Of one call, for what was read and for what was written."""
        for limit, rates in self.above:
            if usage.prompt_tokens > limit:
                return rates.split(usage)
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        thought = min(usage.reasoning_tokens, usage.completion_tokens)
        created = min(usage.cache_creation_tokens, usage.prompt_tokens - cached)
        read = (usage.prompt_tokens - cached - created) * self.fresh + cached * self.cached + created * self.creating
        return read, (usage.completion_tokens - thought) * self.written + thought * self.reasoning


class Markup(msgspec.Struct, frozen=True):
    """What the operator takes off a price, or puts on it."""

    discount: float = 0.0
    """A fraction."""
    margin: float = 0.0
    """A fraction of the discounted price."""
    fixed: float = 0.0
    """US dollars a call."""


UNKNOWN = Cost()
EVERY = "global"
"""In place of a provider: all that have no margin of their own."""


class PriceBook:
    """The prices of a snapshot's deployments, looked up once.

    The first source that gives a price of input or output tokens counts, alone: the deployment's own settings
    (``litellm_params``, then ``model_info``); its ``base_model`` in the packaged table; its model there. Own prices of
    other things (cached tokens, ...) change what the table says.

    Args:
        settings: ``litellm_settings``, for ``cost_discount_config`` and ``cost_margin_config``.

    Raises:
        ConfigError: one of these two is not what it should be.
    """

    def __init__(self, deployments: Iterable[Deployment], catalog: Catalog, settings: Mapping[str, Any]) -> None:
        self._catalog = catalog
        self._known = {item: self._look_up(item) for item in deployments if "*" not in item.model}
        self._matched = lru_cache(maxsize=1024)(self._look_up)
        self._markups = _markups(settings)
        self._usual = self._markups.get(EVERY)

    def cost_of(self, deployment: Deployment, usage: Usage) -> Cost:
        """The cost of a call that ``deployment`` answered."""
        rates = self._known[deployment] if deployment in self._known else self._matched(deployment)
        if rates is None:
            return UNKNOWN
        read, written = rates.split(usage)
        original = read + written
        markup = self._markups.get(deployment.provider, self._usual)
        if markup is None:
            return Cost(original, final=original, read=read, written=written)
        discount = original * markup.discount
        reduced = original - discount
        margin = reduced * markup.margin + markup.fixed
        return Cost(
            original, discount, margin, markup.margin, reduced + margin, read, written, markup.discount, markup.fixed
        )

    def _look_up(self, deployment: Deployment) -> Rates | None:
        own = own_prices(deployment)
        if not _has_token_price(own):
            entry = self._catalog.entry(deployment)
            if entry is None:
                return None
            own = entry.fields | own
        return _rates(own)


def own_prices(deployment: Deployment) -> dict[str, Any]:
    """The prices that the config gives: of ``litellm_params`` over those of ``model_info``."""
    params = deployment.params
    own = {name: value for name, value in deployment.info.items() if _is_price(name) and value is not None}
    given = params.prices | {
        "input_cost_per_token": params.input_cost_per_token,
        "output_cost_per_token": params.output_cost_per_token,
    }
    return own | {name: value for name, value in given.items() if value is not None}


def _is_price(name: str) -> bool:
    return "cost_per_" in name or "_token_cost" in name


def _has_token_price(prices: Mapping[str, Any]) -> bool:
    return prices.get("input_cost_per_token") is not None or prices.get("output_cost_per_token") is not None


def _rates(prices: Mapping[str, Any]) -> Rates | None:
    if not _has_token_price(prices):
        return None
    rates = _flat_rates(prices, "", None)
    found = [match for match in map(_above.fullmatch, prices) if match is not None]
    tiers = [(int(m[2]) * (1000 if m[3] else 1), _flat_rates(prices, f"_above_{m[1]}_tokens", rates)) for m in found]
    tiers.sort(key=lambda tier: tier[0], reverse=True)
    return msgspec.structs.replace(rates, above=tuple(tiers))


def _flat_rates(prices: Mapping[str, Any], suffix: str, below: Rates | None) -> Rates:
    """The prices whose names end in ``suffix``; where one is missing, that of the tier below counts."""

    def price(name: str, default: float) -> float:
        return _amount(prices.get(name + suffix), default)

    written = price("output_cost_per_token", below.written if below else 0.0)
    return Rates(
        fresh=price("input_cost_per_token", below.fresh if below else 0.0),
        cached=price("cache_read_input_token_cost", below.cached if below else 0.0),
        written=written,
        reasoning=_amount(prices.get("output_cost_per_reasoning_token"), written),
        creating=price("cache_creation_input_token_cost", below.creating if below else 0.0),
    )


def _amount(value: Any, default: float) -> float:
    """A price. YAML reads ``3e-7`` as text."""
    try:
        return default if value is None else float(value)
    except (TypeError, ValueError):
        return default


def _markups(settings: Mapping[str, Any]) -> dict[str, Markup]:
    """By provider; a discount has no ``global`` entry in the reference, a margin has."""
    discounts = _by_provider(settings, "cost_discount_config")
    margins = _by_provider(settings, "cost_margin_config")
    markups = {}
    for provider in (discounts.keys() - {EVERY}) | margins.keys():
        discount = _number(discounts, provider, "cost_discount_config") if provider != EVERY else 0.0
        margin, fixed = _margin(margins, provider if provider in margins else EVERY)
        markups[provider] = Markup(discount, margin, fixed)
    return markups


def _by_provider(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = settings.get(name) or {}
    if not isinstance(value, dict):
        raise ConfigError("expected one value a provider; write `openai: 0.05`", key=f"litellm_settings.{name}")
    return value


def _margin(margins: Mapping[str, Any], provider: str) -> tuple[float, float]:
    value, key = margins.get(provider), "cost_margin_config"
    if not isinstance(value, dict):
        return _number(margins, provider, key), 0.0
    key = f"{key}.{provider}"
    return _number(value, "percentage", key), _number(value, "fixed_amount", key)


def _number(values: Mapping[str, Any], name: str, key: str) -> float:
    value = values.get(name, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError("expected a number; write 0.05 for 5 %", key=f"litellm_settings.{key}.{name}")
    return float(value)
