"""Patches that the contracts of D1 about models must notice."""

from typing import Any

from contracts.harness.sabotaged import Sabotage


async def _nothing(*_args: Any, **_options: Any) -> None:
    """Does not do it."""


SABOTAGES = [
    Sabotage(
        name="new-models-wait",
        patches=[("proxy.gateway.Gateway.reload", _nothing)],
        trips=[
            "test_a_new_model_is_routable_at_once",
            "test_no_answer_shows_a_secret",
            "test_what_is_known_of_a_new_model",
            "test_an_id_is_made_where_none_is_given",
            "test_two_deployments_of_a_group",
            "test_an_update_counts_at_once",
            "test_a_patch_changes_name_parameters_and_info",
            "test_a_deleted_model_is_gone_at_once",
            "test_a_stored_models_own_prices",
            "test_a_key_calls_only_the_stored_models_that_it_may",
            "test_an_internal_user_changes_no_model",
            "test_models_of_a_team",
            "test_one_model",
            "test_pages_and_order",
            "test_groups_are_made_public",
        ],
    ),
    Sabotage(
        name="anybody-adds-models",
        patches=[("proxy.management.models.check_author", lambda _original, *_args: None)],
        trips=[
            "test_an_internal_user_adds_no_model",
            "test_an_internal_user_changes_no_model",
            "test_a_model_of_a_team_that_is_not_there",
        ],
    ),
    Sabotage(
        name="models-are-not-looked-at",
        patches=[("proxy.api.management.models._check_served", lambda _original, *_args: None)],
        trips=[
            "test_a_model_that_can_never_work[provider]",
            "test_a_model_that_can_never_work[address]",
            "test_a_model_that_can_never_work[limit]",
        ],
    ),
    Sabotage(
        name="secrets-of-the-gateway-go-out",
        patches=[("proxy.management.models.check_references", lambda _original, *_args: None)],
        trips=["test_a_model_that_can_never_work[own-secret]"],
    ),
    Sabotage(
        name="patches-replace-everything",
        patches=[
            (
                "proxy.management.models.changed_values",
                lambda original, row, name, params, info: original({**row, "litellm_params": {}}, name, params, info),
            )
        ],
        trips=[
            "test_an_update_changes_what_it_names",
            "test_an_update_counts_at_once",
            "test_a_patch_changes_name_parameters_and_info",
            "test_the_old_name_of_a_patched_model_is_gone",
        ],
    ),
    Sabotage(
        name="lists-are-not-sorted",
        patches=[("proxy.api.management.models._sort_key", lambda _original, *_args: 0)],
        trips=["test_pages_and_order"],
    ),
]
