"""How each target is started for a config with a database and for one without."""

from __future__ import annotations

import pytest

from contracts.harness.targets import make_target

DATABASE, NONE, REALTIME = "D1/keys.yaml", "core/basic.yaml", "A6/realtime.yaml"


@pytest.mark.parametrize(
    ("config", "flags"), [(NONE, {"--no-database"}), (DATABASE, set()), (REALTIME, {"--no-database", "--asgi"})]
)
def test_the_reference_has_a_database_when_the_config_does(config: str, flags: set[str]) -> None:
    target = make_target("reference")
    assert target.has_rig
    assert set(target.command_for(config)) & {"--no-database", "--asgi"} == flags


@pytest.mark.parametrize("name", [None, "reference", "proxy"])
def test_a_command_of_the_users_stays_as_it_is(name: str | None) -> None:
    target = make_target(name, gateway_cmd="gw --config {config} --port {port}")
    assert not target.has_rig
    assert target.command_for(DATABASE) == target.command_for(NONE) == target.command
