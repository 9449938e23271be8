"""Lets calls in that all of their limits have room for: one step of the state, whoever else comes at the same time."""

from collections.abc import Iterator, Sequence
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

    async def admit(self, call: Call) -> None:
        """Let a call in. Its tokens are counted, and its places given back, when it ends.

        Raises:
            GatewayError: 429, a limit is reached; nothing was counted.
        """
        own, claims = parts_of(_rates(call), _ignored(call)), await self._claims(call)
        if not own and not claims:
            return
        for strict in ROUNDS:
            found = await self._reserve(own, claims, strict=strict)
            if found.refused is None:
                break
            if found.refused.part in own:
                raise quoting(refusal(found.refused, self.window), call.endpoint)
            for claim in claims:
                error = claim.refusal(found.found)
                if error is not None:
                    raise quoting(error, call.endpoint)
        else:
            assert found.refused is not None
            raise quoting(refusal(found.refused, self.window), call.endpoint)
        call.limit_headers += headers_of(each for each in found.found if each.part.scope != PROJECT)
        for claim in claims:
            call.limit_headers += claim.headers(found.found)
        self._hold(call, found)

    def of_batch(self, call: Call) -> list[Part]:
        """The limits that a batch has to keep: those of requests and tokens."""
        return [part for part in parts_of(_rates(call)) if part.unit != PARALLEL]

    async def admit_batch(self, parts: Sequence[Part], requests: int, tokens: int) -> None:
        """Let a batch in, whose requests all count now, and their tokens.

        Args:
            parts: what :meth:`of_batch` said.

        Raises:
            GatewayError: 429, a limit has less room; nothing was counted.
        """
        amounts = {"requests": requests, "tokens": tokens}
        wanted = [msgspec.structs.replace(part, amount=amounts[part.unit]) for part in parts]
        charges = [charge_of(part, self.window) for part in wanted]
        found = findings(wanted, await self._state.reserve(charges))
        if found.refused is not None:
            raise batch_refusal(found.refused)

    async def stop(self) -> None:
        """After the last call: the state knows everything."""
        await self._afterwards.stop()

    async def _claims(self, call: Call) -> list[Claim]:
        """Of the dynamic limiters that the config has."""
        settings, claims = call.snapshot.limits, list[Claim]()
        priority = priority_of(call.identity)
        if settings.projects is not None:
            claims.append(await settings.projects.claim(self._state, _group(call), call.identity.token, priority))
        if settings.shares is not None:
            claims.append(settings.shares.claim(_group(call), priority))
        return claims

    async def _reserve(self, own: Sequence[Part], claims: Sequence[Claim], *, strict: bool) -> Findings:
        parts = [*own, *(part for claim in claims for part in claim.parts(strict=strict))]
        counted = [part for part in parts if part.unit != PARALLEL]
        held = [part for part in parts if part.unit == PARALLEL]
        charges = [charge_of(part, self.window) for part in counted]
        return findings([*counted, *held], await self._state.reserve(charges, [slot_of(part) for part in held]))

    def _hold(self, call: Call, found: Findings) -> None:
        counters = [each.part.counter for each in found.found if each.part.unit == "tokens"]
        lease = found.reservation.lease
        if not counters and lease is None:
            return
        if lease is not None:
            self._afterwards.hold(lease)
        held = Held(self._afterwards, call.snapshot.limits.counted, counters, lease)
        call.on_settle = held.settle


class Held:
    """What a call that was let in owes, until it has ended."""

    def __init__(self, afterwards: Afterwards, counted: Counted, counters: Sequence[str], lease: Lease | None) -> None:
        self._afterwards = afterwards
        self._counted = counted
        self._counters = counters
        self._lease = lease
        self._settled = False

    def settle(self, usage: Usage) -> None:
        """Once: the rest of what was used is added, the places are free."""
        if self._settled:
            return
        self._settled = True
        amount = self._counted.of(usage)
        if self._counters and amount:
            self._afterwards.add(self._counters, amount)
        if self._lease is not None:
            self._afterwards.give_back(self._lease)


def _group(call: Call) -> str:
    """The model group that a call is about, whatever it named it by; a model of a wildcard's goes by its own name."""
    found = call.snapshot.router.groups.find(call.model)
    return call.model if not found or "*" in found[0].group else found[0].group


def _rates(call: Call) -> Iterator[Rate]:
    rates = call.identity.rates
    if rates is not None:
        yield from rates.of(call.model, _group(call) if rates.by_model else call.model)
    if call.customer_rate is not None:
        yield call.customer_rate


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
