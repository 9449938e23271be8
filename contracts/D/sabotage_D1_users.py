"""Patches that the contracts of D1 about users, customers, invitations and tags must notice."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from contracts.harness.sabotaged import Sabotage


async def nothing(*_args: Any, **_options: Any) -> None:
    """In place of a check, or of something that is to be done."""


async def nobody(*_args: Any, **_options: Any) -> list[Any]:
    """In place of a search."""
    return []


async def always(*_args: Any, **_options: Any) -> bool:
    """Whoever asks may."""
    return True


async def believed(_original: Any, _connection: Any, budget_id: str) -> str:
    """A budget, there or not."""
    return budget_id


async def everybody(*_args: Any, **_options: Any) -> Any:
    """In place of the rows that somebody may see."""
    from sqlalchemy import true

    return true()


async def lasting(original: Callable[..., Awaitable[Any]], connection: Any, link: str) -> Any:
    """An invitation, over or not."""
    from proxy.store.rows import find
    from proxy.store.tables import invitations

    return await find(connection, invitations, id=link) or await original(connection, link)


def by_id(_original: Any, _page: Any) -> list[Any]:
    """One order for all."""
    from proxy.store.tables import users

    return [users.c.user_id]


def with_password(original: Callable[..., dict[str, Any]], row: Mapping[str, Any]) -> dict[str, Any]:
    """All that is stored."""
    return {**original(row), "password": row["password"]}


def as_given(_original: Any, _config: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """A new user without anybody's defaults."""
    return {**given, "user_id": given.get("user_id") or "made-up"}


SABOTAGES = [
    Sabotage(
        name="addresses-are-nobodys",
        patches=[("proxy.management.users.users_called", nobody)],
        trips=[
            "test_an_address_is_taken_once",
            "test_a_user_is_named_by_address",
            "test_an_address_of_another_capitalisation",
            "test_an_address_of_somebody_else",
            "test_many_users_are_changed",
        ],
    ),
    Sabotage(
        name="users-raise-themselves",
        patches=[("proxy.management.users_access._refuse", lambda _original, _fields, _whose: None)],
        trips=["test_nobody_raises_himself", "test_an_organizations_admin_does_not_raise_himself"],
    ),
    Sabotage(
        name="everybody-manages-everybody",
        patches=[("proxy.management.users_access.manages", always)],
        trips=["test_users_do_not_change_others", "test_an_organizations_admin_leaves_others_alone"],
    ),
    Sabotage(
        name="everybody-makes-admins",
        patches=[("proxy.management.users.check_role", lambda _original, _caller, _role: None)],
        trips=["test_only_admins_make_admins", "test_an_organizations_admin_makes_no_admins"],
    ),
    Sabotage(
        name="everybody-is-seen",
        patches=[("proxy.api.management.users.visible", everybody)],
        trips=["test_users_search_for_nobody_else", "test_an_organizations_admin_leaves_others_alone"],
    ),
    Sabotage(
        name="passwords-are-shown",
        patches=[
            ("proxy.api.management.users.shown_user", with_password),
            ("proxy.api.management.invitations.shown_user", with_password),
        ],
        trips=["test_no_password_is_shown"],
    ),
    Sabotage(
        name="one-order-for-all",
        patches=[("proxy.management.users_listing._order", by_id)],
        trips=[
            *(
                f"test_order[{name}]"
                for name in ("downward", "byaddress", "byspend", "byalias", "aliasdown", "unsorted")
            ),
            "test_lists_that_cannot_be[sort_by=password]",
            "test_lists_that_cannot_be[sort_by=spend&sort_order=up]",
            "test_a_search_of_the_dashboard",
        ],
    ),
    Sabotage(
        name="members-stay",
        patches=[("proxy.management.users._leave_teams", nothing)],
        trips=["test_users_are_deleted"],
    ),
    Sabotage(
        name="no-defaults",
        patches=[("proxy.management.users.with_defaults", as_given)],
        trips=["test_defaults_of_the_config", "test_teams_of_new_users", "test_changed_settings_hold_at_once"],
    ),
    Sabotage(
        name="settings-are-not-kept",
        patches=[("proxy.api.management.users_settings.change_settings", nothing)],
        trips=[
            "test_settings_are_changed",
            "test_settings_are_replaced_wholly",
            "test_changed_settings_hold_at_once",
            "test_teams_of_settings_may_have_budgets",
            "test_a_budget_that_cannot_be",
        ],
    ),
    Sabotage(
        name="links-last",
        patches=[("proxy.management.invitations._usable", lasting)],
        trips=["test_a_link_is_claimed_once"],
    ),
    Sabotage(
        name="everybody-invites",
        patches=[("proxy.management.invitations._may_invite", always)],
        trips=["test_a_teams_admin_invites_its_members"],
    ),
    Sabotage(
        name="blocks-last",
        patches=[("proxy.management.customers.unblock", nobody)],
        trips=["test_customers_are_unblocked[unblock]"],
    ),
    Sabotage(
        name="customers-are-not-missed",
        patches=[("proxy.management.customers._check_known", nothing)],
        trips=["test_customers_are_deleted", "test_unknown_customers"],
    ),
    Sabotage(
        name="budgets-are-believed",
        patches=[
            ("proxy.management.customers.known_budget", believed),
            ("proxy.management.tags.known_budget", believed),
        ],
        trips=["test_an_unknown_budget_is_refused", "test_another_budget_that_is_not_there"],
    ),
    Sabotage(
        name="models-are-not-tagged",
        patches=[("proxy.management.tags._write_to_models", nothing)],
        trips=["test_a_model_of_the_config"],
    ),
    Sabotage(
        name="periods-have-no-names",
        patches=[
            (
                "proxy.management.tags_activity._named",
                lambda _original, *_args: {"date": "", "period_start": None, "period_end": None},
            )
        ],
        trips=["test_users_of_a_period"],
    ),
]
