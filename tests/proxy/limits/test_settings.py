"""What a config says of limits, and what it may not say."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from proxy.config.errors import ConfigError
from proxy.config.loader import load_config
from proxy.limits.settings import Counted, LimitSettings, limit_settings
from proxy.routing.groups import Groups


def settings_of(folder: Path, general: dict[str, Any] | None = None, **settings: Any) -> LimitSettings:
    """Of a config file."""
    file = folder / "config.yaml"
    written = {"litellm_settings": settings, "general_settings": {"master_key": "sk-1234", **(general or {})}}
    file.write_text(yaml.safe_dump(written), encoding="utf-8")
    return limit_settings(load_config(file), Groups((), {}))


def test_without_callbacks_nothing_is_shared(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, priority_reservation={"prod": 0.5})
    assert (settings.shares, settings.projects, settings.of_models) == (None, None, False)
    assert settings.counted == Counted.TOTAL


@pytest.mark.parametrize(("value", "kind"), [("input", Counted.INPUT), ("output", Counted.OUTPUT), ("all", "total")])
def test_which_tokens_count(tmp_path: Path, value: str, kind: str) -> None:
    assert settings_of(tmp_path, {"token_rate_limit_type": value}).counted == kind


def test_both_limiters(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, callbacks=["dynamic_rate_limiter", "dynamic_rate_limiter_v3"])
    assert settings.of_models
    assert None not in (settings.shares, settings.projects)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"priority_reservation": {"prod": -0.5}}, "the share of 'prod' is -0.5; it must not be negative"),
        ({"priority_reservation": {"prod": {"type": "rpm", "value": -1}}}, "the share of 'prod' is -1.0"),
        ({"priority_reservation": {"prod": {"type": "rps", "value": 1}}}, "write 0.6, or {type: percent | rpm | tpm"),
        ({"priority_reservation": {"prod": "much"}}, "the share of 'prod' cannot be used"),
        ({"priority_reservation": ["prod"]}, "is no mapping of priorities to shares"),
        ({"priority_reservation_settings": {"default_priority": -1}}, "default_priority and saturation_threshold"),
        ({"priority_reservation_settings": {"saturation_treshold": 0.5}}, "saturation_treshold"),
        ({"priority_reservation_settings": 0.5}, "cannot be used"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(tmp_path: Path, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings_of(tmp_path, callbacks=["dynamic_rate_limiter_v3"], **settings)
    text = str(refused.value)
    assert said in text
    assert f"litellm_settings.{next(iter(settings))}" in text
    assert "config.yaml:" in text
