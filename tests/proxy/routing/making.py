"""Routers, requests and failures, made in one line."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy.config.model import AliasTarget, DeploymentParams, ModelEntry, ProxyConfig, RouterSettings
from proxy.deployment import Deployment, make_deployment
from proxy.errors import Failure, Kind
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.filters.context_windows import Window
from proxy.routing.request import RouteRequest
from proxy.routing.router import Router

KINDS: dict[int, Kind] = {
    400: "bad_request",
    401: "authentication",
    403: "permission",
    404: "not_found",
    408: "timeout",
    409: "other",
    422: "bad_request",
    429: "rate_limit",
    500: "server",
    503: "unavailable",
}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def entry(group: str, name: str = "", **params: Any) -> ModelEntry:
    params.setdefault("model", f"openai/{name or group}")
    return ModelEntry(model_name=group, params=DeploymentParams(**params), model_info={"id": name} if name else {})


def deployment(group: str = "g", name: str = "d", **params: Any) -> Deployment:
    return make_deployment(entry(group, name, **params))


def aliases(**targets: str | AliasTarget) -> dict[str, AliasTarget]:
    return {name: AliasTarget(model=it) if isinstance(it, str) else it for name, it in targets.items()}


def router(
    entries: Sequence[ModelEntry],
    *,
    clock: Callable[[], float] | None = None,
    window: Window = lambda _deployment: None,
    **settings: Any,
) -> Router:
    config = ProxyConfig(model_list=tuple(entries), router_settings=RouterSettings(**settings), folder=Path())
    return Router(config, Cooldowns(clock or Clock()), Spending(), window=window)


def groups(members: Mapping[str, int], **params: Any) -> list[ModelEntry]:
    """So many deployments a group; ids are ``a-1``, ``a-2``, ..."""
    return [entry(name, f"{name}-{n}", **params) for name, count in members.items() for n in range(1, count + 1)]


def request(model: str, **fields: Any) -> RouteRequest:
    return RouteRequest(model=model, **{"num_retries": 0, "max_fallbacks": 5, **fields})


def failure(status: int = 500, message: str = "failed", **fields: Any) -> Failure:
    return Failure(status, message, **{"kind": KINDS.get(status, "other"), **fields})
