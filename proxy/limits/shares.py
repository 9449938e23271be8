"""``dynamic_rate_limiter_v3``: when a model is short, each priority has a share of it.

Below the threshold everybody may use what others leave. The model's own limit always holds.

Deliberate differences from the reference: what is checked is taken in the same step, so a model of N requests lets N
calls through, not N + 1; the saturation is always that of the moment (``saturation_check_cache_ttl`` changes nothing);
a team's priority counts for tokens too.
"""

from collections.abc import Callable, Mapping, Sequence
from math import ceil, inf
from typing import Final

from msgspec.structs import replace as replaced

from proxy.errors import GatewayError
from proxy.limits.claims import Ceiling, Pairs, Weight, parts_below, told
from proxy.limits.parts import Found, Part

MODEL: Final = "model_saturation_check"
POOL: Final = "priority_model"
SHARED: Final = "default_pool"
"""Of everybody whose priority has no share of its own."""


class Shares:
    """Of one snapshot.

    Args:
        weights: by priority; ``None``: nothing is reserved, models alone are limited.
        default: share of those whose priority has none.
        threshold: saturation, between 0 and 1, from which shares count.
    """

    def __init__(
        self,
        weights: Mapping[str, Weight] | None,
        default: float,
        threshold: float,
        ceiling: Callable[[str], Ceiling],
    ) -> None:
        self._weights = weights
        self._default = default
        self._threshold = threshold
        self._ceiling = ceiling

    def claim(self, model: str, priority: str | None) -> "Share":
        """What a call of a model asks for."""
        ceiling = self._ceiling(model)
        pools: list[Part] = []
        if self._weights is not None:
            pool = priority if priority is not None and priority in self._weights else SHARED
            reserved = self._reserved(ceiling, priority)
            pools = parts_below(reserved, POOL, f"{model}:{pool}")
        return Share(model, priority, parts_below(ceiling, MODEL, model), pools, self._threshold)

    def _reserved(self, ceiling: Ceiling, priority: str | None) -> Ceiling:
        share = self._share(ceiling, priority)
        return Ceiling(*(None if limit is None else int(limit * share) for limit in (ceiling.requests, ceiling.tokens)))

    def _share(self, ceiling: Ceiling, priority: str | None) -> float:
        """Shares of more than everything together are made smaller."""
        weights = {name: weight.of(ceiling) for name, weight in (self._weights or {}).items()}
        if priority is None or priority not in weights:
            return self._default
        return weights[priority] / max(1.0, sum(weights.values()))


class Share:
    """Of one call."""

    def __init__(
        self, model: str, priority: str | None, whole: list[Part], pools: list[Part], threshold: float
    ) -> None:
        self._model = model
        self._priority = priority
        self._whole = whole
        self._pools = pools
        self._threshold = threshold
        self._exceeded = False

    def parts(self, *, strict: bool) -> list[Part]:
        """See :class:`proxy.limits.claims.Claim`; without strictness, only as long as the model is not saturated.

        Calls beyond a share do not count in it, what they use does, as in the reference.
        """
        if strict:
            return self._whole + self._pools
        return [
            *(replaced(part, enforced=min(part.limit, ceil(part.limit * self._threshold))) for part in self._whole),
            *(replaced(part, enforced=inf, amount=0 if self._exceeded else 1) for part in self._pools),
        ]

    def refusal(self, found: Sequence[Found]) -> GatewayError | None:
        """See :class:`proxy.limits.claims.Claim`."""
        whole = _of(self._whole, found)
        for each in whole:
            if each.remaining < 1:
                return self._refused(
                    f"Model capacity reached for {self._model}. Priority: {self._priority}, "
                    f"Rate limit type: {each.part.unit}, Remaining: {each.remaining}",
                    each,
                )
        saturation = max((each.total / each.part.limit for each in whole), default=0.0)
        pools = _of(self._pools, found)
        if saturation < self._threshold:
            self._exceeded = any(each.remaining < 0 for each in pools)
            return None
        for each in pools:
            if each.remaining < 1:
                return self._refused(
                    f"Priority-based rate limit exceeded. Priority: {self._priority}, "
                    f"Rate limit type: {each.part.unit}, Remaining: {each.remaining}, "
                    f"Model saturation: {saturation:.1%}",
                    each,
                    [("x-litellm-saturation", f"{saturation:.2%}")],
                )
        return None

    def _refused(self, text: str, found: Found, headers: Sequence[tuple[str, str]] = ()) -> GatewayError:
        common = [
            ("retry-after", str(ceil(found.reset or 0))),
            ("rate_limit_type", found.part.unit),
            ("x-litellm-priority", self._priority or "default"),
        ]
        return GatewayError(429, told(text), headers=[*common, *headers])

    def headers(self, found: Sequence[Found]) -> Pairs:  # noqa: ARG002 - what is left is told of all parts alike
        """See :class:`proxy.limits.claims.Claim`."""
        priority = (self._priority or "default").encode("latin-1", "replace")
        return [(b"x-litellm-priority", priority), (b"x-litellm-rate-limiter-version", b"v3")]


def _of(parts: Sequence[Part], found: Sequence[Found]) -> list[Found]:
    """What was found for these: a call of several models asks for them all at once."""
    names = {part.counter for part in parts}
    return [each for each in found if each.part.counter in names]
