"""Tags, which calls name in their metadata: with budgets, and models that calls with the tag go to."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.config.model import ProxyConfig
from proxy.deployment import make_deployment
from proxy.errors import DetailError
from proxy.management.customers_budget import budget_fields, known_budget, own_budget
from proxy.management.keys_shown import shown_budget
from proxy.store.rows import Row, add, change, find, find_all, remove
from proxy.store.sealing import Sealer
from proxy.store.tables import budgets, daily_spend, models, tags

DYNAMIC: Final = (
    "This is just a spend tag that was passed dynamically in a request. It does not control any LLM models."
)
"""How a tag is described that calls named and nobody made."""
_SHOWN: Final = ("description", "models", "model_info")


async def make_tag(
    connection: AsyncConnection, config: ProxyConfig, sealer: Sealer, given: Mapping[str, Any], author: str
) -> Row:
    """Store a tag, and write it to its models: ids of deployments, or groups. Names that nothing has stay names.

    Raises:
        DetailError: 400; 404, a model is one of the config file.
    """
    name = given["name"]
    if await find(connection, tags, tag_name=name) is not None:
        raise _taken(name)
    fields = budget_fields(given)
    if given.get("budget_id") is not None:
        budget_id: str | None = await known_budget(connection, given["budget_id"])
    else:
        budget_id = await own_budget(connection, None, fields, author) if fields else None
    wanted = given.get("models") or []
    row = {
        "tag_name": name,
        "description": given.get("description"),
        "models": wanted,
        "model_info": await _model_names(connection, wanted),
        "budget_id": budget_id,
        "created_by": author,
    }
    try:
        made = await add(connection, tags, row)
    except IntegrityError:
        raise _taken(name) from None
    await _write_to_models(connection, config, sealer, name, wanted)
    return made


def _taken(name: str) -> DetailError:
    return DetailError(400, f"Tag {name} already exists")


async def change_tag(connection: AsyncConnection, given: Mapping[str, Any], author: str) -> tuple[Row, Row]:
    """Replace description and models of a tag, and change its budget: the row before and after.

    Raises:
        DetailError: 400 or 404.
    """
    before = await known_tag(connection, given["name"])
    fields = budget_fields(given)
    wanted = given.get("models") or []
    values = {
        "description": given.get("description"),
        "models": wanted,
        "model_info": await _model_names(connection, wanted),
    }
    if given.get("budget_id") is not None:
        values["budget_id"] = await known_budget(connection, given["budget_id"])
    elif fields:
        values["budget_id"] = await own_budget(connection, before["budget_id"], fields, author)
    [row] = await change(connection, tags, values, tags.c.tag_name == given["name"])
    return before, row


async def known_tag(connection: AsyncConnection, name: str) -> Row:
    """A tag's row. Raises DetailError, 404."""
    row = await find(connection, tags, tag_name=name)
    if row is None:
        raise DetailError(404, f"Tag {name} not found")
    return row


async def delete_tag(connection: AsyncConnection, name: str) -> Row:
    """Delete a tag; the row as it was. Raises DetailError, 404."""
    row = await known_tag(connection, name)
    await remove(connection, tags, tags.c.tag_name == name)
    return row


async def tags_called(connection: AsyncConnection, names: list[str]) -> dict[str, dict[str, Any]]:
    """Tags with their budgets, by name. Raises DetailError, 404."""
    rows = {row["tag_name"]: row for row in await find_all(connection, tags, tags.c.tag_name.in_(names))}
    if missing := [name for name in names if name not in rows]:
        raise DetailError(404, f"Tags not found: {missing}")
    return {row["name"]: row for row in await _with_budgets(connection, rows.values())}


async def all_tags(connection: AsyncConnection) -> list[dict[str, Any]]:
    """The tags that were made, then those that calls only named."""
    made = await find_all(connection, tags, order=[tags.c.created_at, tags.c.tag_name])
    of_tags = (daily_spend.c.entity_type == "tag", daily_spend.c.entity_id.not_in(select(tags.c.tag_name)))
    moments = (func.min(daily_spend.c.created_at), func.max(daily_spend.c.updated_at))
    statement = select(daily_spend.c.entity_id, *moments).where(*of_tags).group_by(daily_spend.c.entity_id)
    named = (await connection.execute(statement.order_by(daily_spend.c.entity_id))).all()
    return [
        *await _with_budgets(connection, made),
        *(
            {
                "name": name,
                "description": DYNAMIC,
                "models": None,
                "created_at": first.isoformat(),
                "updated_at": last.isoformat(),
            }
            for name, first, last in named
        ),
    ]


async def _with_budgets(connection: AsyncConnection, rows: Iterable[Row]) -> list[dict[str, Any]]:
    rows = list(rows)
    wanted = [row["budget_id"] for row in rows if row["budget_id"] is not None]
    known = {row["budget_id"]: row for row in await find_all(connection, budgets, budgets.c.budget_id.in_(wanted))}
    return [
        shown_tag(row) | ({"litellm_budget_table": shown_budget(budget)} if budget is not None else {})
        for row, budget in ((row, known.get(row["budget_id"] or "")) for row in rows)
    ]


def shown_tag(row: Row) -> dict[str, Any]:
    """A tag as clients see it."""
    return {
        "name": row["tag_name"],
        **{name: row[name] for name in _SHOWN},
        "created_at": row["created_at"].isoformat(),
        "updated_at": row["updated_at"].isoformat(),
        "created_by": row["created_by"],
    }


async def _model_names(connection: AsyncConnection, wanted: list[str]) -> dict[str, str]:
    """Groups by the ids of deployments of the database."""
    return {
        row["model_id"]: row["model_name"] for row in await find_all(connection, models, models.c.model_id.in_(wanted))
    }


async def _write_to_models(
    connection: AsyncConnection, config: ProxyConfig, sealer: Sealer, tag: str, wanted: list[str]
) -> None:
    for entry in config.model_list:
        deployment = make_deployment(entry)
        if deployment.id in wanted or deployment.group in wanted:
            raise DetailError(404, f"Model {deployment.id} not found in database")
    found = await find_all(connection, models, or_(models.c.model_id.in_(wanted), models.c.model_name.in_(wanted)))
    for row in found:
        params = sealer.unseal_all("models", row["litellm_params"])
        known = params.get("tags") or []
        if tag not in known:
            sealed = sealer.seal_all("models", {**params, "tags": [*known, tag]})
            await change(connection, models, {"litellm_params": sealed}, models.c.model_id == row["model_id"])
