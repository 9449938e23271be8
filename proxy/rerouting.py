"""Calls that go on to other models than they were let in for: fallbacks that clients name, and what auto routers choose."""

from collections.abc import Sequence

from proxy.call import Call
from proxy.errors import GatewayError
from proxy.routing.refusals import Denied


async def denied(call: Call, models: Sequence[str]) -> Denied | None:
    """Why a call may not go on to these models: the key's budgets and everybody's limits for them hold as at the door."""
    admission, access = call.snapshot.admission, call.identity.access
    try:
        if admission is not None and access is not None:
            admission.check_model_budgets(access, models)
        if call.on_reroute is not None:
            await call.on_reroute(models)
    except GatewayError as error:
        return Denied(error)
    return None
