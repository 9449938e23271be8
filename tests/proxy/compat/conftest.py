import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def own_imports() -> Iterator[None]:
    """Users' files and stand-ins are forgotten after each test."""
    path, finders, modules = list(sys.path), list(sys.meta_path), dict(sys.modules)
    yield
    sys.path[:], sys.meta_path[:] = path, finders
    for name in sys.modules.keys() - modules.keys():
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The config file's folder."""
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a user's file, by its path below the folder."""

    def write(name: str, text: str) -> Path:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    return write
