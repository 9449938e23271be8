"""``/customer/*`` and their older names ``/end_user/*``: customers are made, looked up, changed, blocked and deleted."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from proxy.api.management.budgets import ModelBudget
from proxy.api.management.keys_errors import INTERNAL, refusals
from proxy.api.management.keys_models import Count, Money, ObjectPermission
from proxy.api.management.operation import Asked
from proxy.api.management.users_models import Name
from proxy.api.management.validation import Body, Query
from proxy.auth.permissions import Role
from proxy.errors import GatewayError
from proxy.management import customers
from proxy.management.audit import record
from proxy.management.customers_budget import shown_budget_of
from proxy.management.object_permissions import object_permission

Region = Literal["eu", "us"]


class NewCustomer(Body):
    """``/customer/new``."""

    user_id: Name
    alias: str | None = None
    blocked: bool = False
    spend: Money | None = None
    allowed_model_region: Region | None = None
    default_model: str | None = None
    object_permission: ObjectPermission | None = None
    budget_id: str | None = None
    max_budget: Money | None = None
    soft_budget: Money | None = None
    max_parallel_requests: Count | None = None
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None
    budget_duration: str | None = None
    model_max_budget: dict[str, ModelBudget] | None = None
    budget_reset_at: datetime | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_budget(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and values.get("max_budget") is not None and values.get("budget_id") is not None:
            raise ValueError("Set either 'max_budget' or 'budget_id', not both.")
        return values


class UpdateCustomer(Body):
    """``/customer/update``."""

    user_id: Name
    alias: str | None = None
    blocked: bool = False
    max_budget: Money | None = None
    budget_id: str | None = None
    allowed_model_region: Region | None = None
    default_model: str | None = None
    object_permission: ObjectPermission | None = None


class Customers(Body):
    """Customers by id."""

    user_ids: Annotated[list[Name], Field(max_length=10_000)]


class OneCustomer(Query):
    """A customer."""

    end_user_id: str


async def new_customer(asked: Asked, body: NewCustomer) -> Any:
    """Make a customer, with limits of his own or those of a budget."""
    _check_model(asked, body.default_model)
    with refusals(INTERNAL):
        async with asked.store.writing("access") as connection:
            row = await customers.make_customer(connection, body.model_dump(), asked.user)
            await record(connection, asked, "created", "customers", row["user_id"], None, row)
            return await customers.whole_customer(connection, row)


def _check_model(asked: Asked, name: str | None) -> None:
    known = set(asked.gateway.snapshot.router.groups.listed())
    if name is not None and name not in known:
        words = "Default Model not on proxy. Configure via `/model/new` or config.yaml. "
        listed = f"Default_model={name}, proxy_model_names={known or set()}"
        raise GatewayError(422, str({"error": words + listed}), type=INTERNAL)


async def update_customer(asked: Asked, body: UpdateCustomer) -> Any:
    """Change what is given of a customer; limits go to his budget."""
    if not body.user_id:
        raise _nobody("")
    with refusals(INTERNAL):
        async with asked.store.writing("access") as connection:
            before = await customers.known_customer(connection, body.user_id, "user_id")
            row = await customers.change_customer(connection, body.given(), asked.user)
            await record(connection, asked, "updated", "customers", row["user_id"], before, row)
            return await customers.whole_customer(connection, row)


async def delete_customers(asked: Asked, body: Customers) -> Any:
    """Delete customers."""
    if not body.user_ids:
        raise _nobody(body.user_ids)
    async with asked.store.writing("access") as connection:
        number = await customers.delete_customers(connection, body.user_ids)
        for user_id in body.user_ids:
            await record(connection, asked, "deleted", "customers", user_id, {"user_id": user_id}, None)
    return {
        "deleted_customers": number,
        "message": f"Successfully deleted customers with ids: {body.user_ids}",
    }


def _nobody(passed: Any) -> GatewayError:
    return GatewayError(400, f"user_id is required, passed user_id = {passed}", type=INTERNAL)


async def block_customers(asked: Asked, body: Customers) -> Any:
    """Refuse calls of these customers; those who are not known yet are made."""
    async with asked.store.writing("access") as connection:
        rows = await customers.block(connection, body.user_ids)
        for row in rows:
            await record(connection, asked, "blocked", "customers", row["user_id"], None, row)
    return {"blocked_users": [customers.bare_customer(row) for row in rows]}


async def unblock_customers(asked: Asked, body: Customers) -> Any:
    """Let these customers call again."""
    async with asked.store.writing("access") as connection:
        rows = await customers.unblock(connection, body.user_ids)
        for row in rows:
            await record(connection, asked, "unblocked", "customers", row["user_id"], None, row)
    return {"blocked_users": [customers.bare_customer(row) for row in rows]}


async def customer_info(asked: Asked, query: OneCustomer) -> Any:
    """A customer with budget and permissions."""
    async with asked.store.reading() as connection:
        row = await customers.known_customer(connection, query.end_user_id, "end_user_id")
        budget = await shown_budget_of(connection, row)
        return customers.shown_customer(row, budget, await object_permission(connection, row))


async def end_user_info(asked: Asked, query: OneCustomer) -> Any:
    """A customer, under the older name: all columns that have a value."""
    async with asked.store.reading() as connection:
        row = await customers.known_customer(connection, query.end_user_id, "end_user_id")
        return _without_nulls(await customers.whole_customer(connection, row))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return value


async def list_customers(asked: Asked) -> Any:
    """All customers."""
    if not asked.caller.is_admin and asked.caller.role != Role.ADMIN_VIEWER:
        words = f"Admin-only endpoint. Your user role={asked.caller.role}"
        raise GatewayError(401, str({"error": words}), type=INTERNAL)
    async with asked.store.reading() as connection:
        return await customers.all_customers(connection)
