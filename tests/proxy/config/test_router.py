import pytest

from proxy.config.model import AliasTarget, GroupRetryPolicy, RetryPolicy, RouterSettings
from tests.proxy.config.conftest import Load, Refuse

GROUPS = (
    "general_settings: {master_key: m}\n"
    "model_list: ["
    + ", ".join(f"{{model_name: {name}, litellm_params: {{model: openai/x}}}}" for name in "abc")
    + "]\n"
)


def router(load: Load, router_settings: str, settings: str = "{}", warnings: int = 0) -> RouterSettings:
    config = load(f"{GROUPS}router_settings: {router_settings}\nlitellm_settings: {settings}\n")
    assert len(config.warnings) == warnings, config.warnings
    return config.router_settings


def test_defaults(load: Load) -> None:
    found = router(load, "{}")
    assert found == RouterSettings()
    assert (found.routing_strategy, found.num_retries, found.cooldown_time) == ("simple-shuffle", None, 5)


def test_fallbacks_are_ordered_by_name(load: Load) -> None:
    found = router(
        load, "{fallbacks: [{a: [b, c]}, {b: []}, {c: a}, {'*': [a]}], context_window_fallbacks: [{a: [b]}]}"
    )
    assert found.fallbacks == {"a": ("b", "c"), "b": (), "c": ("a",), "*": ("a",)}
    assert list(found.fallbacks) == ["a", "b", "c", "*"]
    assert found.context_window_fallbacks == {"a": ("b",)}
    assert found.content_policy_fallbacks == {}


def test_a_fallback_may_replace_request_fields(load: Load) -> None:
    message = {"role": "user", "content": "hi"}
    found = router(load, "{fallbacks: [{a: [{model: b, messages: [{role: user, content: hi}]}, c]}]}")
    assert found.fallbacks["a"] == ({"model": "b", "messages": [message]}, "c")


def test_default_fallbacks_are_the_last_and_win_over_a_star(load: Load) -> None:
    found = router(load, "{fallbacks: [{'*': [a]}, {a: [b]}], default_fallbacks: [c]}")
    assert list(found.fallbacks.items()) == [("a", ("b",)), ("*", ("c",))]


def test_the_first_entry_of_a_name_counts(load: Load) -> None:
    assert router(load, "{fallbacks: [{a: [b]}, {a: [c]}]}", warnings=1).fallbacks == {"a": ("b",)}


def test_router_settings_win_over_litellm_settings(load: Load) -> None:
    settings = "{num_retries: 3, allowed_fails: 7, fallbacks: [{a: [b]}], default_fallbacks: [c]}"
    found = router(load, "{num_retries: 0, fallbacks: []}", settings)
    assert (found.num_retries, found.allowed_fails) == (0, 7)
    assert found.fallbacks == {"a": ("b",), "*": ("c",)}
    assert router(load, "{fallbacks: [{b: [a]}]}", settings).fallbacks == {"b": ("a",), "*": ("c",)}


def test_a_router_key_in_the_wrong_section_is_used_with_a_warning(load: Load) -> None:
    assert router(load, "{}", "{cooldown_time: 9}", warnings=1).cooldown_time == 9
    assert router(load, "{cooldown_time: 1}", "{cooldown_time: 9}", warnings=1).cooldown_time == 1


def test_fallbacks_that_lead_nowhere_are_warned_about(load: Load) -> None:
    config = load(
        GROUPS + "router_settings:\n  fallbacks:\n    - a: [b, bb]\n      # more\n    - b: [al, zzz]\n"
        "  model_group_alias: {al: a}\n"
    )
    assert [warning.partition("config.yaml:")[2] for warning in config.warnings] == [
        "5: router_settings.fallbacks[0].a[1]: `bb` is no model group; add it to model_list",
        "7: router_settings.fallbacks[1].b[1]: `zzz` is no model group; add it to model_list",
    ]


def test_a_wildcard_group_may_be_any_fallback(load: Load) -> None:
    text = GROUPS.replace("model_name: a", "model_name: any/*") + "router_settings: {fallbacks: [{b: [any/thing]}]}\n"
    assert not load(text).warnings


def test_aliases_in_both_forms(load: Load) -> None:
    found = router(load, "{model_group_alias: {x: a, y: {model: b, hidden: true}, z: {model: c}}}")
    assert found.model_group_alias == {
        "x": AliasTarget(model="a"),
        "y": AliasTarget(model="b", hidden=True),
        "z": AliasTarget(model="c", hidden=False),
    }


def test_policies(load: Load) -> None:
    found = router(
        load,
        "{retry_policy: {TimeoutErrorRetries: 2}, allowed_fails_policy: {RateLimitErrorAllowedFails: 4},"
        " model_group_retry_policy: {a: {BadRequestErrorRetries: 1}, b: null}}",
    )
    assert found.retry_policy == RetryPolicy(timeout_error_retries=2)
    assert found.allowed_fails_policy
    assert found.allowed_fails_policy.rate_limit_error_allowed_fails == 4
    assert found.model_group_retry_policy == {
        "a": GroupRetryPolicy(bad_request_error_retries=1),
        "b": GroupRetryPolicy(),
    }


def test_a_groups_policy_may_have_numbers_for_all_errors_and_timeouts(load: Load) -> None:
    found = router(load, "{model_group_retry_policy: {a: {num_retries: 5, timeout: 30, stream_timeout: 2.5}}}")
    policy = found.model_group_retry_policy["a"]
    assert policy == GroupRetryPolicy(num_retries=5, timeout=30, stream_timeout=2.5)
    assert router(load, "{model_group_retry_policy: {a: {timeout: 0}}}", warnings=1).model_group_retry_policy == {
        "a": GroupRetryPolicy()
    }


