"""``/spend/*`` and ``/cost/estimate``: who has spent how much, and what calls cost."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import ColumnElement

from proxy.accounting.catalog import Catalog
from proxy.accounting.cost import Cost, PriceBook
from proxy.accounting.table import load_table
from proxy.api.management.operation import Asked
from proxy.api.management.validation import Body, Query
from proxy.call import Usage
from proxy.config.model import DeploymentParams
from proxy.deployment import Deployment, split_model
from proxy.errors import DetailError, GatewayError
from proxy.management.spend import LOGS, sees_own_only, spent_by_tag
from proxy.store import tables
from proxy.store.rows import Row, find_all
from proxy.tokens.count import count_messages
from proxy.tokens.errors import Uncountable

SECRET = frozenset(("password",))
MOST = 10**12
"""Tokens or calls of an estimate."""


async def keys(asked: Asked) -> list[Row]:
    """All keys, the dearest first; callers who are no admins see their own."""
    table, caller = tables.keys, asked.caller
    where: list[ColumnElement[bool]] = []
    if sees_own_only(caller):
        own = table.c.token == caller.token if caller.user_id is None else table.c.user_id == caller.user_id
        where.append(own)
    async with asked.store.reading() as connection:
        return await find_all(connection, table, *where, order=[table.c.spend.desc(), table.c.token])


class UsersQuery(Query):
    """Of ``GET /spend/users``."""

    user_id: str | None = None


async def users(asked: Asked, query: UsersQuery) -> list[Row | None]:
    """All users, the dearest first, or one; callers who are no admins see themselves."""
    table = tables.users
    wanted = asked.caller.user_id or "" if sees_own_only(asked.caller) else query.user_id
    where = [] if wanted is None else [table.c.user_id == wanted]
    async with asked.store.reading() as connection:
        found = await find_all(connection, table, *where, order=[table.c.spend.desc(), table.c.user_id])
    shown = [{name: value for name, value in row.items() if name not in SECRET} for row in found]
    return [*shown] if shown or wanted is None else [None]


async def tags(asked: Asked) -> list[Row]:
    """What calls with each tag cost; callers who are no admins see their own."""
    caller = asked.caller
    where: list[ColumnElement[bool]] = []
    if sees_own_only(caller):
        where.append(LOGS.c.api_key == caller.token if caller.user_id is None else LOGS.c.user == caller.user_id)
    async with asked.store.reading() as connection:
        return await spent_by_tag(connection, *where)


class Calculated(Body):
    """Of ``POST /spend/calculate``."""

    model: str | None = None
    messages: list[Any] | None = None
    completion_response: dict[str, Any] | None = None


async def calculate(asked: Asked, body: Calculated) -> dict[str, float | None]:
    """What a prompt would cost, or an answer did."""
    if body.model is not None:
        if body.messages is None:
            raise GatewayError(400, "Bad Request - messages must be provided if 'model' is provided")
        deployment = _deployment(asked, body.model)
        try:
            read = await asyncio.to_thread(count_messages, body.messages, deployment.model)
        except Uncountable as error:
            raise GatewayError(400, f"Bad Request - the tokens cannot be counted: {error}") from error
        return {"cost": _priced(asked, body.model, Usage(read, 0, read)).final}
    if body.completion_response is None:
        raise GatewayError(400, "Bad Request - Either 'model' or 'completion_response' must be provided")
    told = body.completion_response.get("usage")
    usage = Usage(_tokens(told, "prompt_tokens"), _tokens(told, "completion_tokens"), _tokens(told, "total_tokens"))
    return {"cost": _priced(asked, str(body.completion_response.get("model") or ""), usage).final}


class Estimated(Body):
    """Of ``POST /cost/estimate``."""

    model: str
    input_tokens: Annotated[int, Field(ge=0, le=MOST)]
    output_tokens: Annotated[int, Field(ge=0, le=MOST)]
    num_requests_per_day: Annotated[int | None, Field(ge=0, le=MOST)] = None
    num_requests_per_month: Annotated[int | None, Field(ge=0, le=MOST)] = None


async def estimate(asked: Asked, body: Estimated) -> dict[str, Any]:
    """What calls of a model would cost, one, a day's and a month's."""
    usage = Usage(body.input_tokens, body.output_tokens, body.input_tokens + body.output_tokens)
    deployment = _deployment(asked, body.model)
    cost = _cost(asked, deployment, usage)
    if cost.final is None:
        name = f"{deployment.provider}/{deployment.model}"
        raise DetailError(
            404,
            {"error": f"Could not calculate cost for model '{body.model}' (resolved to '{name}'): no price is known"},
        )
    one = Usage(1, 1, 2)
    each = _cost(asked, deployment, one)
    parts = {
        "cost": cost.final,
        "input_cost": cost.read,
        "output_cost": cost.written,
        "margin_cost": cost.margin,
    }
    told: dict[str, Any] = body.model_dump()
    told |= {f"{name}_per_request": value for name, value in parts.items()}
    for period, count in (("daily", body.num_requests_per_day), ("monthly", body.num_requests_per_month)):
        told |= {f"{period}_{name}": None if count is None else value * count for name, value in parts.items()}
    return told | {
        "input_cost_per_token": each.read,
        "output_cost_per_token": each.written,
        "provider": deployment.provider,
    }


async def provider_budgets(asked: Asked) -> dict[str, Any]:
    """What providers may cost in a period (``provider_budget_config``), and have cost in this one."""
    snapshot = asked.gateway.snapshot
    budgets = snapshot.router.budgets
    if not snapshot.config.router_settings.provider_budget_config or budgets is None:
        raise GatewayError(
            500,
            "Internal Server Error, No provider budget config found. Please set a provider budget config in the router "
            "settings. https://docs.litellm.ai/docs/proxy/provider_budget_routing",
            type="internal_server_error",
        )
    spending = budgets.spending
    told = {}
    for provider, budget in budgets.of_providers.items():
        end = spending.end(budget)
        told[provider] = {
            "budget_limit": budget.limit,
            "time_period": budget.period,
            "spend": spending.of(budget),
            "budget_reset_at": None if end is None else datetime.fromtimestamp(end, UTC).isoformat(),
        }
    return {"providers": told}


def _priced(asked: Asked, model: str, usage: Usage) -> Cost:
    """Raises GatewayError, 400, when nobody knows the price."""
    cost = _cost(asked, _deployment(asked, model), usage)
    if cost.final is None:
        raise GatewayError(
            400,
            f"No price is known for model={model}; give its deployment input_cost_per_token and output_cost_per_token",
            type=None,
            param=None,
        )
    return cost


def _deployment(asked: Asked, model: str) -> Deployment:
    """The first deployment of a model group, else the public model of that name."""
    found = asked.gateway.snapshot.router.groups.find(model)
    if found:
        return found[0]
    provider, name = split_model(model)
    return Deployment(provider, model, provider, name, DeploymentParams(model=model), {})


def _cost(asked: Asked, deployment: Deployment, usage: Usage) -> Cost:
    snapshot = asked.gateway.snapshot
    if deployment in snapshot.router.groups.deployments:
        return snapshot.prices.cost_of(deployment, usage)
    return PriceBook((), Catalog(load_table()), snapshot.config.settings.other).cost_of(deployment, usage)


def _tokens(told: Any, name: str) -> int:
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, int) and 0 <= value <= MOST else 0
