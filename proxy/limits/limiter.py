"""Lets calls in that all of their limits have room for: one step of the state, whoever else comes at the same time."""

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

import msgspec

from proxy.call import Call, Usage
from proxy.config.errors import ConfigError
from proxy.config.references import variable
from proxy.limits.after import Afterwards
from proxy.limits.claims import PROJECT, Claim, priority_of
from proxy.limits.parts import PARALLEL, WITHOUT, Findings, Part, charge_of, findings, parts_of, slot_of
from proxy.limits.refusals import batch_refusal, headers_of, quoting, refusal
from proxy.limits.settings import Counted
from proxy.limits.taken import Taken
from proxy.rates import Rate, Unit
from proxy.state.base import Lease, State

ROUNDS: Final = (True, False, True, False)
"""How strictly the dynamic limiters ask, one answer after the other; others may have changed the counts meanwhile."""
WINDOW: Final = "LITELLM_RATE_LIMIT_WINDOW_SIZE"


class Limiter:
    """Of one process; what it counts, all that share its state have in common.

    Raises ConfigError when the environment names no window.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.window = _window()
        """Seconds that requests and tokens are counted for; they begin with the first call."""
        self._afterwards = Afterwards(state, self.window)

    def concerns(self, call: Call) -> bool:
        """Whether a call has limits."""
        return call.identity.rates is not None or call.customer_rate is not None or call.snapshot.limits.of_models

    async def admit(self, call: Call, models: Sequence[str] = ()) -> None:
        """Let a call in. Its tokens are counted, and its places given back, when it ends.

        Args:
            models: that it is about, if it is not about ``call.model`` alone.

        Raises:
            GatewayError: 429, a limit is reached; nothing was counted.
        """
        models = models or (call.model,)
        own, claims = parts_of(_rates(call, models), _ignored(call)), await self._claims(call, models)
        held = Held(self._afterwards, call.snapshot.limits.counted)
        if own or claims:
            found = await self._take(call, own, claims)
            call.limit_headers += headers_of(each for each in found.found if each.part.scope != PROJECT)
            for claim in claims:
                call.limit_headers += claim.headers(found.found)
            held.take(found)
        if _knows_models(call):
            call.on_reroute = partial(self._reroute, call, held)
            call.on_settle = held.settle
        elif held.owes:
            call.on_settle = held.settle

    def of_batch(self, call: Call) -> list[Part]:
        """The limits that a batch has to keep: those of requests and tokens."""
        return [part for part in parts_of(_rates(call, (call.model,))) if part.unit != PARALLEL]

    async def admit_batch(self, parts: Sequence[Part], requests: int, tokens: int) -> Taken:
        """Let a batch in, whose requests all count now, and their tokens.

        Args:
            parts: what :meth:`of_batch` said.

        Raises:
            GatewayError: 429, a limit has less room; nothing was counted.
        """
        amounts = {"requests": requests, "tokens": tokens}
        wanted = [msgspec.structs.replace(part, amount=amounts[part.unit]) for part in parts]
        charges, began = [charge_of(part, self.window) for part in wanted], time.monotonic()
        found = findings(wanted, await self._state.reserve(charges))
        if found.refused is not None:
            raise batch_refusal(found.refused)
        return Taken(self._state, charges, found.reservation, began)

    async def stop(self) -> None:
        """After the last call: the state knows everything."""
        await self._afterwards.stop()

    async def _reroute(self, call: Call, held: "Held", models: Sequence[str]) -> None:
        """Let a call go on to other models; whatever the caller may ask for of all models, it has been let in for.

        Raises:
            GatewayError: 429, a limit of the models is reached; nothing more was counted.
        """
        own, claims = parts_of(_model_rates(call, models)), await self._claims(call, models)
        held.go_on((await self._take(call, own, claims)) if own or claims else None)

    async def _claims(self, call: Call, models: Sequence[str]) -> list[Claim]:
        """Of the dynamic limiters that the config has."""
        settings, claims = call.snapshot.limits, list[Claim]()
        if not settings.of_models:
            return claims
        priority = priority_of(call.identity)
        for group in dict.fromkeys(_group(call, model) for model in models):
            if settings.projects is not None:
                claims.append(await settings.projects.claim(self._state, group, call.identity.token, priority))
            if settings.shares is not None:
                claims.append(settings.shares.claim(group, priority))
        return claims

    async def _take(self, call: Call, own: Sequence[Part], claims: Sequence[Claim]) -> Findings:
        """Raises GatewayError, 429: something has no room."""
        for strict in ROUNDS:
            found = await self._reserve(own, claims, strict=strict)
            if found.refused is None:
                return found
            if found.refused.part in own:
                break
            for claim in claims:
                error = claim.refusal(found.found)
                if error is not None:
                    raise quoting(error, call.endpoint)
        assert found.refused is not None
        raise quoting(refusal(found.refused, self.window), call.endpoint)

    async def _reserve(self, own: Sequence[Part], claims: Sequence[Claim], *, strict: bool) -> Findings:
        parts = [*own, *(part for claim in claims for part in claim.parts(strict=strict))]
        counted = [part for part in parts if part.unit != PARALLEL]
        held = [part for part in parts if part.unit == PARALLEL]
        charges = [charge_of(part, self.window) for part in counted]
        return findings([*counted, *held], await self._state.reserve(charges, [slot_of(part) for part in held]))


class Held:
    """What a call that was let in owes, until it has ended."""

    def __init__(self, afterwards: Afterwards, counted: Counted) -> None:
        self._afterwards = afterwards
        self._counted = counted
        self._counters: list[str] = []
        self._further: list[str] = []
        """Of the models that it went on to."""
        self._lease: Lease | None = None
        self._settled = False

    @property
    def owes(self) -> bool:
        """Whether there is anything to do when the call has ended."""
        return bool(self._counters) or self._lease is not None

    def take(self, found: Findings) -> None:
        """What the call was let in for."""
        self._counters, self._lease = _tokens(found), found.reservation.lease
        if self._lease is not None:
            self._afterwards.hold(self._lease)

    def go_on(self, found: Findings | None) -> None:
        """What it goes on for, in place of what it went on for before; ``None``: nothing."""
        self._further = [] if found is None else _tokens(found)

    def settle(self, usage: Usage) -> None:
        """Once: the rest of what was used is added, the places are free."""
        if self._settled:
            return
        self._settled = True
        amount = self._counted.of(usage)
        counters = dict.fromkeys(self._counters + self._further)
        if counters and amount:
            self._afterwards.add(counters, amount)
        if self._lease is not None:
            self._afterwards.give_back(self._lease)


def _tokens(found: Findings) -> list[str]:
    return [each.part.counter for each in found.found if each.part.unit == "tokens"]


def _group(call: Call, model: str) -> str:
    """The model group that a name stands for, whatever it is; a model of a wildcard's goes by its own name."""
    found = call.snapshot.router.groups.find(model)
    return model if not found or "*" in found[0].group else found[0].group


