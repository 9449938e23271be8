"""Models of the database: who may have which, and what adding and changing them means."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.call import Identity
from proxy.config.references import PREFIX
from proxy.deployment import split_model
from proxy.errors import GatewayError
from proxy.management.config import check_references, references_in, unusable
from proxy.management.teams import locked_team, member_of
from proxy.store import tables
from proxy.store.rows import Row, add, change, find, remove
from proxy.store.sealing import Sealer

TABLE: Final = tables.models
PUBLIC_NAME: Final = "team_public_model_name"
NO_MODELS: Final = "no-default-models"
"""In a list of models: none, where an empty list would mean all."""
#: What a team's admin may say of a model: nothing that leads to another host or another's account, or changes a price.
TEAM_PARAMS: Final = frozenset(
    [
        "model",
        "api_key",
        "organization",
        "timeout",
        "stream_timeout",
        "max_retries",
        "rpm",
        "tpm",
        "weight",
        "order",
        "tags",
        "max_parallel_requests",
        "temperature",
        "top_p",
        "max_tokens",
        "max_completion_tokens",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "reasoning_effort",
        "drop_params",
        "additional_drop_params",
    ]
)
TEAM_INFO: Final = frozenset({"team_id", PUBLIC_NAME, "id", "mode", "description"})
#: Vendors that are called at one address of theirs, with the key that the model has.
TEAM_PROVIDERS: Final = frozenset(
    [
        "openai",
        "anthropic",
        "gemini",
        "mistral",
        "cohere",
        "groq",
        "deepseek",
        "xai",
        "openrouter",
        "together_ai",
        "fireworks_ai",
        "perplexity",
    ]
)


def check_author(caller: Identity, team: Row | None, team_id: str | None) -> None:
    """Whether the caller may make and change models: of a team its admins, all others only an admin.

    Args:
        team: the row of ``team_id``, which the model belongs to.

    Raises:
        Refused: 400 or 403, in the reference's words.
    """
    if team_id is not None and team is None:
        raise Refused(400, f"Team id={team_id} does not exist in db")
    if caller.is_admin:
        return
    if team is None:
        raise Refused(
            403,
            f"User does not have permission to make this model call. Your role={caller.role}. You can only make model "
            "calls if you are a PROXY_ADMIN or if you are a team admin, by specifying a team_id in the model_info.",
        )
    member = member_of(team["members_with_roles"], caller.user_id) if caller.user_id else None
    if member is None or member.get("role") != "admin":
        raise Refused(
            403,
            f"Team ID={team_id} does not match the API key's team ID={caller.team_id}, OR you are not the admin for this "
            "team. Check `/user/info` to verify your team admin status.",
        )


class Refused(GatewayError):
    """An error of these operations; the reference writes the object that it holds as Python does."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(status, str({"error": why}), type="auth_error")
        self.why = why


def check_params(caller: Identity, params: Mapping[str, Any], info: Mapping[str, Any]) -> None:
    """Whether the caller may have a model with these parameters.

    An admin may all but send the gateway's own secrets to a vendor. A team's admin must not reach hosts, accounts, files or
    variables of the operator's, nor set prices, which are what budgets are reckoned in.

    Raises:
        GatewayError: 400.
    """
    check_references([params, info])
    if caller.is_admin:
        return
    for place, given, allowed in (("litellm_params", params, TEAM_PARAMS), ("model_info", info, TEAM_INFO)):
        set_ = {name for name, value in given.items() if value is not None and value is not False}
        others = sorted(set_ - allowed)
        if others:
            raise unusable(f"{place}.{others[0]} can be set by a proxy admin only; leave it out")
    provider = split_model(str(params.get("model")))[0]
    if provider not in TEAM_PROVIDERS:
        names = ", ".join(sorted(TEAM_PROVIDERS))
        raise unusable(
            f"Models of the provider {provider!r} can be added by a proxy admin only; a team's may be of {names}"
        )
    if not params.get("api_key"):
        raise unusable("litellm_params.api_key is missing; a team's model needs a key of its own")
    if references_in(params):
        raise unusable(f"{PREFIX}... can be used by a proxy admin only; write the value itself")


