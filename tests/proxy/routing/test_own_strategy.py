"""A user's own strategy: what cannot be used is told at start-up, by the setting's name."""

from pathlib import Path
from typing import Any

import pytest

from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig, RouterSettings
from proxy.errors import Failure
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.router import Router
from tests.proxy.routing.making import Clock, entry, request

CODE = """
class Last:
    def __init__(self, traffic, *, at=-1):
        self.at = at

    def pick(self, model, deployments, request):
        return deployments[self.at]

class Foreign(Last):
    def pick(self, model, deployments, request):
        return object()

class Lazy:
    def __init__(self, traffic):
        self.traffic = traffic

    def pick(self, model, deployments, request):
        return min(deployments, key=lambda each: self.traffic.of(each).requests)

class Picky:
    def __init__(self, traffic):
        raise RuntimeError("no")

    def pick(self, model, deployments, request): ...

class Idle: ...
"""


def made(folder: Path, name: str, **args: Any) -> Router:
    (folder / "own_strategies.py").write_text(CODE)
    settings = RouterSettings(routing_strategy=f"own_strategies.{name}", routing_strategy_args=args)
    entries = (entry("g", "a"), entry("g", "b"), entry("g", "c"))
    config = ProxyConfig(model_list=entries, router_settings=settings, folder=folder)
    return Router(config, Cooldowns(Clock()), Spending())


@pytest.mark.parametrize(("args", "picked"), [({}, "c"), ({"at": 1}, "b")])
def test_it_picks_with_its_arguments(tmp_path: Path, args: dict[str, Any], picked: str) -> None:
    router = made(tmp_path, "Last", **args)
    assert router.pick("g", router.candidates("g"), set(), request("g")).id == picked


def test_it_sees_the_traffic(tmp_path: Path) -> None:
    router = made(tmp_path, "Lazy")
    assert router.traffic is not None
    picked = []
    for _ in range(4):
        deployment = router.pick("g", router.candidates("g"), set(), request("g"))
        router.traffic.began(deployment)
        picked.append(deployment.id)
    assert picked == ["a", "b", "c", "a"]


def test_it_picks_nobody_else(tmp_path: Path) -> None:
    router = made(tmp_path, "Foreign")
    with pytest.raises(Failure, match="must return one of the deployments") as caught:
        router.pick("g", router.candidates("g"), set(), request("g"))
    assert caught.value.status == 500


@pytest.mark.parametrize(
    ("name", "args", "told"),
    [
        ("Idle", {}, "no class with a method pick"),
        ("Picky", {}, "RuntimeError: no"),
        ("Last", {"unknown": 1}, "unexpected keyword argument"),
        ("Missing", {}, "Missing"),
    ],
)
def test_what_cannot_be_used(tmp_path: Path, name: str, args: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        made(tmp_path, name, **args)
    assert "router_settings.routing_strategy" in str(caught.value)