def _knows_models(call: Call) -> bool:
    """Whether some models have limits that others have not."""
    rates = call.identity.rates
    return call.snapshot.limits.of_models or (rates is not None and bool(rates.by_model))


def _rates(call: Call, models: Sequence[str]) -> Iterator[Rate]:
    """All that a call has to keep, in the order in which it is refused."""
    if call.identity.rates is not None:
        yield from call.identity.rates.fixed
        yield from _model_rates(call, models)
    if call.customer_rate is not None:
        yield call.customer_rate


def _model_rates(call: Call, models: Sequence[str]) -> Iterable[Rate]:
    """Those that hold for certain models; once, if several names stand for the same."""
    rates = call.identity.rates
    if rates is None or not rates.by_model:
        return ()
    return dict.fromkeys(rate for model in models for rate in rates.of(model, _group(call, model)))


def _ignored(call: Call) -> frozenset[Unit]:
    """What of the key does not count, because all deployments of the model are well."""
    rates = call.identity.rates
    if rates is None or not rates.lenient:
        return WITHOUT
    router = call.snapshot.router
    failing = any(map(router.cooldowns.is_failing, router.groups.find(call.model) or ()))
    return WITHOUT if failing else rates.lenient


def _window() -> int:
    given = variable(WINDOW) or "60"
    if not given.isascii() or not given.isdigit() or int(given) < 1:
        raise ConfigError(f"is {given!r}; set a number of seconds, at least 1", key=f"environment variable {WINDOW}")
    return int(given)
