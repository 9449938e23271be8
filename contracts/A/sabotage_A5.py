"""Ways to break our proxy's aliases, and the cases of A5 that notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def looks_at_no_alias(original: Original, groups: Any, name: str) -> str:
    return name if name == "alias-pair" else original(groups, name)


def resolves_aliases_of_aliases(original: Original, groups: Any, name: str) -> str:
    return original(groups, original(groups, name))


def prefers_groups(original: Original, groups: Any, name: str) -> str:
    return name if name in groups.by_name else original(groups, name)


def lists_hidden_aliases(original: Original, groups: Any) -> list[str]:
    return list(dict.fromkeys([*groups.aliases, *original(groups)]))


def lists_no_alias(original: Original, groups: Any) -> list[str]:
    return [name for name in original(groups) if name in groups.by_name]


def shows_the_target(original: Original, preparation: Any, step: Any) -> str | None:
    shown = original(preparation, step)
    return "target-vector" if shown == "alias-vector" else shown


def looks_up_fallbacks_of_the_target(original: Original, lists: Any, model: str) -> Any:
    return original(lists, model.removeprefix("alias-"))


def has_no_first_default(original: Original, router: Any, model: str) -> Any:
    settings = msgspec.structs.replace(router.settings, fallbacks={})
    blind = object.__new__(type(router))
    blind.__dict__.update(router.__dict__, settings=settings)
    return original(blind, model)


SABOTAGES = [
    Sabotage(
        name="ignores-an-alias",
        patches=[("proxy.routing.groups.Groups.unaliased", looks_at_no_alias)],
        trips=["test_every_deployment_of_the_target_serves_the_alias"],
    ),
    Sabotage(
        name="follows-aliases-of-aliases",
        patches=[("proxy.routing.groups.Groups.unaliased", resolves_aliases_of_aliases)],
        trips=["test_an_alias_of_an_alias_does_not_resolve", "test_the_first_default_answers_at_once[alias-of-alias]"],
    ),
    Sabotage(
        name="prefers-the-group-of-that-name",
        patches=[("proxy.routing.groups.Groups.unaliased", prefers_groups)],
        trips=["test_an_alias_wins_over_a_group_of_its_name"],
    ),
    Sabotage(
        name="lists-hidden-aliases",
        patches=[("proxy.routing.groups.Groups.listed", lists_hidden_aliases)],
        trips=[
            "test_visible_aliases_come_first",
            "test_a_hidden_alias_is_not_listed",
            "test_a_hidden_alias_does_not_exist",
            "test_model_info_has_a_copy_under_the_alias",
            "test_aliases_of_litellm_settings_are_listed",
            "test_tianji_settings_may_hold_aliases",
        ],
    ),
    Sabotage(
        name="lists-no-alias",
        patches=[("proxy.routing.groups.Groups.listed", lists_no_alias)],
        trips=[
            "test_visible_aliases_come_first",
            "test_a_hidden_alias_is_not_listed",
            "test_a_visible_alias_is_no_model_of_its_own",
            "test_model_info_has_a_copy_under_the_alias",
            "test_model_group_info_knows_an_alias",
            "test_aliases_of_litellm_settings_are_listed",
            "test_tianji_settings_may_hold_aliases",
        ],
    ),
    Sabotage(
        name="shows-the-target-to-the-client",
        patches=[("proxy.preparation.Preparation._shown_model", shows_the_target)],
        trips=["test_embeddings"],
    ),
    Sabotage(
        name="looks-up-fallbacks-after-resolution",
        patches=[("proxy.routing.fallbacks.lookup", looks_up_fallbacks_of_the_target)],
        trips=[
            "test_fallbacks_of_the_target_are_not_used",
            "test_fallbacks_of_the_alias_are_used",
            "test_embeddings_fall_back_by_the_alias",
            "test_with_lists_for_both_names_that_of_the_alias_counts",
            "test_the_context_window_list_goes_by_the_alias",
            "test_the_content_policy_list_goes_by_the_alias",
        ],
    ),
    Sabotage(
        name="knows-no-first-default",
        patches=[("proxy.routing.router.Router.candidates", has_no_first_default)],
        trips=["test_the_first_default_answers_at_once"],
    ),
]
