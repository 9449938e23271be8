from pathlib import Path

import pytest

from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.responses.settings import Background, background_of
from tests.proxy.responses.deployments import deployment


def background(folder: Path, setting: str) -> Background:
    path = folder / "config.yaml"
    path.write_text(f"litellm_settings:\n  responses: {setting}\n")
    return background_of(load_config(path))


def test_nothing_is_polled_unless_it_is_asked_for(tmp_path: Path) -> None:
    assert not background(tmp_path, "{}").makes("m", [deployment("openai")])


def test_all(tmp_path: Path) -> None:
    setting = background(tmp_path, "{background_mode: {polling_via_cache: all, ttl: 60, native_background_mode: [n]}}")
    assert setting.ttl == 60
    assert setting.makes("m", [])
    assert not setting.makes("n", [])


def test_by_provider(tmp_path: Path) -> None:
    setting = background(tmp_path, "{background_mode: {polling_via_cache: [openai]}}")
    assert setting.makes("m", [deployment("azure"), deployment("openai")])
    assert not setting.makes("m", [deployment("azure")])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("{background_mode: {polling_via_cache: some}}", "write all, or a list of providers"),
        ("{background_mode: {polling_via_cache: 5}}", "polling_via_cache"),
        ("{background_mode: {ttl: soon}}", "ttl"),
        ("[1]", "responses"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, setting: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        background(tmp_path, setting)
