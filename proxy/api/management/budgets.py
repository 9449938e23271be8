"""``/budget/*``: limits that several holders may share."""

from typing import Annotated, Any, Final

from pydantic import Field, model_validator
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.keys_models import Count, Moment, Money, Names
from proxy.api.management.operation import Asked
from proxy.api.management.validation import Body, Query
from proxy.durations import expires_at
from proxy.errors import DetailError
from proxy.management.audit import record
from proxy.management.budgets import BUDGET_FIELDS, create_budget
from proxy.management.budgets import delete_budget as delete_row
from proxy.management.keys_shown import shown_budget
from proxy.store.rows import Row, change, find, find_all
from proxy.store.tables import budgets
from proxy.store.types import now


class ModelBudget(Body):
    """Limits of one model."""

    max_budget: Money | None = None
    budget_duration: str | None = None
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        """``budget_limit`` and ``time_period``, as other settings call them, mean the same."""
        if not isinstance(values, dict):
            return values
        names = {"budget_limit": "max_budget", "time_period": "budget_duration"}
        return {names.get(name, name): value for name, value in values.items()}


class Budget(Body):
    """``/budget/new`` and ``/budget/update``."""

    budget_id: Annotated[str | None, Field(description="The unique budget id.")] = None
    max_budget: Annotated[
        Money | None, Field(description="Requests will fail if this budget (in USD) is exceeded.")
    ] = None
    soft_budget: Annotated[
        Money | None, Field(description="Requests will NOT fail if this is exceeded. Will fire alerting though.")
    ] = None
    max_parallel_requests: Annotated[
        Count | None, Field(description="Max concurrent requests allowed for this budget id.")
    ] = None
    tpm_limit: Annotated[Count | None, Field(description="Max tokens per minute, allowed for this budget id.")] = None
    rpm_limit: Annotated[Count | None, Field(description="Max requests per minute, allowed for this budget id.")] = None
    budget_duration: Annotated[
        str | None, Field(description="Max duration budget should be set for (e.g. '1hr', '1d', '28d')")
    ] = None
    model_max_budget: Annotated[
        dict[str, ModelBudget] | None,
        Field(
            description="Max budget for each model (e.g. {'gpt-4o': {'max_budget': '0.0000001', 'budget_duration': '1d', "
            "'tpm_limit': 1000, 'rpm_limit': 1000}})"
        ),
    ] = None
    budget_reset_at: Annotated[Moment | None, Field(description="Datetime when the budget is reset")] = None


class BudgetIds(Body):
    """``/budget/info``."""

    budgets: Names


class BudgetId(Body):
    """``/budget/delete``."""

    id: str


class OfBudget(Query):
    """``/budget/settings``."""

    budget_id: str


_TYPES: Final = {
    "max_budget": "Float",
    "soft_budget": "Float",
    "max_parallel_requests": "Integer",
    "tpm_limit": "Integer",
    "rpm_limit": "Integer",
    "budget_duration": "String",
    "model_max_budget": "Object",
}


async def new_budget(asked: Asked, body: Budget) -> Any:
    """Make a budget. Keys, organizations, customers and members of teams refer to it by its id."""
    given = body.given()
    _check(given)
    try:
        async with asked.store.writing("access") as connection:
            row = await create_budget(connection, given, author=asked.user)
            await record(connection, asked, "created", "budgets", row["budget_id"], None, row)
    except IntegrityError:
        taken = f"Budget with budget_id={body.budget_id} already exists. Choose another id, or call `/budget/update`"
        raise DetailError(400, {"error": taken}) from None
    return shown_budget(row)


async def update_budget(asked: Asked, body: Budget) -> Any:
    """Change what is given of a budget; ``null`` when there is none of that id."""
    given = body.given()
    if body.budget_id is None:
        raise DetailError(400, {"error": "budget_id is required"})
    _check(given)
    async with asked.store.writing("access") as connection:
        before = await find(connection, budgets, budget_id=body.budget_id)
        if before is None:
            return None
        values = {name: value for name, value in given.items() if name in (*BUDGET_FIELDS, "budget_reset_at")}
        row = await _changed(connection, before, {**values, "updated_by": asked.user})
        await record(connection, asked, "updated", "budgets", row["budget_id"], before, values)
    return shown_budget(row)


async def budget_info(asked: Asked, body: BudgetIds) -> Any:
    """The budgets with these ids; unknown ones are left out."""
    if not body.budgets:
        raise DetailError(400, {"error": f"Specify list of budget id's to query. Passed in={body.budgets}"})
    async with asked.store.reading() as connection:
        return [shown_budget(row) for row in await find_all(connection, budgets, budgets.c.budget_id.in_(body.budgets))]


async def list_budgets(asked: Asked) -> Any:
    """All budgets, the oldest first."""
    _check_admin(asked)
    async with asked.store.reading() as connection:
        order = (budgets.c.created_at, budgets.c.budget_id)
        return [shown_budget(row) for row in await find_all(connection, budgets, order=order)]


async def budget_settings(asked: Asked, query: OfBudget) -> Any:
    """What can be set of a budget, and what is; for the dashboard."""
    _check_admin(asked)
    async with asked.store.reading() as connection:
        row = await find(connection, budgets, budget_id=query.budget_id) or {}
    return [
        {
            "field_name": name,
            "field_type": _TYPES[name],
            "field_description": field.description,
            "field_value": row.get(name),
            "stored_in_db": True,
            "field_default_value": None,
            "premium_field": False,
            "nested_fields": None,
        }
        for name, field in Budget.model_fields.items()
        if name in _TYPES
    ]


async def delete_budget(asked: Asked, body: BudgetId) -> Any:
    """Delete a budget; what referred to it goes on without one. ``null`` when there is none of that id."""
    _check_admin(asked)
    async with asked.store.writing("access") as connection:
        row = await delete_row(connection, body.id)
        if row is not None:
            await record(connection, asked, "deleted", "budgets", body.id, row, {})
    return None if row is None else shown_budget(row)


async def _changed(connection: AsyncConnection, before: Row, values: dict[str, Any]) -> Row:
    [row] = await change(connection, budgets, values, budgets.c.budget_id == before["budget_id"])
    return row


def _check(given: dict[str, Any]) -> None:
    for name in ("max_budget", "soft_budget"):
        value = given.get(name)
        if value is not None and value < 0:
            raise DetailError(400, {"error": f"{name} cannot be negative. Received: {value}"})
    spans = {"budget_duration": given.get("budget_duration")}
    for model, limits in (given.get("model_max_budget") or {}).items():
        spans[f"model_max_budget.{model}.budget_duration"] = limits.get("budget_duration")
    for name, span in spans.items():
        if span is not None:
            _check_duration(name, span)


def _check_duration(name: str, span: str) -> None:
    try:
        expires_at(span, now())
    except ValueError:
        hint = f"{name} is no duration: write a number and s, m, h, d, w or mo, such as 30d. Received: {span}"
        raise DetailError(400, {"error": hint}) from None


def _check_admin(asked: Asked) -> None:
    if not asked.caller.is_admin:
        raise DetailError(
            400, {"error": f"Admin-only endpoint. Not allowed to access this., your role={asked.caller.role}"}
        )
