"""Patches that the contracts of D1 about teams, organizations, projects and access groups must notice."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from contracts.harness.sabotaged import Sabotage


async def nothing(*_args: Any, **_options: Any) -> None:
    """In place of a check, or of something that is to be remembered."""


def agreed(*_args: Any, **_options: Any) -> None:
    """In place of a check that waits for nothing."""


async def renamed(
    original: Callable[..., Awaitable[Any]], connection: Any, team: Any, fields: Mapping[str, Any], *, author: str
) -> Any:
    """A change of a team that forgets its budget."""
    kept = {name: value for name, value in fields.items() if name != "max_budget"}
    return await original(connection, team, kept, author=author)


def wild(_original: Callable[..., Any], column: Any, part: str) -> Any:
    """A search in which percent signs stand for anything."""
    return column.ilike(f"%{part}%")


async def unlimited(original: Callable[..., Awaitable[Any]], *args: Any, **options: Any) -> Any:
    """A member of an organization without the budget that was given."""
    return await original(*args, **{**options, "max_budget": None})


def metadata_replaced(_original: Any, _known: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a changed team as the request alone has them."""
    names = ("model_rpm_limit", "model_tpm_limit", "prompts")
    folded = {name: fields[name] for name in names if fields.get(name) is not None}
    return {**(fields.get("metadata") or {}), **folded}


async def unblocked(original: Callable[..., Awaitable[Any]], asked: Any, team_id: str, **_options: Any) -> Any:
    """A team that is never blocked."""
    return await original(asked, team_id, blocked=False)


async def nobody(*_args: Any) -> list[Any]:
    """No rows."""
    return []


async def first_page(
    original: Callable[..., Awaitable[Any]], connection: Any, search: Any, page: Any, **options: Any
) -> Any:
    """The first page whatever was asked for."""
    return await original(connection, search, page._replace(number=1), **options)


async def one_of_many(original: Callable[..., Awaitable[int]], connection: Any, group: str, names: Any) -> int:
    """A group that gets no model."""
    return await original(connection, group, list(names)[:0])


SABOTAGES = [
    Sabotage(
        name="teams-outlive-their-keys-and-members",
        patches=[
            ("proxy.management.teams_changing.delete_keys", nothing),
            ("proxy.management.teams_changing.forget_members", nothing),
        ],
        trips=["test_a_deleted_team_takes_its_keys_along", "test_a_key_in_use_stops_with_its_team[delete]"],
    ),
    Sabotage(
        name="teams-keep-no-organization-s-limits",
        patches=[("proxy.management.teams_limits.OrganizationLimits.check", agreed)],
        trips=[
            "test_models_beyond_the_organization",
            "test_limits_beyond_the_organization",
            "test_an_admin_of_an_organization_makes_teams",
            "test_an_admin_of_an_organization_manages_its_teams",
        ],
    ),
    Sabotage(
        name="teams-share-more-than-there-is",
        patches=[("proxy.management.teams_limits.OrganizationLimits.check_guaranteed", nothing)],
        trips=["test_guaranteed_throughput_is_shared"],
    ),
    Sabotage(
        name="teams-move-anywhere",
        patches=[("proxy.management.teams_limits.check_move", nothing)],
        trips=["test_a_team_moves_into_an_organization"],
    ),
    Sabotage(
        name="teams-have-members-that-anybody-may-change",
        patches=[
            ("proxy.api.management.members.check_members", agreed),
            ("proxy.api.management.teams_settings.check_members", agreed),
        ],
        trips=[
            "test_strangers_see_and_change_nothing",
            "test_members_see_their_team",
            "test_an_admin_of_another_team_is_a_stranger",
            "test_who_only_views_changes_nothing[internal_user_viewer]",
            "test_only_oneself_and_no_more",
            "test_nobody_rules_it",
        ],
    ),
    Sabotage(
        name="teams-are-seen-by-everybody",
        patches=[("proxy.api.management.teams.check_seen", agreed)],
        trips=[
            "test_strangers_see_and_change_nothing",
            "test_a_key_of_a_team_sees_it",
            "test_an_admin_of_another_team_is_a_stranger",
        ],
    ),
    Sabotage(
        name="teams-belong-to-every-organization",
        patches=[("proxy.api.management.teams.check_manager", agreed)],
        trips=["test_an_admin_of_an_organization_takes_no_foreign_team"],
    ),
    Sabotage(
        name="teams-lose-their-metadata",
        patches=[("proxy.management.teams_changing._changed_metadata", metadata_replaced)],
        trips=["test_metadata_is_not_lost", "test_a_team_has_a_budget_for_its_members"],
    ),
    Sabotage(
        name="teams-forget-their-budget",
        patches=[("proxy.api.management.teams.update_row", renamed)],
        trips=["test_a_team_is_changed", "test_limits_that_are_not_named_stay"],
    ),
    Sabotage(
        name="teams-are-searched-with-wildcards",
        patches=[("proxy.management.teams_listing.resembles", wild)],
        trips=["test_percent_signs_are_letters"],
    ),
    Sabotage(
        name="teams-have-one-page",
        patches=[("proxy.api.management.teams_lists.page_of", first_page)],
        trips=["test_pages_of_teams"],
    ),
    Sabotage(
        name="teams-have-soft-budgets-above-their-budgets",
        patches=[("proxy.management.teams_limits.check_soft_budget", agreed)],
        trips=["test_the_budgets_of_a_team_belong_together"],
    ),
    Sabotage(
        name="teams-take-members-twice",
        patches=[("proxy.api.management.members.check_new", agreed)],
        trips=["test_nobody_is_added_twice", "test_many_members_at_once"],
    ),
    Sabotage(
        name="teams-are-never-blocked",
        patches=[("proxy.api.management.teams._set_blocked", unblocked)],
        trips=["test_a_team_is_blocked_and_unblocked", "test_a_key_in_use_stops_with_its_team[block]"],
    ),
    Sabotage(
        name="organizations-forget-their-members-budgets",
        patches=[("proxy.management.organizations.add_member", unlimited)],
        trips=["test_a_member_is_added_with_a_budget"],
    ),
    Sabotage(
        name="organizations-outlive-their-teams",
        patches=[("proxy.management.organizations.delete_teams", nothing)],
        trips=["test_a_deleted_organization_takes_its_teams_along"],
    ),
    Sabotage(
        name="projects-are-larger-than-their-teams",
        patches=[("proxy.api.management.projects.check_limits", agreed)],
        trips=[
            f"test_a_project_keeps_within_its_team[{what}]"
            for what in ("models", "budget", "tpm", "rpm", "negative", "soft")
        ],
    ),
    Sabotage(
        name="access-groups-stay-empty",
        patches=[("proxy.management.access_groups.add_to_group", one_of_many)],
        trips=["test_a_group_of_models", "test_groups_are_listed", "test_groups_that_cannot_be"],
    ),
    Sabotage(
        name="access-groups-stay-with-teams",
        patches=[("proxy.management.access_groups._having", nobody)],
        trips=["test_a_deleted_group_is_taken_from_teams_and_keys"],
    ),
]
