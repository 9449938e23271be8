"""``dynamic_rate_limiter``, the older one: what is left of a model is parted among the keys that call it.

The reference parts by ``priority_reservation`` only with a licence; here the shares count.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from math import ceil, inf
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
        active = int(joined.totals[1])
        whole = parts_below(ceiling, PROJECT, model)
        return Project(model, key, whole, weight, active=active, before=active - 1 if joined.granted else active)


class Project:
    """Of one call.

    Args:
        active: keys that call the model now, this one too.
        before: those that did before it; among them it is decided.
    """

    def __init__(
        self, model: str, key: str | None, whole: list[Part], weight: float, *, active: int, before: int
    ) -> None:
        self._model = model
        self._key = key
        self._whole = whole
        self._weight = weight
        self._active = active
        self._before = before

    def parts(self, *, strict: bool) -> list[Part]:  # noqa: ARG002 - there is one way to ask
        """See :class:`proxy.limits.claims.Claim`: at least one request, and one token, must be left for the key."""
        spare = self._spare()
        return [
            msgspec.structs.replace(part, enforced=part.limit - spare + part.amount)
            for part in (_uncounted(part) for part in self._whole)
        ]

    def refusal(self, found: Sequence[Found]) -> GatewayError | None:
        """See :class:`proxy.limits.claims.Claim`."""
        for each in sorted(self._mine(found), key=lambda each: each.part.unit != "tokens"):
            if self._share(each.remaining, self._before) == 0:
                name = "TPM" if each.part.unit == "tokens" else "RPM"
                keys = self._before or None
                text = f"Key={self._key} over available {name}=0. Model {name}={each.remaining}, Active keys={keys}"
                return GatewayError(429, told(text))
        return None

    def headers(self, found: Sequence[Found]) -> Pairs:
        """See :class:`proxy.limits.claims.Claim`; what is told is what was left before the call."""
        model = "".join(filter(str.isprintable, self._model))
        headers = [(b"x-litellm-model_group", model.encode("latin-1", "replace"))]
        for each in self._mine(found):
            unit, left = each.part.unit.encode(), each.remaining + each.part.amount
            headers += (
                (b"x-ratelimit-remaining-litellm-project-" + unit, b"%d" % self._share(left, self._active)),
                (b"x-ratelimit-remaining-model-" + unit, b"%d" % left),
            )
        if self._whole:
            headers.append((b"x-ratelimit-current-active-projects", b"%d" % self._active))
        return headers

    def _share(self, left: int, active: int) -> int:
        return max(0, int(left * self._weight / max(1, active)))

    def _spare(self) -> float:
        """The least that must be left for the key's share of it to be one: as :meth:`_share` reckons, in whole numbers."""
        if self._weight <= 0:
            return inf
        least = ceil(max(1, self._before) / self._weight)
        return next(left for left in count(max(0, least - 1)) if self._share(left, self._before))

    def _mine(self, found: Sequence[Found]) -> list[Found]:
        return [each for each in found if each.part.scope == PROJECT and each.part.id == self._model]


def _uncounted(part: Part) -> Part:
    """Tokens are counted when the call has ended, and not before."""
    return msgspec.structs.replace(part, amount=0) if part.unit == "tokens" else part
