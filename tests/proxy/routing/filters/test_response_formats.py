"""Chats that ask for a format go to models that take one."""

from pathlib import Path

import pytest

from proxy.config.model import ProxyConfig, RouterSettings, Settings
from proxy.deployment import Deployment
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.filters.response_formats import ResponseFormats
from proxy.routing.router import Router
from tests.proxy.routing.making import Clock, deployment, request


def _takes(deployment: Deployment) -> bool:
    return deployment.id.startswith("new")


@pytest.mark.parametrize(("wanted", "left"), [(True, ["new-1", "new-2"]), (False, ["new-1", "old", "new-2"])])
def test_who_takes_the_format_is_left(wanted: bool, left: list[str]) -> None:
    members = [deployment(name=name) for name in ("new-1", "old", "new-2")]
    found = ResponseFormats(_takes)("g", members, request("g", wants_format=wanted))
    assert [each.id for each in found] == left


@pytest.mark.parametrize(("checks", "drops", "made"), [(True, False, True), (True, True, False), (False, False, False)])
def test_formats_are_checked_only_where_that_is_wanted(checks: bool, drops: bool, made: bool) -> None:
    config = ProxyConfig(
        model_list=(),
        settings=Settings(drop_params=drops),
        router_settings=RouterSettings(enable_pre_call_checks=checks),
        folder=Path(),
    )
    filters = Router(config, Cooldowns(Clock()), Spending()).filters
    assert any(isinstance(each, ResponseFormats) for each in filters) is made
