"""Ways to break limits, and the core cases that notice."""

from collections.abc import Callable, Iterator
from typing import Any

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def looks_at_keys_alone(original: Original, call: Any, models: Any) -> Iterator[Any]:
    known = ("api_key", "model_per_key")
    return (rate for rate in original(call, models) if rate.scope in known or rate is call.customer_rate)


def looks_at_all_models(original: Original, rates: Any, model: str) -> Any:
    return original(rates, "lim-used" if model == "lim-other" else model)


def forgets_what_was_used(original: Original, counted: Any, usage: Any) -> int:
    return 0


def counts_what_came_from_caches(original: Original, counted: Any, usage: Any) -> int:
    return int(usage.completion_tokens if counted == "output" else usage.total_tokens)


def keeps_places(original: Original, afterwards: Any, lease: Any) -> None:
    return None


def takes_no_places(original: Original, part: Any) -> Any:
    slot = original(part)
    return type(slot)(slot.name, 1000, slot.seconds)


def says_nothing_of_what_is_left(original: Original, found: Any) -> Any:
    return []


def has_one_sentence_for_all(original: Original, error: Any, endpoint: str) -> Any:
    return error


def always_enforces(original: Original, call: Any) -> Any:
    return frozenset()


def says_the_whole_window(original: Original, found: Any, window: int) -> Any:
    error = original(found, window)
    error.headers = [(name, str(window) if name == "retry-after" else text) for name, text in error.headers]
    return error


_PARALLEL = [
    "test_parallel_calls_of_a_key",
    "test_parallel_streams_of_a_key",
    "test_parallel_calls_of_others_than_keys",
]
_LIST: list[tuple[str, str, Any, list[str]]] = [
    (
        "looks-at-keys-alone",
        "proxy.limits.limiter._rates",
        looks_at_keys_alone,
        [
            *("test_a_user_with_two_keys", "test_a_team_with_two_keys", "test_a_member_of_a_team"),
            *("test_an_organization", "test_a_teams_limit_for_one_model"),
            "test_parallel_calls_of_others_than_keys[user]",
            *(f"test_whose_limit_it_is[{scope}]" for scope in ("end_user", "model_per_organization", "organization")),
            *(f"test_whose_limit_it_is[{scope}]" for scope in ("team", "team_member", "user")),
        ],
    ),
    (
        "looks-at-all-models",
        "proxy.rates.ModelRates.of",
        looks_at_all_models,
        ["test_requests_for_one_model", "test_a_refused_call_has_no_fallback"],
    ),
    (
        "forgets-what-was-used",
        "proxy.limits.settings.Counted.of",
        forgets_what_was_used,
        [
            *("test_tokens_of_a_key", "test_tokens_of_streams", "test_tokens_of_streams_that_tell_no_usage"),
            *("test_tokens_from_a_vendors_cache_do_not_count", "test_what_models_write_counts"),
        ],
    ),
    (
        "counts-what-came-from-caches",
        "proxy.limits.settings.Counted.of",
        counts_what_came_from_caches,
        ["test_tokens_from_a_vendors_cache_do_not_count"],
    ),
    (
        "keeps-places",
        "proxy.limits.after.Afterwards.give_back",
        keeps_places,
        [
            *("test_parallel_calls_of_a_key", "test_parallel_streams_of_a_key"),
            *("test_calls_that_fail_give_their_place_back_and_count", "test_who_goes_away_gives_its_place_back"),
        ],
    ),
    ("takes-no-places", "proxy.limits.limiter.slot_of", takes_no_places, _PARALLEL),
    (
        "always-enforces",
        "proxy.limits.limiter._ignored",
        always_enforces,
        ["test_a_dynamic_limit_only_counts_while_the_model_fails"],
    ),
    (
        "has-one-sentence-for-all",
        "proxy.limits.limiter.quoting",
        has_one_sentence_for_all,
        ["test_other_endpoints[completions]", "test_other_endpoints[messages]"],
    ),
    (
        "says-the-whole-window",
        "proxy.limits.limiter.refusal",
        says_the_whole_window,
        ["test_a_refusal_says_how_long_it_lasts"],
    ),
    (
        "says-nothing-of-what-is-left",
        "proxy.limits.limiter.headers_of",
        says_nothing_of_what_is_left,
        [
            *("test_requests_of_a_key", "test_tokens_of_a_key", "test_tokens_from_a_vendors_cache_do_not_count"),
            *("test_parallel_calls_of_a_key", "test_requests_for_one_model", "test_a_user_with_two_keys"),
            *("test_a_team_with_two_keys", "test_a_window_ends", "test_what_models_write_counts"),
            *("test_other_endpoints[completions]", "test_other_endpoints[embeddings]"),
            *("test_other_endpoints[responses]", "test_whose_limit_it_is"),
        ],
    ),
]
SABOTAGES = [Sabotage(name=name, patches=[(place, by)], trips=trips) for name, place, by, trips in _LIST]
