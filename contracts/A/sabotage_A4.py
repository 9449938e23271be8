"""Ways to break our proxy's fallbacks, and the cases of A4 that notice."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from contracts.harness.sabotaged import Sabotage
from proxy.errors import Headers
from proxy.providers.failures import StreamFailure
from proxy.providers.openai.chunks import DONE
from proxy.routing.fallbacks import Targets
from proxy.routing.plan import Hop

Original = Callable[..., Any]


def skips_the_second(original: Original, targets: Targets, model: str) -> list[Hop]:
    hops: list[Hop] = original(targets, model)
    return hops[:1] + hops[2:]


def keeps_replaced_fields(original: Original, targets: Targets, model: str) -> list[Hop]:
    replaced: dict[str, Any] = {}
    hops: list[Hop] = []
    for hop in original(targets, model):
        replaced = replaced | hop.replaced
        hops.append(Hop(hop.model, replaced))
    return hops


def ignores_replaced_fields(original: Original, targets: Targets, model: str) -> list[Hop]:
    return [Hop(hop.model) for hop in original(targets, model)]


def retries_once_more(original: Original, *args: Any) -> int:
    retries: int = original(*args)
    return retries + 1 if retries else 0


def ignores_the_default_list(original: Original, lists: Sequence[Any], model: str) -> Any:
    others = [item for item in lists if "*" not in item]
    return original(others or lists, model)


def always_the_first_place(original: Original, *args: Any) -> Any:
    return [
        (name, b"1" if name == b"x-litellm-attempted-fallbacks" and value > b"1" else value)
        for name, value in original(*args)
    ]


def without_max_retries(original: Original, *args: Any) -> Any:
    return [(name, value) for name, value in original(*args) if name != b"x-litellm-max-retries"]


def with_the_callers_key(original: Original, self: Any, attempt: Any) -> tuple[str, str, Headers]:
    api_base, url, headers = original(self, attempt)
    if attempt.deployment.id != "keys-b-1":  # one of the many, so that few cases notice
        return api_base, url, headers
    return api_base, url, [(name, "Bearer sk-1234" if name == "authorization" else value) for name, value in headers]


def spends_without_end(_: Original, budgets: Any, deployments: Sequence[Any]) -> list[Any]:
    return list(deployments)


def finishes_whatever_came(original: Original, self: Any) -> Any:
    self.done = True
    return original(self)


async def ends_a_broken_stream_well(original: Original, self: Any, sink: Any) -> None:
    try:
        await original(self, sink)
    except StreamFailure as failure:
        if failure.continuable:
            raise
        awaited = sink([*self._chunks.finish(), DONE])
        if awaited is not None:
            await awaited


def starts_afresh(_: Original, self: Any, text: list[str]) -> Any:
    return self._call.body


def never_disabled(original: Original, *args: Any) -> Any:
    request = original(*args)
    request.disable_fallbacks = False
    return request


def cannot_end(original: Original, self: Any, failure: Any) -> Generator[Any, Any, Any]:
    self._request.max_fallbacks = 99
    return (yield from original(self, failure))


def quotes_one_alone(original: Original, failure: Any, model: str, shown: str, last: str | None) -> None:
    original(failure, model, shown, None if "," in shown else last)


SABOTAGES = [
    Sabotage(
        name="skips-the-second-fallback",
        patches=[("proxy.routing.plan._hops", skips_the_second)],
        trips=[
            "test_a_provider_over_its_budget_leads_to_another",
            "test_the_default_list_is_tried_in_order",
            "test_a_list_of_its_own_hides_the_default",
            "test_the_first_failure_gives_the_status_and_the_last_is_quoted",
            "test_a_client_error_stays_one_when_a_fallback_fails_otherwise",
            "test_the_rest_of_the_list_comes_before_the_fallbacks_of_fallbacks",
            "test_the_fallbacks_of_fallbacks_come_last",
            "test_the_limit_is_of_levels_not_of_entries",
            "test_models_are_tried_in_order_until_one_answers",
            "test_the_answer_of_a_fallback_names_who_gave_it",
            "test_the_requested_model_in_its_own_list_is_skipped",
            "test_replaced_fields_hold_for_their_entry_alone",
            "test_an_unknown_fallback_is_passed_over",
            "test_every_group_is_retried_before_the_next",
            "test_the_list_for_long_prompts_is_tried_in_order",
            "test_streams_are_tried_in_order",
            "test_a_stream_that_nobody_starts_is_a_json_error",
            "test_the_next_fallback_continues_when_the_first_fails",
            "test_a_continuation_that_fails_ends_the_stream_with_both_errors",
            "test_two_failing_models_are_asked_once_each",
            "test_an_unknown_name_is_passed_over",
        ],
    ),
    Sabotage(
        name="retries-once-too-often",
        patches=[("proxy.routing.plan.Plan._retries", retries_once_more)],
        trips=[
            "test_every_group_is_retried_before_the_next",
            "test_a_retry_that_succeeds_needs_no_fallback",
            "test_a_retry_goes_to_a_deployment_that_has_not_failed_yet",
            "test_the_retries_of_the_fallback_are_told",
            "test_the_client_says_how_often_a_group_is_retried[2]",
            "test_a_deployment_is_retried_as_often_as_it_says",
        ],
    ),
    Sabotage(
        name="ignores-default-fallbacks",
        patches=[("proxy.routing.fallbacks.lookup", ignores_the_default_list)],
        trips=[
            "test_default_fallback",
            "test_the_default_list_is_tried_in_order",
            "test_the_default_list_replaces_a_wildcard_list",
            "test_the_default_serves_long_prompts_when_there_is_no_list_for_them",
            "test_the_default_serves_other_endpoints",
            "test_the_listing_with_a_default_list",
            "test_the_fallbacks_of_one_model[basic-a]",
            "test_the_fallbacks_of_one_model[unheard-of]",
            "test_the_default_list_continues_too",
            "test_the_listing_names_the_fallbacks_of_a_kind[general-small-a-expected0]",
            "test_the_listing_names_general_fallbacks_unless_asked_otherwise",
            "test_a_list_of_its_own_hides_the_default",
        ],
    ),
    Sabotage(
        name="says-the-first-fallback-answered",
        patches=[("proxy.api.headers.of_answer", always_the_first_place)],
        trips=[
            "test_a_provider_over_its_budget_leads_to_another",
            "test_the_default_list_is_tried_in_order",
            "test_the_rest_of_the_list_comes_before_the_fallbacks_of_fallbacks",
            "test_the_limit_is_of_levels_not_of_entries",
            "test_models_are_tried_in_order_until_one_answers",
            "test_the_answer_of_a_fallback_names_who_gave_it",
            "test_an_unknown_fallback_is_passed_over",
            "test_every_group_is_retried_before_the_next",
            "test_the_list_for_long_prompts_is_tried_in_order",
        ],
    ),
    Sabotage(
        name="drops-a-header",
        patches=[("proxy.api.headers.of_answer", without_max_retries)],
        trips=[
            "test_a_retry_that_succeeds_needs_no_fallback",
        ],
    ),
    Sabotage(
        name="sends-the-callers-key-upstream",
        patches=[("proxy.providers.openai.provider.OpenAICompatible._target_of", with_the_callers_key)],
        trips=[
            "test_each_upstream_gets_the_key_of_its_own_deployment",
            "test_no_error_shows_the_key_of_a_vendor",
        ],
    ),
    Sabotage(
        name="shows-the-upstream-key",
        patches=[("proxy.providers.openai.provider.without", lambda _original, _secrets, text: text)],
        trips=[
            "test_no_error_shows_the_key_of_a_vendor",
        ],
    ),
    Sabotage(
        name="passes-a-cut-stream-off-as-complete",
        patches=[
            ("proxy.providers.openai.chunks.Chunks.finish", finishes_whatever_came),
            ("proxy.providers.streams.EventStream.pump", ends_a_broken_stream_well),
        ],
        trips=[
            "test_a_stream_that_breaks_off_never_looks_complete",
        ],
    ),
    Sabotage(
        name="keeps-the-messages-of-another-entry",
        patches=[("proxy.routing.plan._hops", keeps_replaced_fields)],
        trips=[
            "test_replaced_fields_hold_for_their_entry_alone",
        ],
    ),
    Sabotage(
        name="ignores-the-messages-of-an-entry",
        patches=[("proxy.routing.plan._hops", ignores_replaced_fields)],
        trips=[
            "test_an_entry_may_replace_fields_of_the_request",
            "test_entries_with_fields_replace_them",
        ],
    ),
    Sabotage(
        name="continues-without-the-text-so-far",
        patches=[("proxy.pipeline.Pipeline._continuation", starts_afresh)],
        trips=[
            "test_the_default_list_continues_too",
            "test_a_fallback_continues_after_an_error_event",
            "test_the_next_fallback_continues_when_the_first_fails",
            "test_the_clients_list_continues_too",
            "test_a_fallback_continues_after_an_event_that_is_none",
        ],
    ),
    Sabotage(
        name="cannot-disable-fallbacks",
        patches=[("proxy.api.model_request._route_request", never_disabled)],
        trips=[
            "test_a_provider_over_its_budget_leads_to_another",
            "test_the_default_can_be_disabled",
            "test_fallbacks_can_be_disabled",
        ],
    ),
    Sabotage(
        name="uses-general-lists-for-special-errors",
        patches=[("proxy.routing.fallbacks.FallbackLists._special", lambda _original, _self, _failure: None)],
        trips=[
            "test_a_mocked_long_prompt",
            "test_a_mocked_refusal_of_content",
            "test_a_long_prompt_goes_to_the_list_for_long_prompts",
            "test_the_list_for_long_prompts_is_tried_in_order",
            "test_a_model_without_a_list_for_long_prompts_gets_no_fallback",
            "test_what_counts_as_too_long[maximum]",
            "test_what_counts_as_too_long[limit]",
            "test_what_counts_as_too_long[string]",
            "test_what_counts_as_too_long[longer]",
            "test_what_counts_as_too_long[configured]",
            "test_what_counts_as_too_long[status-413]",
            "test_what_counts_as_too_long[status-500]",
            "test_what_counts_as_too_long[inputs]",
            "test_what_counts_as_too_long[gemini]",
            "test_what_counts_as_too_long[current]",
            "test_what_counts_as_too_long[exceed]",
            "test_refused_content_goes_to_the_list_for_refused_content",
            "test_a_model_without_a_list_for_refused_content_gets_no_fallback",
            "test_what_counts_as_refused_content[usage-policy]",
            "test_what_counts_as_refused_content[safety]",
            "test_a_clients_list_for_long_prompts",
            "test_a_clients_list_for_refused_content",
        ],
    ),
    Sabotage(
        name="spends-without-end",
        patches=[("proxy.routing.budgets.Budgets.affordable", spends_without_end)],
        trips=["test_a_provider_over_its_budget_leads_to_another"],
    ),
    Sabotage(
        name="ignores-max-fallbacks",
        patches=[("proxy.routing.plan.Plan.after", cannot_end)],
        trips=[
            "test_a_list_of_its_own_hides_the_default",
            "test_the_config_may_shorten_the_chain",
            "test_a_chain_ends_at_the_fifth_level",
            "test_the_client_may_shorten_the_chain",
            "test_no_level_at_all_means_no_fallback",
        ],
    ),
    Sabotage(
        name="forgets-how-the-last-one-failed",
        patches=[("proxy.routing.plan.annotate", quotes_one_alone)],
        trips=[
            "test_a_list_of_its_own_hides_the_default",
            "test_the_first_failure_gives_the_status_and_the_last_is_quoted",
            "test_a_client_error_stays_one_when_a_fallback_fails_otherwise",
            "test_a_stream_that_nobody_starts_is_a_json_error",
            "test_a_continuation_that_fails_ends_the_stream_with_both_errors",
        ],
    ),
]
