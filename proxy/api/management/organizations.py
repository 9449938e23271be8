"""``/organization/*``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field, field_validator, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.api.management.keys_errors import AUTH, refusals
from proxy.api.management.keys_models import Count, Money, ObjectPermission
from proxy.api.management.operation import Asked
from proxy.api.management.teams_models import MemberBase, Somebody
from proxy.api.management.validation import Body, Query
from proxy.auth.permissions import Role
from proxy.errors import DetailError
from proxy.management import organizations
from proxy.management.audit import record, token_of
from proxy.management.budgets import create_budget
from proxy.management.members import defaults_of_members
from proxy.management.organizations import change_budget, shown_membership
from proxy.management.teams_changing import Deleter
from proxy.management.teams_shown import shown_member
from proxy.management.users_shown import joined
from proxy.store import tables
from proxy.store.rows import Row, change, find, find_all, remove

MEMBERSHIPS = tables.organization_memberships
WITHIN = ("org_admin", "internal_user", "internal_user_viewer")
"""Roles that a member may have."""


class LitellmUserRoles(StrEnum):
    """Those roles under the names by which the reference's refusals spell them."""

    ORG_ADMIN = "org_admin"
    INTERNAL_USER = "internal_user"
    INTERNAL_USER_VIEW_ONLY = "internal_user_viewer"


class BudgetFields(Body):
    """Limits of an organization, kept in its budget."""

    budget_id: str | None = None
    soft_budget: Money | None = None
    max_budget: Money | None = None
    max_parallel_requests: Count | None = None
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None
    model_max_budget: dict[str, Any] | None = None
    budget_duration: str | None = None
    metadata: dict[str, Any] | None = None
    model_rpm_limit: dict[str, Count] | None = None
    model_tpm_limit: dict[str, Count] | None = None
    object_permission: ObjectPermission | None = None


class NewOrganization(BudgetFields):
    """``/organization/new``."""

    organization_id: str | None = None
    organization_alias: str
    models: list[str] = Field(default_factory=list)


class UpdateOrganization(BudgetFields):
    """``/organization/update``; limits may also stand in ``litellm_budget_table``."""

    organization_id: str | None = None
    organization_alias: str | None = None
    spend: Money | None = None
    models: list[str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, values: Any) -> Any:
        nested = values.get("litellm_budget_table") if isinstance(values, dict) else None
        return {**values, **nested} if isinstance(nested, dict) else values


class Organizations(Body):
    """``/organization/info``, by POST."""

    organizations: list[str]


class DeleteOrganizations(Body):
    """``/organization/delete``."""

    organization_ids: list[str]


class OrgMember(MemberBase):
    """Somebody in an organization."""

    role: Literal[LitellmUserRoles.ORG_ADMIN, LitellmUserRoles.INTERNAL_USER, LitellmUserRoles.INTERNAL_USER_VIEW_ONLY]


class AddOrgMembers(Body):
    """``/organization/member_add``."""

    member: list[OrgMember] | OrgMember
    organization_id: str
    max_budget_in_organization: Money | None = None

    def __init__(self, **data: Any) -> None:
        # as for members of teams: a single member's mistakes are told without the alternatives of the union
        member = data.get("member")
        if isinstance(member, dict):
            data["member"] = OrgMember(**member)
        elif isinstance(member, list) and all(isinstance(item, dict) for item in member):
            data["member"] = [OrgMember(**item) for item in member]
        super().__init__(**data)


class DeleteOrgMember(Somebody):
    """``/organization/member_delete``."""

    organization_id: str


class UpdateOrgMember(DeleteOrgMember):
    """``/organization/member_update``."""

    max_budget_in_organization: Money | None = None
    role: Role | None = None

    @field_validator("role")
    @classmethod
    def _within(cls, value: Role | None) -> Role | None:
        if value is not None and value not in WITHIN:
            raise ValueError(f"Invalid role. Must be one of: {list(WITHIN)}")
        return value


class InfoQuery(Query):
    """``/organization/info``."""

    organization_id: str


class ListQuery(Query):
    """``/organization/list``."""

    org_id: str | None = None
    org_alias: str | None = None


@contextmanager
def durations() -> Iterator[None]:
    """Turn a ``budget_duration`` that is none into 400."""
    try:
        yield
    except ValueError as error:
        raise DetailError(400, {"error": f"budget_duration: {error}; write for example 30d"}) from None


