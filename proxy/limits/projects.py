"""``dynamic_rate_limiter``, the older one: what is left of a model is parted among the keys that call it.

The reference parts by ``priority_reservation`` only with a licence; here the shares count.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from proxy.errors import GatewayError
from proxy.limits.claims import PROJECT, Ceiling, Pairs, Weight, parts_below, told
from proxy.limits.parts import Found, Part
from proxy.state.base import Charge, State

SECONDS: Final = 60.0
"""For so long a key is active after a call, at the most."""
NOBODY: Final = "default_key"


class Projects:
    """Of one snapshot."""

    def __init__(self, weights: Mapping[str, Weight] | None, ceiling: Callable[[str], Ceiling]) -> None:
        self._weights = weights or {}
        self._ceiling = ceiling

    async def claim(self, state: State, model: str, key: str | None, priority: str | None) -> "Project":
        """What a call of a model asks for, now that its key is active."""
        ceiling = self._ceiling(model)
        reserved = None if priority is None else self._weights.get(priority)
        weight = 1.0 if reserved is None else reserved.of(ceiling)
        mine, all_ = f"active:{model}:{key or NOBODY}", f"active:{model}"
        joined = await state.reserve([Charge(mine, 1, SECONDS, 1), Charge(all_, 1, SECONDS)])
        others = int(joined.totals[1]) - (1 if joined.granted else 0)
        return Project(model, key, parts_below(ceiling, PROJECT, model), weight, others)


class Project:
    """Of one call. ``active``: keys that called the model before."""

    def __init__(self, model: str, key: str | None, whole: list[Part], weight: float, active: int) -> None:
        self._model = model
        self._key = key
        self._whole = whole
        self._weight = weight
        self._active = active

    def parts(self, *, strict: bool) -> list[Part]:  # noqa: ARG002 - there is one way to ask
        """See :class:`proxy.limits.claims.Claim`: at least one request, and one token, must be left for the key."""
        spare = max(1, self._active) / self._weight if self._weight > 0 else float("inf")
        return [
            msgspec.structs.replace(part, enforced=part.limit - spare + part.amount)
            for part in (_uncounted(part) for part in self._whole)
        ]

    def refusal(self, found: Sequence[Found]) -> GatewayError | None:
        """See :class:`proxy.limits.claims.Claim`."""
        for each in sorted(self._mine(found), key=lambda each: each.part.unit != "tokens"):
            if self._available(each) == 0:
                name = "TPM" if each.part.unit == "tokens" else "RPM"
                active = self._active or None
                text = f"Key={self._key} over available {name}=0. Model {name}={each.remaining}, Active keys={active}"
                return GatewayError(429, told(text))
        return None

    def headers(self, found: Sequence[Found]) -> Pairs:
        """See :class:`proxy.limits.claims.Claim`."""
        headers = [(b"x-litellm-model_group", self._model.encode("latin-1", "replace"))]
        for each in self._mine(found):
            unit = each.part.unit.encode()
            headers += (
                (b"x-ratelimit-remaining-litellm-project-" + unit, b"%d" % self._available(each)),
                (b"x-ratelimit-remaining-model-" + unit, b"%d" % each.remaining),
            )
        return [*headers, (b"x-ratelimit-current-active-projects", b"%d" % max(1, self._active))]

    def _available(self, found: Found) -> int:
        return max(0, int(found.remaining * self._weight / max(1, self._active)))

    def _mine(self, found: Sequence[Found]) -> list[Found]:
        return [each for each in found if each.part.scope == PROJECT]


def _uncounted(part: Part) -> Part:
    """Tokens are counted when the call has ended, and not before."""
    return msgspec.structs.replace(part, amount=0) if part.unit == "tokens" else part
