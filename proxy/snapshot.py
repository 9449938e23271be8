"""Everything that is derived from a config, frozen. A new config makes a new snapshot; calls keep the one they began with."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from proxy.accounting.catalog import Catalog, build_catalog
from proxy.accounting.cost import PriceBook
from proxy.auth.authenticator import Authenticator
from proxy.auth.selection import build_authenticator
from proxy.call import Usage
from proxy.capacity import Capacity, make_capacity
from proxy.config.credentials import with_credentials
from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment, make_deployment
from proxy.files.accounts import Settings as FileSettings
from proxy.files.accounts import files_settings
from proxy.limits.settings import LimitSettings, limit_settings
from proxy.passthrough.routes import PassThrough
from proxy.providers.base import find_provider
from proxy.providers.compatible import param_rules as rules_of
from proxy.providers.openai.params import ParamRules
from proxy.queueing import Queue
from proxy.responses.settings import Background, background_of
from proxy.routing.budgets import Spending
from proxy.routing.choosing import has_choosers
from proxy.routing.cooldown import Cooldowns
from proxy.routing.router import Router
from proxy.routing.traffic import Traffic
from proxy.state.base import State
from proxy.state.memory import MemoryState

if TYPE_CHECKING:
    from proxy.auth.admission import Admission
    from proxy.auth.directory import Directory

A_TOKEN_EACH = Usage(1, 1, 2)


class Snapshot(msgspec.Struct, frozen=True, eq=False):
    """What calls read."""

    config: ProxyConfig
    router: Router
    authenticator: Authenticator
    admission: Admission | None
    """What calls are looked at by; ``None`` when nothing restricts any."""
    catalog: Catalog
    prices: PriceBook
    param_rules: Callable[[Deployment], ParamRules | None]
    """What the model of a deployment does not take; ``None``: its provider sees to that."""
    background: Background
    """Which background responses are made here."""
    passthrough: PassThrough
    capacity: Capacity | None
    """What attempts take of their deployments; ``None`` when nothing depends on it."""
    limits: LimitSettings
    files: FileSettings
    """Where files and batches are that name no model."""
    queue: Queue
    """Where calls with a priority wait."""
    reads_usage: bool
    """Whether anything depends on what calls use."""


def build_snapshot(
    config: ProxyConfig,
    cooldowns: Cooldowns,
    spending: Spending,
    authenticator: Authenticator | None = None,
    *,
    directory: Directory | None = None,
    traffic: Traffic | None = None,
    state: State | None = None,
    queue: Queue | None = None,
) -> Snapshot:
    """Derive a snapshot.

    Args:
        authenticator: the one to go on with; ``None``: a new one.
        directory: of the database, if there is one.
        traffic: what deployments are doing, to go on with.
        state: that other processes may share.
        queue: where calls wait, to go on with.

    Raises:
        ConfigError: the config names something that does not exist.
    """

    def price(deployment: Deployment) -> float | None:
        cost = prices.cost_of(deployment, A_TOKEN_EACH)
        return None if cost.final is None else cost.original

    def window(deployment: Deployment) -> int | None:
        return catalog.window(deployment)

    @lru_cache(maxsize=1024)
    def takes_formats(deployment: Deployment) -> bool:
        rules = param_rules(deployment)
        if rules is not None:
            return "response_format" not in rules.refused
        from proxy.providers.discovery import taken_params

        entry = catalog.entry(deployment)
        facts = {} if entry is None else entry.fields
        return "response_format" in taken_params(deployment.provider, deployment.model, facts)

    router = Router(
        with_credentials(config),
        cooldowns,
        spending,
        traffic,
        price=price,
        window=window,
        takes_formats=takes_formats,
    )
    for entry in config.model_list:
        try:
            find_provider(make_deployment(entry).provider)
        except ConfigError as error:
            raise ConfigError(f"model_list, model_name {entry.model_name!r}: {error}", place=entry.place) from error
    if has_choosers(config):
        from proxy.autorouting.reading import read_choosers

        router.choosers = read_choosers(config, router.groups)
    deployments = router.groups.deployments
    catalog = build_catalog(deployments)
    prices = PriceBook(deployments, catalog, config.settings.other)

    @lru_cache(maxsize=1024)
    def param_rules(deployment: Deployment) -> ParamRules | None:
        entry = catalog.entry(deployment)
        return rules_of(deployment, {} if entry is None else entry.fields)

    passthrough = PassThrough(config, deployments)
    authenticator = authenticator or build_authenticator(config, directory)
    admission = None if directory is None else _admission(config, router, catalog, prices, directory)
    limits = limit_settings(config, router.groups)
    readers = admission is not None or router.budgets is not None or router.traffic is not None
    readers = readers or limits.of_models or config.general_settings.custom_auth is not None
    return Snapshot(
        config=config,
        router=router,
        authenticator=authenticator,
        admission=admission,
        catalog=catalog,
        prices=prices,
        param_rules=param_rules,
        background=background_of(config),
        passthrough=passthrough,
        capacity=make_capacity(router, state),
        limits=limits,
        files=files_settings(config.sections.get("files_settings")),
        queue=queue or Queue(traffic or Traffic(), MemoryState()),
        reads_usage=readers,
    )


def _admission(
    config: ProxyConfig, router: Router, catalog: Catalog, prices: PriceBook, directory: Directory
) -> Admission:
    from proxy.auth.admission import Admission
    from proxy.auth.model_access import ModelAccess

    @lru_cache(maxsize=1024)
    def free(model: str) -> bool:
        """A model whose price is not known costs nothing, as in the reference."""
        members = router.may_serve(model)
        return members is not None and not any(prices.cost_of(member, A_TOKEN_EACH).final for member in members)

    directory.models = ModelAccess(router.groups, catalog.models_of)
    return Admission(config, directory.models, free, directory)
