"""``model_list``: one deployment an item, checked when the config is loaded.

The reference drops a deployment with an impossible value without a word; here the start fails and names the line.
"""

from typing import Any, Final
from urllib.parse import urlsplit

from proxy.config import known
from proxy.config.convert import Warnings, as_map, as_seq, convert, did_you_mean, drop_zeros, field_types, fill
from proxy.config.errors import ConfigError
from proxy.config.model import Amount, DeploymentParams, ModelEntry
from proxy.config.references import variable
from proxy.config.yaml_tree import Map, Origin, plain

KEY: Final = "model_list"
_FIELDS: Final = frozenset(field_types(DeploymentParams)) - {"prices", "other", "request"}
_ENTRY: Final = frozenset({"model_name", "litellm_params", "model_info"}) | known.ENTRY
_ALSO_WRITTEN: Final = {"base_url": "api_base", "request_timeout": "timeout"}
_LIMITS: Final = ("rpm", "tpm")
_ENVIRONMENTS: Final = ("development", "staging", "production")


def model_list(value: Any, origin: Origin, warnings: Warnings) -> tuple[ModelEntry, ...]:
    """Every deployment of this environment; raises ConfigError for one that can never work."""
    entries = as_seq(value, origin, KEY)
    built = []
    ids: dict[str, str] = {}
    for index, (item, item_origin) in enumerate(zip(entries, entries.origins, strict=True)):
        key = f"{KEY}[{index}]"
        if not isinstance(item, Map):
            raise ConfigError("expected a deployment; write `- model_name: ...`", place=item_origin.place, key=key)
        entry = _entry(item, item_origin, key, warnings)
        if not _active_here(item, entry, key):
            continue
        deployment_id = entry.model_info.get("id")
        if deployment_id is not None and ids.setdefault(deployment_id, key) != key:
            warnings.add(
                item_origin, f"{key}.model_info.id", f"is also the id of {ids[deployment_id]}; give each its own"
            )
        built.append(entry)
    return tuple(built)


def _entry(item: Map, origin: Origin, key: str, warnings: Warnings) -> ModelEntry:
    for name, name_origin in item.origins.items():
        if name not in _ENTRY:
            warnings.unknown(name_origin, f"{key}.{name}", _ENTRY)
    info_origin = item.origins.get("model_info", origin)
    info = as_map(item.get("model_info"), info_origin, f"{key}.model_info")
    params = as_map(item.get("litellm_params"), item.origins.get("litellm_params", origin), f"{key}.litellm_params")
    settings = _with_limits(_one_spelling(params, f"{key}.litellm_params"), item, info)
    model_info = plain(info)
    if model_info.get("id") is not None:
        model_info["id"] = convert(info["id"], str, info.origins["id"], f"{key}.model_info.id")
    return ModelEntry(
        model_name=_name(item, "model_name", origin, key),
        params=_params(settings, item.origins.get("litellm_params", origin), f"{key}.litellm_params", warnings),
        model_info=model_info,
        place=params.origins["model"].place,
    )


def _name(tree: Map, name: str, origin: Origin, key: str) -> str:
    """A text that must be there and must not be empty."""
    if tree.get(name) is None or tree[name] == "":
        place = tree.origins.get(name, origin).place
        raise ConfigError(f"`{name}` is missing or empty; add `{name}: ...`", place=place, key=f"{key}.{name}")
    text: str = convert(tree[name], str, tree.origins[name], f"{key}.{name}")
    return text


def _one_spelling(params: Map, key: str) -> Map:
    settings = Map()
    for name, value in params.items():
        field = _ALSO_WRITTEN.get(name, name)
        if field != name and params.get(field) not in (None, value):
            raise ConfigError(
                f"is another name of `{field}`, which is given too; keep one",
                place=params.origins[name].place,
                key=f"{key}.{name}",
            )
        if value is not None and not (field == "api_base" and value == ""):
            settings.put(field, value, params.origins[name])
    return settings


def _with_limits(settings: Map, item: Map, info: Map) -> Map:
    """``rpm`` and ``tpm`` may stand on the deployment, in its parameters or in ``model_info``; the first found wins."""
    for name in _LIMITS:
        for source in (item, settings, info):
            if source.get(name) is not None:
                settings.put(name, source[name], source.origins[name])
                break
    return settings


def _params(settings: Map, origin: Origin, key: str, warnings: Warnings) -> DeploymentParams:
    _name(settings, "model", origin, key)
    _check_base(settings, key)
    drop_zeros(settings, ("timeout", "stream_timeout"), key, warnings)
    prices: dict[str, Any] = {}
    other: dict[str, Any] = {}
    request: dict[str, Any] = {}
    for name, value in settings.items():
        path = f"{key}.{name}"
        if name in _FIELDS:
            continue
        if "cost_per_" in name or "_token_cost" in name:
            prices[name] = convert(value, Amount | dict[str, Any], settings.origins[name], path)
        elif name in known.PARAMS:
            other[name] = plain(value)
        else:
            request[name] = plain(value)
            hint = "" if name in known.REQUEST else did_you_mean(name, _FIELDS | known.PARAMS | known.REQUEST)
            if hint:
                warnings.add(settings.origins[name], path, f"no known setting, sent upstream as it is; {hint}")
    params = fill(DeploymentParams, settings, key, prices=prices, other=other, request=request)
    for name in ("api_base", "base_url"):
        if name in params.configurable_clientside_auth_params:
            setting = "configurable_clientside_auth_params"
            text = f"lets clients send this deployment's key to any host; write {{{name}: PATTERN}} for the hosts you trust"
            warnings.add(settings.origins[setting], f"{key}.{setting}", text)
    return params


def _check_base(settings: Map, key: str) -> None:
    if "api_base" not in settings:
        return
    origin = settings.origins["api_base"]
    base: str = convert(settings["api_base"], str, origin, f"{key}.api_base")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname and (parts.port or 1)
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in base):
        raise ConfigError("not a URL; write it as https://host/path", place=origin.place, key=f"{key}.api_base")
    if parts.username is not None:
        # The reference takes it, and then fails every call: it would have to send two Authorization headers.
        raise ConfigError(
            "holds credentials, which no call can use; remove them, and write"
            ' `extra_headers: {Authorization: "Basic ..."}` if the host needs them',
            place=origin.place,
            key=f"{key}.api_base",
        )


def _active_here(item: Map, entry: ModelEntry, key: str) -> bool:
    """Whether ``model_info.supported_environments`` has the environment that LITELLM_ENVIRONMENT names."""
    if entry.model_info.get("supported_environments") is None:
        return True
    info: Map = item["model_info"]
    place = info.origins["supported_environments"]
    key += ".model_info.supported_environments"
    names: tuple[str, ...] = convert(info["supported_environments"], tuple[str, ...], place, key)
    current = variable("LITELLM_ENVIRONMENT")
    if unknown := [name for name in names if name not in _ENVIRONMENTS]:
        hint = did_you_mean(unknown[0], _ENVIRONMENTS) or f"use {', '.join(_ENVIRONMENTS)}"
        raise ConfigError(f"no such environment; {hint}", place=place.place, key=key)
    if current not in _ENVIRONMENTS:
        raise ConfigError(
            f"needs LITELLM_ENVIRONMENT set to one of {', '.join(_ENVIRONMENTS)}", place=place.place, key=key
        )
    return current in names
