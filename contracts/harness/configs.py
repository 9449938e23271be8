"""The gateway configs below `fixtures/configs/`: rendered for a run, with their neighbours and their environment."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from contracts.harness.faults import HarnessError
from contracts.harness.translation import Translation

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "fixtures" / "configs"
ENVIRONMENT_FILE = "env.yaml"
MASTER_KEY = "sk-1234"
_TRANSLATED = {".yaml", ".yml", ".json"}


def render(config: str, translation: Translation, target: Path, source: Path = CONFIGS) -> Path:
    """Copy the config's whole folder into `target`, with the run's origins and names; the path of the copy.

    The folder is copied because configs refer to files beside them (`include`, `custom_auth`). Raises HarnessError for
    a config that does not exist.
    """
    origin = source / config
    if not origin.is_file():
        raise HarnessError(f"there is no config {config!r} below fixtures/configs/; the contract mark names it")
    copy = target / config
    shutil.copytree(
        origin.parent, copy.parent, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ENVIRONMENT_FILE)
    )
    for path in copy.parent.rglob("*"):
        if path.suffix in _TRANSLATED:
            path.write_text(translation.out(path.read_text()))
    return copy


def mentions(config: str, text: str, source: Path = CONFIGS) -> bool:
    """Whether a config has `text` in it."""
    path = source / config
    return path.is_file() and text in path.read_text()


def environment_of(config: str, translation: Translation, source: Path = CONFIGS) -> Mapping[str, str]:
    """What `os.environ/NAME` in the config may refer to: `env.yaml` in its folder, a mapping of strings."""
    path = (source / config).parent / ENVIRONMENT_FILE
    if not path.is_file():
        return {}
    values = yaml.safe_load(path.read_text())
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise HarnessError(f"{path}: must map variable names to strings")
    return {name: translation.out(value) for name, value in values.items()}
