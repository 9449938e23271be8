"""What the dynamic limiters ask for a call: room in its model, whoever calls (F.md, F6)."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Literal, Protocol

import msgspec

from proxy.call import Identity
from proxy.errors import GatewayError
from proxy.limits.parts import Found, Part
from proxy.routing.groups import Groups

PROJECT: Final = "model_of_projects"
"""The scope of what answers tell in words of their own (:mod:`proxy.limits.projects`)."""
Pairs = list[tuple[bytes, bytes]]


class Ceiling(msgspec.Struct, frozen=True):
    """What all deployments of a model take in a minute; ``None``: nobody knows."""

    requests: int | None
    tokens: int | None


class Weight(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is reserved for a priority: a share of the model, or a number of requests or tokens."""

    value: float = 1.0
    type: Literal["percent", "rpm", "tpm"] = "percent"

    def of(self, ceiling: Ceiling) -> float:
        """As a share; a number of what the model has no limit of is one already, as in the reference."""
        whole = {"percent": None, "rpm": ceiling.requests, "tpm": ceiling.tokens}[self.type]
        return self.value if whole is None else self.value / whole


class Claim(Protocol):
    """Of one call."""

    def parts(self, *, strict: bool) -> list[Part]:
        """What the state is asked for.

        Args:
            strict: false when the answer to the strict question was that it was too strict.
        """
        ...

    def refusal(self, found: Sequence[Found]) -> GatewayError | None:
        """Why the call is refused; ``None``: it was asked too strictly, or not strictly enough."""
        ...

    def headers(self, found: Sequence[Found]) -> Pairs:
        """Of a good answer."""
        ...


def ceilings(groups: Groups) -> Callable[[str], Ceiling]:
    """The ceiling of a model by its name."""

    @lru_cache(maxsize=1024)
    def of(model: str) -> Ceiling:
        members = groups.find(model) or ()
        requests = [member.params.rpm for member in members if member.params.rpm is not None]
        tokens = [member.params.tpm for member in members if member.params.tpm is not None]
        return Ceiling(sum(requests) or None, sum(tokens) or None)

    return of


def parts_below(ceiling: Ceiling, scope: str, name: str) -> list[Part]:
    """A part for each limit of a ceiling."""
    parts = []
    if ceiling.requests is not None:
        parts.append(Part(scope, name, "requests", ceiling.requests))
    if ceiling.tokens is not None:
        parts.append(Part(scope, name, "tokens", ceiling.tokens))
    return parts


def priority_of(caller: Identity) -> str | None:
    """Of its team, else of its key."""
    return None if caller.rates is None else caller.rates.priority


def told(error: str) -> str:
    """An error as the reference writes it: the text of a Python dict."""
    return f"{{'error': {error!r}}}"
