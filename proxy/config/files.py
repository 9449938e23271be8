"""Reading a config file with its includes, in the reference's spelling of every key."""

from pathlib import Path
from typing import Any

from proxy.config.convert import Warnings, convert
from proxy.config.errors import ConfigError, Place
from proxy.config.known import BOTH_SPELLINGS
from proxy.config.yaml_tree import Map, Origin, Seq, parse

_OURS, _THEIRS = "tianji_", "litellm_"


def read(path: Path, warnings: Warnings) -> Map:
    """The mapping of a config file: included lists are appended to those of the file, other included keys override.

    Raises ConfigError for a missing or unreadable file, an include of itself, and all that ``parse`` refuses.
    """
    return _read(path, Origin(Place(path, 0)), (), warnings)


def _read(path: Path, named_at: Origin, above: tuple[Path, ...], warnings: Warnings) -> Map:
    try:
        file = path.resolve()
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError, RuntimeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not a UTF-8 text file"
        key, problem = ("include", f"{path}: {reason}") if above else ("", reason)
        raise ConfigError(f"cannot be read: {problem}; check the path", place=named_at.place, key=key) from None
    if file in above:
        raise ConfigError(f"{path} includes itself; remove one of the includes", place=named_at.place, key="include")
    tree: Map = _canonical(parse(text, path))
    for name, origin in _includes(tree):
        included = _read(_locate(name, path, above), origin, (*above, file), warnings)
        _merge(tree, included, warnings)
    return tree


def _includes(tree: Map) -> list[tuple[str, Origin]]:
    """The names in ``include``, which is removed."""
    if tree.get("include") is None:
        tree.pop("include", None)
        return []
    origin = tree.origins["include"]
    names: tuple[str, ...] = convert(tree.pop("include"), tuple[str, ...], origin, "include")
    return [(name, origin) for name in names]


def _locate(name: str, file: Path, above: tuple[Path, ...]) -> Path:
    """Relative to the including file; a name that is not there is relative to the first file, as in the reference."""
    path = file.parent / name
    return path if path.exists() or not above else above[0].parent / name


def _merge(tree: Map, included: Map, warnings: Warnings) -> None:
    for key, value in included.items():
        origin, current = included.origins[key], tree.get(key)
        if isinstance(value, Seq) and isinstance(current, Seq):
            for item, item_origin in zip(value, value.origins, strict=True):
                current.put(item, item_origin)
            continue
        if current is not None:
            warnings.add(origin, key, f"replaces all of `{key}` at {tree.origins[key].place}; keep it in one file")
        tree.put(key, value, origin)


def _canonical(value: Any) -> Any:
    """Every ``tianji_X`` key as ``litellm_X``, at any depth."""
    if isinstance(value, Map):
        renamed = Map()
        for key, item in value.items():
            name = key.removeprefix(_OURS)
            key_name = _THEIRS + name if key != name and name in BOTH_SPELLINGS else key
            _put(renamed, key_name, _canonical(item), value.origins[key])
        return renamed
    if isinstance(value, Seq):
        for index, item in enumerate(value):
            value[index] = _canonical(item)
    return value


def _put(tree: Map, key: str, value: Any, origin: Origin) -> None:
    """Set a key that may be there in its other spelling: mappings are joined, two different values are refused."""
    if key not in tree:
        tree.put(key, value, origin)
    elif isinstance(value, Map) and isinstance(tree[key], Map):
        for name, item in value.items():
            _put(tree[key], name, item, value.origins[name])
    elif tree[key] != value:
        first = tree.origins[key].place
        raise ConfigError(
            f"also given at {first} with another value or spelling; keep one of the two", place=origin.place, key=key
        )
