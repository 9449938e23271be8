"""Patches that the contracts of D15 must notice."""

from contracts.harness.sabotaged import Sabotage

SABOTAGES = [
    Sabotage(
        name="shows-every-group",
        patches=[
            (
                "proxy.api.management.discovery._public",
                lambda _original, asked, _setting: list(asked.gateway.snapshot.router.groups.listed()),
            )
        ],
        trips=["test_the_hub_shows_public_groups_alone", "test_nothing_is_public_unless_it_is_said"],
    ),
    Sabotage(
        name="forgets-the-public-mark",
        patches=[
            (
                "proxy.api.management.discovery.shown_groups",
                lambda original, snapshot, names: [
                    group | {"is_public_model_group": False} for group in original(snapshot, names)
                ],
            )
        ],
        trips=["test_the_hub_shows_public_groups_alone"],
    ),
    Sabotage(
        name="ignores-switches",
        patches=[("proxy.api.management.discovery._is_set", lambda _original, _variable: False)],
        trips=["test_the_dashboard_of_a_gateway_behind_another"],
    ),
    Sabotage(
        name="ignores-the-prefix",
        patches=[("proxy.app.below_root", lambda _original, app: app)],
        trips=["test_paths_below_the_root[/llm/health/liveliness]", "test_paths_below_the_root[/llm/v1/models]"],
    ),
    Sabotage(
        name="unsorted-providers",
        patches=[("proxy.api.management.discovery.provider_names", lambda original: original()[::-1])],
        trips=["test_providers_are_a_sorted_list_of_names"],
    ),
    Sabotage(
        name="forgets-a-provider",
        patches=[
            (
                "proxy.api.management.discovery.provider_fields",
                lambda original: [entry for entry in original() if entry.litellm_provider != "groq"],
            )
        ],
        trips=["test_what_a_provider_wants_to_know"],
    ),
    Sabotage(
        name="prices-without-an-example",
        patches=[
            (
                "proxy.api.management.discovery.published_table",
                lambda original: {name: entry for name, entry in original().items() if name != "sample_spec"},
            )
        ],
        trips=["test_prices_are_public"],
    ),
    Sabotage(
        name="knows-every-model",
        patches=[("proxy.api.management.discovery._taken", lambda original, model: original(model) or ["temperature"])],
        trips=["test_parameters_of_no_model[unknown]"],
    ),
    Sabotage(
        name="links-for-nobody",
        patches=[("proxy.api.management.discovery._links", lambda _original, _asked: {})],
        trips=["test_the_hubs_links"],
    ),
]
