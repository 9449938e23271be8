"""Whether a call may be made: models, budgets and what a config asks of calls. Awaits nothing as long as all is known."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from proxy.auth.access import Access, Customer
from proxy.auth.customers import CustomerNames, decoded_or_none
from proxy.auth.directory import Directory
from proxy.auth.lookups import StoreAway
from proxy.auth.model_access import ALL_OF_TEAM, EVERYTHING, NO_DEFAULT, ModelAccess, Owner
from proxy.auth.model_budgets import check_model_budget
from proxy.auth.permissions import Group, check_route
from proxy.auth.rates import rate_of
from proxy.auth.requirements import Requirements
from proxy.auth.spending import SoftBudgets, check_budget, check_total
from proxy.auth.virtual_keys import refused
from proxy.call import NO_FIELDS, Body, Identity
from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError
from proxy.fields import names_of
from proxy.rates import Rate

T = TypeVar("T")

_OF_BUDGETS: Final = ("max_budget", "rpm_limit", "tpm_limit", "max_parallel_requests")
_LISTS: Final = frozenset(("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"))


class Asked(msgspec.Struct):
    """What admission sees of a call."""

    identity: Identity
    headers: Mapping[bytes, bytes]
    """By lower-case name."""
    path: str
    fields: Body = NO_FIELDS
    """Of the body."""
    model: str | None = None
    posted: bool = True
    """Whether the method is POST."""


class Admitted(msgspec.Struct, frozen=True):
    """A call that may be made."""

    model: str | None
    """What is called in the end: aliases of keys and teams stand for others."""
    customer: str | None = None
    customer_rate: Rate | None = None
    tags: tuple[str, ...] = ()
    region: str | None = None
    """Of the customer: that the call must stay in."""


class Admission:
    """Of one snapshot.

    Args:
        free: whether calls of a model cost nothing.
    """

    def __init__(
        self, config: ProxyConfig, models: ModelAccess, free: Callable[[str], bool], directory: Directory
    ) -> None:
        self.models = models
        self._free = free
        self._directory = directory
        self._requirements = Requirements(config.general_settings)
        self._customers = CustomerNames(config.general_settings)
        self._soft_budgets = SoftBudgets()
        settings = config.settings.other
        self._total = _dollars(settings.get("max_budget"))
        self._default_budget: str | None = settings.get("max_end_user_budget_id")

    async def admit(self, asked: Asked) -> Admitted:
        """Let a call of a model through.

        Raises:
            GatewayError: 400, 401 or 403, with the reference's body.
        """
        identity, model = asked.identity, asked.model
        customer = identity.customer or self._customers.find(asked.headers, asked.fields)
        buyer = None if customer is None else await self._customer(customer)
        access = identity.access
        tags: tuple[str, ...] = ()
        if access is not None:
            named, fallbacks = model, _fallbacks(asked.fields)
            model = _aliased(access, named)
            if named is not None:
                self._check_key_models(access, named, fallbacks)
            free = model is not None and self._free(model) and all(map(self._free, fallbacks))
            if not free and access.holders and access.holders[0].kind == "key":
                check_budget(access.holders[0])
            self._check_holders_allow(access, named, fallbacks)
            if "metadata" in asked.fields or "litellm_metadata" in asked.fields or "tags" in asked.fields:
                tags = _tags(asked.fields)
            if not free:
                await self._check_budgets(access, tags)
                if access.model_budgets and named is not None and model is not None:
                    for names in ((named, model), *((name,) for name in fallbacks)):
                        check_model_budget(access, names, self.models.members(names[-1]))
            self._requirements.check_params_of_users(asked.fields, posted=asked.posted)
        check_route(identity, asked.path, Group.LLM)
        if buyer is not None:
            check_budget(buyer.holder)
        self._requirements.check_params(identity, asked.fields)
        if buyer is None:
            return Admitted(model, customer, tags=tags)
        return Admitted(model, customer, rate_of(buyer.holder) or None, tags, buyer.region)

    def check_model_budgets(self, access: Access, models: Sequence[str]) -> None:
        """Let a call go on to other models than it was let in for, or not.

        Raises:
            GatewayError: 400, the key has spent its budget for one of them.
        """
        if access.model_budgets:
            for model in models:
                if not self._free(model):
                    check_model_budget(access, (model,), self.models.members(model))

    async def check_caller(self, identity: Identity, *, budgets: bool) -> None:
        """Let a caller ask for what is no call of a model, or not.

        Args:
            budgets: whether what was spent counts.

        Raises:
            GatewayError: 401, its team or project is blocked; 400, a budget is used up.
        """
        access = identity.access
        if access is not None:
            self._check_holders_allow(access, None)
            if budgets:
                await self._check_budgets(access, ())

    def may_use(self, access: Access, model: str) -> bool:
        """Whether a key and those it belongs to may call a model; what they have spent is not looked at."""
        try:
            self._check_key_models(access, model, ())
            self._check_holders_allow(access, model)
        except GatewayError:
            return False
        return True

    def check_sent(self, access: Access, model: str, served: str | None) -> None:
        """Let a vendor be sent a model as it stands, which no alias of a key or team makes another, or not.

        Args:
            served: what the vendor calls the model that was let through already.

        Raises:
            GatewayError: 401, somebody's list does not have it; 400, its budget is used up.
        """
        if model != served:
            self._check_key_models(access, None, (model,))
            self._check_holders_allow(access, None, (model,))
        if access.model_budgets:
            check_model_budget(access, (model,), self.models.members(model))

    def restricts(self, access: Access) -> bool:
        """Whether there are models that a key may not call, or may spend only so much on."""
        if access.model_budgets:
            return True
        lists = [access.key["models"], *(row["models"] for row in _limiting(access))]
        if access.user is not None and access.key["team_id"] is None:
            lists.append(access.user["models"])
        return any(models and EVERYTHING.isdisjoint(models) for models in lists)

    def listed(self, access: Access) -> list[str] | None:
        """The models that a key is told of: its own, else its team's, as far as its organization has them; ``None``: all."""
        of_team: Sequence[str] = access.team["models"] if access.team is not None else ()
        names: Sequence[str] = access.key["models"]
        if not names or ALL_OF_TEAM in names:
            names = of_team
        limit: Sequence[str] = access.organization["models"] if access.organization is not None else ()
        lists = [self.models.expanded(part) for part in (names, limit) if part and EVERYTHING.isdisjoint(part)]
        return self.models.common(*lists) if len(lists) > 1 else lists[0] if lists else None

    def _check_key_models(self, access: Access, model: str | None, fallbacks: Sequence[str]) -> None:
        key = access.key
        if key["config"] or ALL_OF_TEAM in key["models"]:
            return
        if model is not None:
            self.models.check("key", model, key["models"], access.granted, _team_aliases(access))
        for name in fallbacks:
            self.models.check("key", name, key["models"], access.granted, {})

    def _check_holders_allow(self, access: Access, model: str | None, fallbacks: Sequence[str] = ()) -> None:
        """Those a key belongs to limit what is named and what is called in the end: its own aliases grant nothing."""
        team, project, user, organization = access.team, access.project, access.user, access.organization
        of_team = _of(_team_aliases(access), model)
        served = _of(access.key["aliases"], of_team)
        called = fallbacks if served is None or served == of_team else (served, *fallbacks)
        if team is not None:
            if team["blocked"]:
                raise refused(f"Team={team['team_id']} is blocked. Update via `/team/unblock` if your admin.")
            if model is not None:
                self.models.check("team", model, team["models"], access.granted_to_team, _team_aliases(access))
            for name in called:
                self.models.check("team", name, team["models"], access.granted_to_team, {})
        elif user is not None and access.key["team_id"] is None:
            self._check_listed("user", user["models"], model, called)
        if project is not None:
            if project["blocked"]:
                raise refused(
                    f"Project={project['project_id']} is blocked. Update via `/project/update` if you're an admin."
                )
            self._check_listed("project", project["models"], model, called)
        if organization is not None:
            self._check_listed("organization", organization["models"], served, fallbacks)

    def _check_listed(self, owner: Owner, allowed: Sequence[str], model: str | None, others: Sequence[str]) -> None:
        for name in others if model is None else (model, *others):
            if owner == "user":
                _check_default_models(allowed, name)
            self.models.check(owner, name, allowed, (), {})

    async def _check_budgets(self, access: Access, tags: Sequence[str]) -> None:
        of_team = access.key["team_id"] is not None
        soft = False
        for holder in access.holders:
            soft = soft or holder.soft_budget is not None
            if holder.max_budget is not None and not (of_team and holder.kind == "user"):
                check_budget(holder)
        if soft:
            self._soft_budgets.look(access.holders)
        for tag in tags:
            found = await _known(self._directory.tags.get(tag))
            if found is not None:
                check_budget(found)
        if self._total > 0:
            spent = await _known(self._directory.total.get(""))
            check_total(spent or 0.0, self._total)

    async def _customer(self, name: str) -> Customer | None:
        """Raises GatewayError, 400, for one that is blocked or has nothing left."""
        found = await _known(self._directory.customers.get(name))
        if found is None:
            return None
        if found.blocked:
            raise GatewayError(
                400, f"User blocked from making LLM API Calls. User={name}", type="user_blocked", param="user"
            )
        if found.has_budget or self._default_budget is None:
            return found
        budget = await _known(self._directory.budgets.get(self._default_budget))
        if budget is None:
            return found
        holder = msgspec.structs.replace(found.holder, **{name: budget[name] for name in _OF_BUDGETS})
        return msgspec.structs.replace(found, holder=holder)


