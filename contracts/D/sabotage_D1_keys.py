"""Patches that the contracts of D1 about keys, budgets and the audit log must notice."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from contracts.harness.sabotaged import Sabotage


async def nothing(*_args: Any, **_options: Any) -> None:
    """In place of a check, or of something that is to be remembered."""


async def always(*_args: Any, **_options: Any) -> bool:
    """Whoever asks may."""
    return True


async def unchanged(_original: Callable[..., Awaitable[Any]], _connection: Any, before: Any, _values: Any) -> Any:
    """The row as it was."""
    return before


def ownerless(
    original: Callable[..., dict[str, Any]], config: Any, caller: Any, given: Any, team: Any
) -> dict[str, Any]:
    """A new key as it was asked for, whoever asks."""
    fields = original(config, caller, given, team)
    return {**fields, "user_id": given.get("user_id")}


def oldest_first(original: Callable[..., list[Any]], table: Any, asking: Any) -> list[Any]:
    """The order of a list that asks for none."""
    if asking.sort_by is None:
        return [table.c.created_at.asc(), table.c.token.asc()]
    return original(table, asking)


def metadata_alone(_original: Any, metadata: Mapping[str, Any] | None, _fields: Any) -> dict[str, Any]:
    """Nothing folded in."""
    return dict(metadata or {})


SABOTAGES = [
    Sabotage(
        name="keys-belong-to-nobody",
        patches=[("proxy.management.keys_making._complete", ownerless)],
        trips=["test_a_key_belongs_to_whom_made_it"],
    ),
    Sabotage(
        name="aliases-are-shared",
        patches=[("proxy.management.keys_making.check_alias", nothing)],
        trips=["test_an_alias_is_taken_once", "test_an_alias_of_another_key"],
    ),
    Sabotage(
        name="keys-widen-themselves",
        patches=[("proxy.management.keys_access.check_not_wider", lambda _original, _key, _changes: None)],
        trips=[
            f"test_a_key_does_not_widen_itself[{what}]"
            for what in ("budget", "no-budget", "models", "all-models", "rate")
        ],
    ),
    Sabotage(
        name="everybody-blocks",
        patches=[("proxy.api.management.keys.may_change", always)],
        trips=["test_nobody_blocks_keys_of_others"],
    ),
    Sabotage(
        name="everybody-sees",
        patches=[("proxy.api.management.keys_read.may_see", always)],
        trips=[
            "test_several_keys_show_only_what_may_be_seen",
            "test_keys_of_others_are_out_of_reach",
            "test_who_is_in_no_team_makes_no_keys_of_it",
        ],
    ),
    Sabotage(
        name="any-route-is-granted",
        patches=[("proxy.api.management.keys.check_routes", lambda _original, _caller, _fields: None)],
        trips=["test_nobody_grants_routes_that_he_may_not_call"],
    ),
    Sabotage(
        name="forgets-limits-of-models",
        patches=[("proxy.management.keys_making.folded", metadata_alone)],
        trips=[
            "test_some_fields_are_kept_in_the_metadata",
            "test_a_team_may_be_out_of_guaranteed_throughput",
            "test_metadata_is_replaced_and_limits_are_folded_in",
            "test_a_budget_is_increased_for_a_while",
            "test_fields_behind_a_licence",
        ],
    ),
    Sabotage(
        name="lists-the-oldest-first",
        patches=[("proxy.management.keys_listing._order", oldest_first)],
        trips=["test_keys_of_a_user_page_by_page"],
    ),
    Sabotage(
        name="bounds-do-not-hold",
        patches=[("proxy.management.keys_settings._exceeds", lambda _original, _name, _value, _most, _now: False)],
        trips=["test_beyond_its_bound"],
    ),
    Sabotage(
        name="forgets-defaults",
        patches=[("proxy.management.keys_settings.with_defaults", lambda _original, _config, fields: dict(fields))],
        trips=["test_defaults_fill_what_is_missing"],
    ),
    Sabotage(
        name="asks-no-rule",
        patches=[("proxy.api.management.keys.ask_hook", nothing)],
        trips=["test_a_rule_refuses_a_key"],
    ),
    Sabotage(
        name="requires-no-fields",
        patches=[("proxy.management.keys_settings._check_required", lambda _original, _settings, _fields: None)],
        trips=["test_fields_that_keys_must_have", "test_members_that_may_make_keys_of_their_team"],
    ),
    Sabotage(
        name="changes-leave-no-trace",
        patches=[("proxy.api.management.keys.record", nothing)],
        trips=["test_changes_of_a_key_are_recorded"],
    ),
    Sabotage(
        name="budgets-stay-as-they-are",
        patches=[("proxy.api.management.budgets._changed", unchanged)],
        trips=["test_a_budget_is_changed"],
    ),
]