def new_values(model_name: str, params: Mapping[str, Any], info: Mapping[str, Any]) -> Row:
    """A row of ``models``, its parameters readable; what a team has is called otherwise inside the gateway."""
    model_id = str(info.get("id") or uuid4())
    info = {**info, "id": model_id}
    if info.get("team_id") is not None:
        info[PUBLIC_NAME] = model_name
        model_name = _inner_name(info["team_id"])
    return {"model_id": model_id, "model_name": model_name, "litellm_params": dict(params), "model_info": info}


def changed_values(row: Row, model_name: str | None, params: Mapping[str, Any], info: Mapping[str, Any]) -> Row:
    """A row of ``models``, its parameters readable, with what a patch says; a team's stays called as it is inside."""
    before: Mapping[str, Any] = row["model_info"] or {}
    merged = {**before, **info, "id": row["model_id"]}
    name = model_name or row["model_name"]
    if merged.get("team_id") is not None:
        merged[PUBLIC_NAME] = model_name or before.get(PUBLIC_NAME) or row["model_name"]
        stays = before.get("team_id") == merged["team_id"]
        name = row["model_name"] if stays else _inner_name(merged["team_id"])
    return {**row, "model_name": name, "litellm_params": {**row["litellm_params"], **params}, "model_info": merged}


def _inner_name(team_id: str) -> str:
    return f"model_name_{team_id}_{uuid4()}"


async def store_model(connection: AsyncConnection, sealer: Sealer, values: Row, *, author: str) -> Row:
    """Insert a model, or put its new values in place of the old; the row, sealed.

    A team gets its model under the name that its members know.

    Raises:
        GatewayError: 400, there is no such team.
    """
    sealed = {**values, "litellm_params": sealer.seal_all("models", values["litellm_params"]), "updated_by": author}
    if await find(connection, TABLE, model_id=values["model_id"]) is None:
        row = await add(connection, TABLE, {**sealed, "created_by": author})
    else:
        columns = ("model_name", "litellm_params", "model_info", "updated_by")
        chosen = {name: sealed[name] for name in columns}
        [row] = await change(connection, TABLE, chosen, TABLE.c.model_id == values["model_id"])
    return row


async def give_to_team(connection: AsyncConnection, row: Row) -> None:
    """Let a model's team call it by its public name, and by no other that stood for it before."""
    info = row["model_info"] or {}
    if info.get("team_id") is not None:
        await _change_team(connection, info["team_id"], row["model_name"], info[PUBLIC_NAME])


async def take_from_team(connection: AsyncConnection, row: Row) -> None:
    """The reverse, before a model is deleted or moved."""
    info = row["model_info"] or {}
    if info.get("team_id") is not None:
        await _change_team(connection, info["team_id"], row["model_name"], None)


async def _change_team(connection: AsyncConnection, team_id: str, inner: str, public: str | None) -> None:
    team = await locked_team(connection, team_id)
    if team is None:
        return
    aliases: dict[str, Any] = team["model_aliases"] or {}
    gone = {name for name, target in aliases.items() if target == inner}
    aliases = {name: target for name, target in aliases.items() if name not in gone}
    models: list[str] = team["models"]
    if models:  # none means every model, and must go on to
        new = [] if public is None else [public]
        models = [name for name in models if name not in {*gone, *new}] + new or [NO_MODELS]
    if public is not None:
        aliases[public] = inner
    values = {"model_aliases": aliases, "models": models}
    await change(connection, tables.teams, values, tables.teams.c.team_id == team_id)


async def delete_model(connection: AsyncConnection, model_id: str) -> None:
    """Delete a model, and what its team called it."""
    for row in await remove(connection, TABLE, TABLE.c.model_id == model_id):
        await take_from_team(connection, row)
