"""Calls with limits, and the one process that lets them in."""

from types import SimpleNamespace
from typing import Any, cast

from proxy.call import Call, Identity
from proxy.errors import GatewayError
from proxy.limits.limiter import Limiter
from proxy.limits.settings import LimitSettings
from proxy.rates import Rate, Rates
from proxy.snapshot import Snapshot
from tests.proxy.routing.making import aliases, entry, router

PLAIN = LimitSettings()
ROUTER = router([entry("chat", "chat-1")], model_group_alias=aliases(short="chat"))


def call_of(*rates: Rate, model: str = "any", settings: LimitSettings = PLAIN, priority: str | None = None) -> Call:
    """A call of somebody with these limits."""
    snapshot = cast(Snapshot, SimpleNamespace(limits=settings, router=ROUTER))
    call = Call(snapshot, "chat", {})
    call.model = model
    call.identity = Identity(rates=Rates(rates, priority=priority))
    return call


async def admitted(limiter: Limiter, call: Call) -> GatewayError | None:
    """Why it is not let in."""
    try:
        await limiter.admit(call)
    except GatewayError as error:
        return error
    return None


def header(call: Call, name: str) -> Any:
    """Of a good answer; ``None``: it has none of the name."""
    return dict(call.limit_headers).get(name.encode())
