"""``/fallback``: where calls of a model group go when it fails; changed at run time where there is a store."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field

from proxy.api.management.operation import Asked
from proxy.api.management.settings import change_settings
from proxy.api.management.validation import Body, Query
from proxy.api.model_fallbacks import configured_fallbacks
from proxy.errors import DetailError

NO_MODEL_STORE: Final = (
    "Database storage not enabled. Set 'STORE_MODEL_IN_DB=True' in your environment to use this feature."
)
"""The reference's answer without a database; fallbacks of the config are changed in its file."""
LISTS: Final = {
    "general": "fallbacks",
    "context_window": "context_window_fallbacks",
    "content_policy": "content_policy_fallbacks",
}

Kind: TypeAlias = Literal["general", "context_window", "content_policy"]
Entries: TypeAlias = list[dict[str, Any]]


def _named(name: str) -> str:
    if not name.strip():
        raise ValueError("model must be a non-empty string")
    return name.strip()


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) != len(names):
        raise ValueError("fallback_models must not contain duplicates")
    return names


class NewFallback(Body):
    """The models that are called when one fails, in this order."""

    model: Annotated[str, AfterValidator(_named)]
    fallback_models: Annotated[list[str], Field(min_length=1), AfterValidator(_distinct)]
    fallback_type: Kind = "general"


class KindQuery(Query):
    """Which kind of failure."""

    fallback_type: Kind = "general"


async def get_fallback(asked: Asked, query: KindQuery) -> dict[str, Any]:
    """The configured fallbacks of one kind."""
    name = _name(asked)
    found = configured_fallbacks(asked.gateway.snapshot.router.settings, query.fallback_type, name)
    if not found:
        raise _none(query.fallback_type, name)
    return {"model": name, "fallback_models": found, "fallback_type": query.fallback_type}


async def create_fallback(asked: Asked, body: NewFallback) -> dict[str, Any]:
    """Choose the fallbacks of a model group, in place of those it had of this kind; they count from the next call on."""
    known = list(asked.gateway.snapshot.router.groups.by_name)
    _check_store(asked)
    if body.model not in known:
        told = {"error": f"Model '{body.model}' not found in router", "available_models": known}
        raise DetailError(404, told)
    unknown = [name for name in body.fallback_models if name not in known]
    if unknown:
        raise DetailError(400, {"error": f"Invalid fallback models: {unknown}", "available_models": known})
    if body.model in body.fallback_models:
        raise DetailError(400, {"error": f"Model '{body.model}' cannot be its own fallback"})
    before: Entries = []

    def change(entries: Entries) -> Entries:
        before.extend(entry for entry in entries if body.model in entry)
        new = {body.model: body.fallback_models}
        if not before:
            return [*entries, new]
        return [new if entry is before[0] else entry for entry in entries]

    await _change(asked, body.fallback_type, change)
    made = "updated" if before else "created"
    return {
        "model": body.model,
        "fallback_models": body.fallback_models,
        "fallback_type": body.fallback_type,
        "message": f"Fallback configuration {made} successfully",
    }


async def delete_fallback(asked: Asked, query: KindQuery) -> dict[str, Any]:
    """Delete the fallbacks of one kind that a model group has, be they of the config or of the database."""
    _check_store(asked)
    name = _name(asked)

    def change(entries: Entries) -> Entries:
        rest = [entry for entry in entries if name not in entry]
        if len(rest) == len(entries):
            raise _none(query.fallback_type, name)
        return rest

    await _change(asked, query.fallback_type, change)
    return {
        "model": name,
        "fallback_type": query.fallback_type,
        "message": "Fallback configuration deleted successfully",
    }


async def _change(asked: Asked, kind: str, change: Callable[[Entries], Entries]) -> None:
    """Change the list of a kind, which is the config's as long as none is stored."""
    section, key = "router_settings", LISTS[kind]

    def changed(stored: dict[str, Any]) -> Mapping[str, Any]:
        current = stored.get(key, asked.gateway.config.written.get(section, {}).get(key))
        return {**stored, key: change(list(current or []))}

    await change_settings(asked, section, changed)


def _check_store(asked: Asked) -> None:
    if asked.gateway.store is None or not asked.gateway.config.general_settings.store_model_in_db:
        raise DetailError(400, {"error": NO_MODEL_STORE})


def _name(asked: Asked) -> str:
    return asked.path["model"].removeprefix("/")


def _none(kind: str, name: str) -> DetailError:
    return DetailError(404, {"error": f"No {kind} fallbacks configured for model '{name}'"})
