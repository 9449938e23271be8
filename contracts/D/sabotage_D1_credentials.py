"""Patches that the contracts of D1 about credentials must notice."""

from contracts.harness.sabotaged import Sabotage

SABOTAGES = [
    Sabotage(
        name="credentials-are-shown",
        patches=[("proxy.management.credentials._shown", lambda _original, _name, value: value)],
        trips=[
            "test_a_credential_is_made_and_looked_up",
            "test_credentials_of_the_config",
            "test_a_name_with_slashes",
            "test_all_credentials",
            "test_a_credential_of_a_models_settings",
            "test_credentials_by_model[cred-own-1]",
        ],
    ),
    Sabotage(
        name="deployments-get-no-credentials",
        patches=[("proxy.snapshot.with_credentials", lambda _original, config: config)],
        trips=[
            "test_a_new_credential_counts_at_once",
            "test_credentials_of_the_config",
            "test_a_deployments_own_settings_come_first",
            "test_a_patch_counts_at_once",
        ],
    ),
]
