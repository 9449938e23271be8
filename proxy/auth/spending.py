"""Budgets: who has spent too much for another call."""

import logging
from collections.abc import Iterable
from typing import Final

import msgspec

from proxy.auth.access import Holder
from proxy.errors import GatewayError
from proxy.store.accounts import Kind, parts_of_member

log = logging.getLogger(__name__)


class Rule(msgspec.Struct, frozen=True):
    """How a budget of one kind counts."""

    text: str
    """Of the refusal."""
    reached: bool = False
    """Whether it is used up when it is reached, not only when it is exceeded."""
    positive: bool = False
    """Whether a budget of 0 is none."""


_PLAIN: Final = "Budget has been exceeded! Current cost: {spend}, Max budget: {budget}"
_NAMED: Final = "Budget has been exceeded! {kind}={id} Current cost: {spend}, Max budget: {budget}"
#: The reference's comparisons and words.
RULES: Final[dict[Kind, Rule]] = {
    "key": Rule(_PLAIN, reached=True),
    "project": Rule(_NAMED.replace("{kind}", "Project")),
    "team": Rule(_NAMED.replace("{kind}", "Team")),
    "organization": Rule(_NAMED.replace("{kind}", "Organization"), reached=True, positive=True),
    "tag": Rule(_NAMED.replace("{kind}", "Tag")),
    "user": Rule("ExceededBudget: User={id} over budget. Spend={spend}, Budget={budget}"),
    "team_member": Rule(
        "Budget has been exceeded! User={user} in Team={team} Current cost: {spend}, Max budget: {budget}", reached=True
    ),
    "customer": Rule("ExceededBudget: End User={id} over budget. Spend={spend}, Budget={budget}"),
}


def check_budget(holder: Holder) -> None:
    """Raises GatewayError, 400 ``budget_exceeded``, when the holder has nothing left."""
    budget, spend = holder.max_budget, holder.account.spend
    if budget is None:
        return
    rule = RULES[holder.kind]
    if spend < budget or (spend == budget and not rule.reached) or (rule.positive and budget <= 0):
        return
    text = rule.text
    team, user = parts_of_member(holder.id)
    if holder.kind == "team_member" and spend > budget > 0:
        text = _PLAIN
    raise exceeded(text.format(id=holder.id, team=team, user=user, spend=spend, budget=budget))


def check_total(spend: float, budget: float) -> None:
    """Of everybody together, ``litellm_settings.max_budget``. Raises GatewayError, 400."""
    if spend > budget:
        raise exceeded(_PLAIN.format(spend=spend, budget=budget))


def exceeded(message: str) -> GatewayError:
    """What is answered when a budget is used up."""
    return GatewayError(400, message, type="budget_exceeded", param=None)


class SoftBudgets:
    """Says once that a soft budget is crossed, until it is not any more."""

    def __init__(self) -> None:
        self._crossed: set[tuple[Kind, str]] = set()

    def look(self, holders: Iterable[Holder]) -> None:
        """Look at the soft budgets of a call's holders."""
        for holder in holders:
            if holder.soft_budget is None:
                continue
            name = holder.kind, holder.id
            if holder.account.spend < holder.soft_budget:
                self._crossed.discard(name)
            elif name not in self._crossed:
                self._crossed.add(name)
                log.warning(
                    "the soft budget of %s %s is crossed: %s of %s US dollars are spent",
                    *name,
                    holder.account.spend,
                    holder.soft_budget,
                )
