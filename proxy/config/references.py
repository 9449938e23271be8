"""Environment variables: ``os.environ/NAME``, ``environment_variables``, and both spellings of the gateway's own."""

import os
from pathlib import Path
from typing import Any, Final

from proxy.config.convert import Warnings, as_map
from proxy.config.errors import ConfigError, Place
from proxy.config.known import VARIABLES
from proxy.config.yaml_tree import Map, Origin, Seq

PREFIX: Final = "os.environ/"
_SPELLINGS: Final = {"LITELLM_": "TIANJI_", "TIANJI_": "LITELLM_"}
_BOOLEANS: Final = {"true": True, "false": False}


def variable(name: str) -> str | None:
    """An environment variable; ``LITELLM_X`` and ``TIANJI_X`` are one. Raises ConfigError when the two differ."""
    value = os.environ.get(name)
    for prefix, other_prefix in _SPELLINGS.items():
        if name.startswith(prefix):
            other = other_prefix + name.removeprefix(prefix)
            other_value = os.environ.get(other)
            if value is not None and other_value is not None and value != other_value:
                raise ConfigError(
                    f"has another value than {other}; unset one of the two", key=f"environment variable {name}"
                )
            return other_value if value is None else value
    return value


def export(tree: Map) -> dict[str, str]:
    """Put the file's ``environment_variables`` into the process environment and return them.

    This happens before references are resolved, so ``os.environ/X`` sees an ``X`` of the same file; in the reference it
    does not, and a master key written that way is then null, which lets every request in.
    """
    if "environment_variables" not in tree:
        return {}
    section = as_map(tree["environment_variables"], tree.origins["environment_variables"], "environment_variables")
    exported: dict[str, str] = {}
    for name, value in section.items():
        text = _text(value, section.origins[name], f"environment_variables.{name}")
        if text is not None:
            exported[name] = text
            _set(name, text, section.origins[name])
    return exported


def _text(value: Any, origin: Origin, key: str) -> str | None:
    if isinstance(value, (Map, Seq)):
        raise ConfigError("expected text; write one value, in quotes", place=origin.place, key=key)
    if isinstance(value, str) and value.startswith(PREFIX):
        return variable(value.removeprefix(PREFIX))
    return None if value is None else origin.text or str(value)


def _set(name: str, text: str, origin: Origin) -> None:
    try:
        os.environ[name] = text
    except (ValueError, OSError, UnicodeError):
        raise ConfigError(
            "no environment can hold this name or value; remove NUL characters and `=`",
            place=origin.place,
            key=f"environment_variables.{name}",
        ) from None


def resolve(tree: Map | Seq, warnings: Warnings, key: str = "") -> None:
    """Replace every ``os.environ/NAME`` below ``tree`` by its value, in place; unset is null, with a warning."""
    steps: list[Any] = list(tree) if isinstance(tree, Map) else list(range(len(tree)))
    for step in steps:
        value = tree[step]
        path = f"{key}[{step}]" if isinstance(tree, Seq) else f"{key}.{step}".removeprefix(".")
        if isinstance(value, (Map, Seq)):
            resolve(value, warnings, path)
        elif isinstance(value, str) and value.startswith(PREFIX):
            name = value.removeprefix(PREFIX)
            text = variable(name)
            tree[step] = _BOOLEANS.get(text.lower(), text) if text is not None else None
            # The text is kept beside a boolean: the setting may want text.
            tree.origins[step] = Origin(tree.origins[step].place, text)
            if text is None:
                warnings.add(
                    tree.origins[step], path, f"environment variable {name} is not set, so this is null; set it"
                )


def apply_variables(section: Map, name: str) -> None:
    """Fill settings of a section that the file leaves out from their environment variables."""
    for key, source in VARIABLES[name].items():
        value = variable(source)
        if value and section.get(key) is None:
            section.put(key, value, Origin(Place(Path(f"${source}"), 0)))
