import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.config.model import ProxyConfig

Load = Callable[..., ProxyConfig]
Refuse = Callable[..., str]


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """Loading a config may export variables; none of ours may meet the machine's."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("LITELLM_", "TIANJI_")) or name in {"DATABASE_URL", "REQUEST_TIMEOUT"}:
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write a config (and its neighbours, by name) and load it."""

    def write_and_load(text: str, **neighbours: str) -> ProxyConfig:
        for name, content in neighbours.items():
            (tmp_path / f"{name}.yaml").write_text(content, encoding="utf-8")
        file = tmp_path / "config.yaml"
        file.write_text(text, encoding="utf-8")
        return load_config(file)

    return write_and_load


@pytest.fixture
def refuse(load: Load, tmp_path: Path) -> Refuse:
    """Load a config that must be refused; its error without the folder's name."""

    def write_and_refuse(text: str, **neighbours: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load(text, **neighbours)
        message = str(caught.value)
        assert "\n" not in message
        return message.replace(f"{tmp_path}/", "")

    return write_and_refuse
