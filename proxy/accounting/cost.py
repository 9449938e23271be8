"""What a call costs, in US dollars."""

from typing import Any

import msgspec

from proxy.call import Usage
from proxy.deployment import Deployment


class Cost(msgspec.Struct, frozen=True):
    """``final`` is ``original`` less the discount, plus the margin; ``None`` when the price is unknown."""

    original: float = 0.0
    discount: float = 0.0
    margin: float = 0.0
    margin_percent: float = 0.0
    final: float | None = None


def cost_of(deployment: Deployment, usage: Usage, settings: dict[str, Any]) -> Cost:
    """The cost of a call by the deployment's own prices.

    Args:
        settings: ``litellm_settings``, for ``cost_discount_config`` and ``cost_margin_config`` (fractions by provider).
    """
    params = deployment.params
    if params.input_cost_per_token is None and params.output_cost_per_token is None:
        return Cost()
    original = usage.prompt_tokens * (params.input_cost_per_token or 0.0)
    original += usage.completion_tokens * (params.output_cost_per_token or 0.0)
    discount = original * _share(settings.get("cost_discount_config"), deployment.provider)
    percent = _share(settings.get("cost_margin_config"), deployment.provider)
    margin = (original - discount) * percent
    return Cost(original, discount, margin, percent, original - discount + margin)


def _share(config: Any, provider: str) -> float:
    if not isinstance(config, dict):
        return 0.0
    value = config.get(provider, config.get("global", 0.0))
    return float(value) if isinstance(value, int | float) else 0.0
