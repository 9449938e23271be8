"""Which items a user's own proxy_config.yaml depends on; the head of the matrix explains the syntax of the keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import yaml

from contracts.harness.matrix import Matrix

_SPELLINGS = (("tianji_", "litellm_"), ("TIANJI_", "LITELLM_"))


class Use(msgspec.Struct, frozen=True):
    """An item and the places in the config that make it needed."""

    item: str
    places: tuple[str, ...]


class ConfigUse(msgspec.Struct, frozen=True, kw_only=True):
    """`invisible` are the items whose use shows in no config: whether they are needed, only the clients know."""

    path: str
    uses: tuple[Use, ...]
    invisible: tuple[str, ...]


class ConfigError(Exception):
    """The user's config cannot be read."""


def config_use(matrix: Matrix, path: Path) -> ConfigUse:
    """Look for the keys of every item in the config. Raises ConfigError."""
    config = _read(path)
    found = {item.id: [place for key in item.config_keys for place in places(config, key)] for item in matrix.items}
    return ConfigUse(
        path=str(path),
        uses=tuple(Use(item, tuple(dict.fromkeys(where))) for item, where in found.items() if where),
        invisible=tuple(item.id for item in matrix.items if not item.config_keys),
    )


def places(config: Mapping[str, Any], key: str) -> Iterator[str]:
    """Where `key` matches in the config, as `model_list[0].litellm_params.model`."""
    path, wanted, value = key.partition("=")
    yield from _walk(config, path.split("."), value if wanted else None, "")


def _walk(node: object, steps: list[str], wanted: str | None, trail: str) -> Iterator[str]:
    if not steps:
        if _is_set(node) if wanted is None else fnmatchcase(_spelled(node), wanted):
            yield trail
        return
    if not isinstance(node, Mapping):
        return
    name = steps[0].removesuffix("[]")
    for key, value in node.items():
        if not fnmatchcase(str(key), name):
            continue
        below = f"{trail}.{key}" if trail else str(key)
        if name == steps[0]:
            yield from _walk(value, steps[1:], wanted, below)
        elif isinstance(value, list):
            for index, entry in enumerate(value):
                yield from _walk(entry, steps[1:], wanted, f"{below}[{index}]")
        else:
            yield from _walk(value, steps[1:], wanted, below)


def _is_set(node: object) -> bool:
    return node is not None and node is not False and node not in ("", [], {})


def _spelled(node: object) -> str:
    return str(node).lower() if isinstance(node, bool) else str(node) if isinstance(node, str | int | float) else ""


def _read(path: Path, including: tuple[Path, ...] = ()) -> dict[str, Any]:
    if path.resolve() in including:
        raise ConfigError(f"{path}: the file includes itself")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: the file must be a mapping, as a proxy_config.yaml is")
    config: dict[str, Any] = _respelled(content)
    for included in config.pop("include", None) or ():
        for key, value in _read(path.parent / str(included), (*including, path.resolve())).items():
            both_lists = isinstance(value, list) and isinstance(config.get(key), list)
            config[key] = config[key] + value if both_lists else value
    return config


def _respelled(node: Any) -> Any:
    if isinstance(node, dict):
        return {_litellm(str(key)): _respelled(value) for key, value in node.items()}
    return [_respelled(entry) for entry in node] if isinstance(node, list) else node


def _litellm(key: str) -> str:
    for ours, theirs in _SPELLINGS:
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    return key
