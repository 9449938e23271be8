"""Patches that the contracts of D1 about settings must notice."""

from contracts.harness.sabotaged import Sabotage

SABOTAGES = [
    Sabotage(
        name="settings-are-not-looked-at",
        patches=[("proxy.api.management.settings._check", lambda _original, *_args: None)],
        trips=["test_settings_with_which_no_gateway_runs"],
    ),
    Sabotage(
        name="guards-can-be-changed",
        patches=[("proxy.api.management.config_fields._check_field", lambda _original, _name: None)],
        trips=["test_what_the_gateway_is_guarded_by_is_not_changed", "test_fields_that_cannot_be[unknown]"],
    ),
    Sabotage(
        name="headers-of-endpoints-are-shown",
        patches=[
            ("proxy.api.management.config_endpoints._sealed", lambda _original, _asked, entry: dict(entry)),
            (
                "proxy.api.management.config_endpoints._shown",
                lambda original, entry: {**original(entry), "headers": dict(entry["headers"])},
            ),
        ],
        trips=["test_no_header_is_shown"],
    ),
    Sabotage(
        name="fallbacks-are-forgotten",
        patches=[("proxy.config.stored.merged", lambda _original, below, _above: dict(below))],
        trips=[
            "test_a_new_fallback_counts_at_once",
            "test_fallbacks_are_replaced_and_deleted",
            "test_fallbacks_of_other_kinds",
            "test_fallbacks_of_the_config_are_deleted_too",
        ],
    ),
]