async def _known(looking: Awaitable[T | None]) -> T | None:
    """What was asked for; nothing while the database is away: who calls is known, and goes on."""
    try:
        return await looking
    except StoreAway:
        return None


def _check_default_models(models: Sequence[str], model: str) -> None:
    if NO_DEFAULT in models:
        raise GatewayError(
            401,
            f"User not allowed to access model. No default model access, only team models allowed. Tried to access {model}",
            type="key_model_access_denied",
            param="model",
        )


def _team_aliases(access: Access) -> Mapping[str, Any]:
    aliases = None if access.team is None else access.team["model_aliases"]
    return aliases if isinstance(aliases, dict) else {}


def _aliased(access: Access, model: str | None) -> str | None:
    """What a model is called in the end: the team's aliases, then the key's."""
    return _of(access.key["aliases"], _of(_team_aliases(access), model))


def _of(aliases: Mapping[str, Any] | None, model: str | None) -> str | None:
    target = aliases.get(model) if aliases and model is not None else None
    return target if isinstance(target, str) else model


def _limiting(access: Access) -> Iterable[Mapping[str, Any]]:
    """The rows whose lists of models limit every key that belongs to them."""
    return (row for row in (access.team, access.project, access.organization) if row is not None)


def _fallbacks(fields: Body) -> list[str]:
    """The models that a client wants to be tried, by whatever list; what cannot be read is refused later."""
    if _LISTS.isdisjoint(fields):
        return []
    names: list[str] = []
    for field in _LISTS:
        given = decoded_or_none(fields[field]) if field in fields else None
        for item in given if isinstance(given, list) else ():
            names += _targets([item])
            for targets in item.values() if isinstance(item, dict) else ():
                names += _targets(targets if isinstance(targets, list) else ())
    return names


def _targets(targets: Sequence[Any]) -> Iterable[str]:
    """The models of names, and of fields that replace a call's own."""
    for target in targets:
        if isinstance(target, str):
            yield target
        elif isinstance(target, dict) and "model" in target and not isinstance(target["model"], list):
            yield str(target["model"])


def _tags(fields: Body) -> tuple[str, ...]:
    name = "litellm_metadata" if "litellm_metadata" in fields else "metadata"
    metadata = decoded_or_none(fields[name]) if name in fields else None
    tags = decoded_or_none(fields["tags"]) if "tags" in fields else None
    given = [metadata.get("tags") if isinstance(metadata, dict) else None, tags]
    return tuple(name for part in given for name in names_of(part))


def _dollars(value: Any) -> float:
    try:
        return float(value or 0.0)
    except (TypeError, ValueError):
        return 0.0
