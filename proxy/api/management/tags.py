"""``/tag/*``: tags are made, looked up, changed and deleted; who used which."""

from datetime import datetime
from typing import Any

from pydantic import Field

from proxy.api.management.keys_models import Count, Money
from proxy.api.management.operation import Asked
from proxy.api.management.users_models import Name, Names
from proxy.api.management.validation import Body, Query
from proxy.errors import DetailError
from proxy.management import tags, tags_activity
from proxy.management.audit import record
from proxy.management.config import sealer_of
from proxy.management.tags_activity import Filter


class Tag(Body):
    """``/tag/new`` and ``/tag/update``."""

    name: Name
    description: str | None = None
    models: Names | None = None
    model_info: dict[str, str] | None = None
    budget_id: str | None = None
    max_budget: Money | None = None
    soft_budget: Money | None = None
    max_parallel_requests: Count | None = None
    tpm_limit: Count | None = None
    rpm_limit: Count | None = None
    model_max_budget: dict[str, Any] | None = None
    budget_duration: str | None = None


class OneTag(Body):
    """``/tag/delete``."""

    name: str


class Tags(Body):
    """``/tag/info``."""

    names: Names


class TagFilter(Query):
    """Which tags are meant; names take precedence."""

    tag_filter: str | None = None
    tag_filters: list[str] | None = None

    @property
    def chosen(self) -> Filter:
        """As the rules have it."""
        return Filter(self.tag_filter, self.tag_filters)


class Between(TagFilter):
    """Tags between two days."""

    start_date: str
    end_date: str


class ByUser(TagFilter):
    """A page of users of tags."""

    page: int = Field(default=1, ge=1, le=2**31)
    page_size: int = Field(default=50, ge=1, le=1000)


async def new_tag(asked: Asked, body: Tag) -> Any:
    """Make a tag, with a budget, and with models that calls with the tag go to."""
    async with asked.store.writing("access", "config") as connection:
        config = asked.gateway.config
        row = await tags.make_tag(connection, config, sealer_of(config), body.model_dump(), asked.user)
        await record(connection, asked, "created", "tags", row["tag_name"], None, row)
    return {"message": f"Tag {body.name} created successfully", "tag": tags.shown_tag(row)}


async def update_tag(asked: Asked, body: Tag) -> Any:
    """Replace description and models of a tag, and change its budget."""
    async with asked.store.writing("access") as connection:
        before, row = await tags.change_tag(connection, body.model_dump(), asked.user)
        await record(connection, asked, "updated", "tags", row["tag_name"], before, row)
    return {"message": f"Tag {body.name} updated successfully", "tag": tags.shown_tag(row)}


async def tag_info(asked: Asked, body: Tags) -> Any:
    """Tags by name."""
    async with asked.store.reading() as connection:
        return await tags.tags_called(connection, body.names)


async def list_tags(asked: Asked) -> Any:
    """All tags: those that were made, and those that calls only named."""
    async with asked.store.reading() as connection:
        return await tags.all_tags(connection)


async def delete_tag(asked: Asked, body: OneTag) -> Any:
    """Delete a tag."""
    async with asked.store.writing("access") as connection:
        row = await tags.delete_tag(connection, body.name)
        await record(connection, asked, "deleted", "tags", body.name, row, None)
    return {"message": f"Tag {body.name} deleted successfully"}


async def tag_summary(asked: Asked, query: Between) -> Any:
    """Users, requests, tokens and US dollars by tag between two days."""
    for day in (query.start_date, query.end_date):
        try:
            datetime.strptime(day, "%Y-%m-%d")
        except ValueError as error:
            raise DetailError(400, f"Invalid date format. Use YYYY-MM-DD: {error}") from None
    async with asked.store.reading() as connection:
        rows = await tags_activity.summary(connection, query.start_date, query.end_date, query.chosen)
    return {"results": rows}


async def daily_users(asked: Asked, query: TagFilter) -> Any:
    """How many users named a tag on each of the last seven days."""
    async with asked.store.reading() as connection:
        return {"results": await tags_activity.active_users(connection, "day", query.chosen)}


async def weekly_users(asked: Asked, query: TagFilter) -> Any:
    """How many users named a tag in each of the last seven weeks."""
    async with asked.store.reading() as connection:
        return {"results": await tags_activity.active_users(connection, "week", query.chosen)}


async def monthly_users(asked: Asked, query: TagFilter) -> Any:
    """How many users named a tag in each of the last seven months of 30 days."""
    async with asked.store.reading() as connection:
        return {"results": await tags_activity.active_users(connection, "month", query.chosen)}


async def distinct_tags(asked: Asked) -> Any:
    """Names of clients, and tags of no other kind, the most frequent first."""
    async with asked.store.reading() as connection:
        return {"results": await tags_activity.distinct_tags(connection)}


async def per_user(asked: Asked, query: ByUser) -> Any:
    """What each user did with tags in the last 30 days."""
    async with asked.store.reading() as connection:
        return await tags_activity.by_user(connection, query.chosen, query.page, query.page_size)