async def new_organization(asked: Asked, body: NewOrganization) -> Any:
    """Make an organization, with a budget of its own unless it names one."""
    caller = asked.caller
    if not caller.acts_for_admin:
        raise DetailError(401, {"error": f"Only admins can create orgs. Your role is = {caller.role}"})
    fields = body.model_dump() | {"organization_id": body.organization_id or str(uuid4())}
    _check_amounts(fields)
    _check_models(caller.models, body.models)
    async with asked.store.writing("access") as connection:
        with durations():
            row = await organizations.create_organization(connection, fields, author=asked.user)
        await record(connection, asked, "created", "organizations", row["organization_id"], None, row)
        return await organizations.shown_organization(connection, row)


async def update_organization(asked: Asked, body: UpdateOrganization) -> Any:
    """Change what is given of an organization and its budget; metadata are added to those that there are."""
    fields = body.given()
    _check_amounts(fields)
    async with asked.store.writing("access") as connection:
        known = await find(connection, tables.organizations, organization_id=body.organization_id)
        if known is None:
            why = f"Organization not found for organization_id={body.organization_id}"
            raise DetailError(404, {"error": why})
        _check_admin(asked, known["organization_id"])
        with durations():
            row = await organizations.update_organization(connection, known, fields, author=asked.user)
        await record(connection, asked, "updated", "organizations", row["organization_id"], known, fields)
        return await organizations.shown_with_members(connection, row)


async def delete_organizations(asked: Asked, body: DeleteOrganizations) -> Any:
    """Delete organizations with their teams and all their keys: all of them, or none when one is unknown."""
    if not asked.caller.acts_for_admin:
        raise DetailError(401, {"error": "Only proxy admins can delete organizations"})
    deleter = Deleter(asked.user, token_of(asked), asked.changed_by)
    deleted = []
    async with asked.store.writing("access") as connection:
        for organization_id in dict.fromkeys(body.organization_ids):
            row = await find(connection, tables.organizations, organization_id=organization_id)
            if row is None:
                raise DetailError(404, {"error": f"Organization={organization_id} not found"})
            await organizations.delete_organization(connection, row, deleter)
            deleted.append(await organizations.shown_with_members(connection, row))
            await record(connection, asked, "deleted", "organizations", organization_id, row, None)
    return deleted


async def list_organizations(asked: Asked, query: ListQuery) -> Any:
    """All organizations, or those that one is a member of."""
    table = tables.organizations
    where = []
    if query.org_id:
        where.append(table.c.organization_id == query.org_id)
    if query.org_alias:
        where.append(organizations.is_alias(query.org_alias))
    async with asked.store.reading() as connection:
        if not asked.caller.is_admin:
            mine = await find_all(connection, MEMBERSHIPS, MEMBERSHIPS.c.user_id == (asked.caller.user_id or ""))
            where.append(table.c.organization_id.in_([row["organization_id"] for row in mine]))
        return await organizations.found_organizations(connection, *where)


async def organization_info(asked: Asked, query: InfoQuery) -> Any:
    """An organization with its budget, members and teams."""
    _check_admin(asked, query.organization_id)
    async with asked.store.reading() as connection:
        where = tables.organizations.c.organization_id == query.organization_id
        found = await organizations.found_organizations(connection, where, whole=True)
    if not found:
        raise DetailError(404, {"error": "Organization not found"})
    return found[0]


async def organization_infos(asked: Asked, body: Organizations) -> Any:
    """Several organizations. The GET operation of the same path tells more."""
    wanted = body.organizations
    if not wanted:
        raise DetailError(400, {"error": f"Specify list of organization id's to query. Passed in={wanted}"})
    for organization_id in wanted:
        _check_admin(asked, organization_id)
    table = tables.organizations
    async with asked.store.reading() as connection:
        rows = await find_all(connection, table, table.c.organization_id.in_(wanted), order=(table.c.created_at,))
        return [await organizations.organization_record(connection, row) for row in rows]


async def add_members(asked: Asked, body: AddOrgMembers) -> Any:
    """Make users members of an organization; who is no user yet becomes one."""
    members = body.member if isinstance(body.member, list) else [body.member]
    budget = body.max_budget_in_organization
    new_user = defaults_of_members(asked.gateway.snapshot.config)
    with refusals(AUTH):
        _check_budget(budget)
        async with asked.store.writing("access") as connection:
            await _organization(connection, asked, body.organization_id, missing=404)
            added = [
                await organizations.add_member(
                    connection,
                    body.organization_id,
                    member.model_dump(),
                    max_budget=budget,
                    author=asked.user,
                    new_user=new_user,
                    only_new=not asked.caller.acts_for_admin,
                )
                for member in members
            ]
            shown = [await _shown(connection, membership) for _, membership in added]
            await record(connection, asked, "updated", "organizations", body.organization_id, None, body.given())
    return {
        "organization_id": body.organization_id,
        "updated_users": [shown_member(user) for user, _ in added],
        "updated_organization_memberships": shown,
    }