def test_a_policy_of_no_group_is_warned_about(load: Load) -> None:
    config = load(GROUPS + "router_settings: {model_group_retry_policy: {aa: {num_retries: 5}}}\n")
    [warning] = config.warnings
    assert warning.endswith("model_group_retry_policy.aa: `aa` is no model group; add it to model_list")


def test_unknown_keys_of_a_policy_are_warned_about(load: Load) -> None:
    config = load(GROUPS + "router_settings: {retry_policy: {TimeoutErrorRetrys: 2}}\n")
    assert config.warnings[0].endswith("TimeoutErrorRetrys: unknown and ignored; did you mean `TimeoutErrorRetries`?")
    text = "allowed_fails_policy.Anything: unknown and ignored; use one of BadRequestErrorAllowedFails, Authentication"
    assert text in load(GROUPS + "router_settings: {allowed_fails_policy: {Anything: 2}}\n").warnings[0]


def test_the_name_of_the_specification_stands_for_its_strategy(load: Load) -> None:
    assert router(load, "{routing_strategy: lowest-tpm-rpm}").routing_strategy == "usage-based-routing-v2"


def test_a_cooldown_of_zero_is_the_default_with_a_warning(load: Load) -> None:
    assert router(load, "{cooldown_time: 0}", warnings=1).cooldown_time == 5


def test_keys_of_another_section_are_sent_there(load: Load) -> None:
    config = load(GROUPS + "router_settings: {health_check_interval: 3, drop_params: true}\n")
    warnings = [warning.partition("router_settings.")[2] for warning in config.warnings]
    assert warnings[0] == "health_check_interval: unknown here and ignored; move it to general_settings"
    assert warnings[1] == "drop_params: unknown here and ignored; move it to litellm_settings"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{fallbacks: {a: [b]}}", "fallbacks: expected a list"),
        ("{fallbacks: [a]}", "fallbacks[0]: expected `model: [model, ...]`"),
        ("{fallbacks: [{a: [[b]]}]}", "fallbacks[0].a[0]: expected text or a mapping, not a list"),
        ("{fallbacks: [{a: [{messages: []}]}]}", "fallbacks[0].a[0]: needs `model`"),
        ("{default_fallbacks: [{x: y}]}", "default_fallbacks[0]: needs `model`"),
        ("{model_group_alias: [a]}", "model_group_alias: expected a mapping"),
        ("{model_group_alias: {x: {hidden: true}}}", "model_group_alias.x: needs `model`"),
        ("{model_group_alias: {x: [a]}}", "model_group_alias.x: expected text, not a list"),
        ("{model_group_alias: {x: {model: a, hidden: perhaps}}}", "model_group_alias.x.hidden: expected true or false"),
        ("{retry_policy: 3}", "retry_policy: expected a mapping"),
        ("{retry_policy: {TimeoutErrorRetries: -1}}", "retry_policy.TimeoutErrorRetries: must be 0 or more"),
        ("{model_group_retry_policy: {a: 3}}", "model_group_retry_policy.a: expected a mapping"),
        ("{model_group_retry_policy: {a: {num_retries: -1}}}", "model_group_retry_policy.a.num_retries: must be 0 or"),
        (
            "{model_group_retry_policy: {a: {num_retries: 1.5}}}",
            "model_group_retry_policy.a.num_retries: expected a whole",
        ),
        ("{model_group_retry_policy: {a: {timeout: -1}}}", "model_group_retry_policy.a.timeout: must be 0 or more"),
        (
            "{allowed_fails_policy: {TimeoutErrorAllowedFails: -1}}",
            "allowed_fails_policy.TimeoutErrorAllowedFails: must be 0",
        ),
        ("{routing_strategy: simple-shufle}", "routing_strategy: no such strategy; did you mean `simple-shuffle`?"),
        ("{routing_strategy: best}", "routing_strategy: no such strategy; use one of cost-based-routing"),
        ("{routing_strategy: latency-based-routing, routing_strategy_args: {ttl: -1}}", "routing_strategy_args.ttl"),
        ("{routing_strategy: [a]}", "routing_strategy: no such strategy"),
        ("{num_retries: -1}", "num_retries: must be 0 or more"),
        ("{default_priority: -1}", "default_priority: must be 0 or more"),
        ("{default_priority: 256}", "default_priority: must be 255 or less"),
        ("{default_priority: high}", "default_priority: expected a whole number, not text"),
        ("{cooldown_time: long}", "cooldown_time: expected a number, not text"),
        ("{redis_port: [1]}", "redis_port: expected a whole number, not a list"),
    ],
)
def test_impossible_settings_name_their_line(refuse: Refuse, text: str, message: str) -> None:
    refusal = refuse(f"{GROUPS}router_settings:\n  {text}\n")
    assert refusal.startswith(f"config.yaml:4: router_settings.{message}")


def test_regions_that_nobody_looks_at_are_warned_about(load: Load) -> None:
    placed = "{model_name: a, litellm_params: {model: openai/x, region_name: eu}}"
    text = f"general_settings: {{master_key: m}}\nmodel_list:\n  - {placed}\n  - {placed}\n"
    [warning] = load(text).warnings
    assert warning.partition("config.yaml:")[2] == (
        "3: litellm_params.region_name of a: nobody looks at it without router_settings.enable_pre_call_checks; "
        "set that to true, or remove this"
    )
    assert not load(text + "router_settings: {enable_pre_call_checks: true}\n").warnings


@pytest.mark.parametrize("section", ["router_settings", "litellm_settings"])
def test_a_default_priority(load: Load, section: str) -> None:
    assert load(f"{GROUPS}{section}: {{default_priority: 255}}\n").router_settings.default_priority == 255
    assert load(GROUPS).router_settings.default_priority is None