async def update_member(asked: Asked, body: UpdateOrgMember) -> Any:
    """Give a member of an organization another role or another budget there."""
    _check_budget(body.max_budget_in_organization)
    async with asked.store.writing("access") as connection:
        await _organization(connection, asked, body.organization_id, missing=400)
        user_id = await _user_id(connection, body)
        where = (MEMBERSHIPS.c.user_id == user_id, MEMBERSHIPS.c.organization_id == body.organization_id)
        known = await find(connection, MEMBERSHIPS, user_id=user_id, organization_id=body.organization_id)
        if known is None:
            raise DetailError(404, {"error": f"Member not found in organization for user_id={user_id}"})
        values: dict[str, Any] = {} if body.role is None else {"user_role": body.role.value}
        if body.max_budget_in_organization is not None:
            limits = {"max_budget": body.max_budget_in_organization}
            if known["budget_id"] is None:
                values["budget_id"] = (await create_budget(connection, limits, author=asked.user))["budget_id"]
            else:
                await change_budget(connection, known["budget_id"], limits, author=asked.user)
        [row] = await change(connection, MEMBERSHIPS, values, *where)
        await record(connection, asked, "updated", "organizations", body.organization_id, known, row)
        return await _shown(connection, row)


async def delete_member(asked: Asked, body: DeleteOrgMember) -> Any:
    """Let a member of an organization leave; ``null`` when there is no such member."""
    async with asked.store.writing("access") as connection:
        _check_admin(asked, body.organization_id)
        user_id = await _user_id(connection, body)
        where = (MEMBERSHIPS.c.user_id == user_id, MEMBERSHIPS.c.organization_id == body.organization_id)
        gone = await remove(connection, MEMBERSHIPS, *where)
        if not gone:
            return None
        await record(connection, asked, "updated", "organizations", body.organization_id, gone[0], None)
    return {**joined(gone[0]), "user": None, "organization": None, "litellm_budget_table": None}


async def _organization(connection: AsyncConnection, asked: Asked, organization_id: str, *, missing: int) -> Row:
    row = await find(connection, tables.organizations, organization_id=organization_id)
    if row is None:
        raise DetailError(missing, {"error": f"Organization not found for organization_id={organization_id}"})
    _check_admin(asked, organization_id)
    return row


def _check_admin(asked: Asked, organization_id: str) -> None:
    """Whether the caller administers an organization; routes see to most of that, not to what a body names besides."""
    caller = asked.caller
    if not (caller.acts_for_admin or organization_id in caller.administers):
        raise DetailError(403, {"error": f"User is not org_admin for Organization= {organization_id}."})


async def _user_id(connection: AsyncConnection, body: DeleteOrgMember) -> str | None:
    if body.user_id is not None or body.user_email is None:
        return body.user_id
    user_id: str = (await organizations.user_called(connection, body.user_email))["user_id"]
    return user_id


async def _shown(connection: AsyncConnection, membership: Row) -> dict[str, Any]:
    budget = await find(connection, tables.budgets, budget_id=membership["budget_id"])
    return shown_membership(membership, {} if budget is None else {budget["budget_id"]: budget})


def _check_amounts(fields: Mapping[str, Any]) -> None:
    for name in ("max_budget", "soft_budget", "spend"):
        value = fields.get(name)
        if value is not None and value < 0:
            raise DetailError(400, {"error": f"{name} cannot be negative. Received: {value}"})


def _check_budget(value: float | None) -> None:
    if value is not None and value < 0:
        raise DetailError(400, {"error": f"max_budget_in_organization cannot be negative. Received: {value}"})


def _check_models(allowed: tuple[str, ...], models: list[str]) -> None:
    """A key that is limited to models gives no others to an organization."""
    if allowed and not models:
        why = "User not allowed to give access to all models. Select models you want org to have access to."
        raise DetailError(400, {"error": why})
    for model in models:
        if allowed and model not in allowed:
            why = f"Model not in allowed user models. User allowed models={list(allowed)}"
            raise DetailError(400, {"error": why})
