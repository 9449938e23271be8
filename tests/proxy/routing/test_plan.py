"""What the plan decides in the situations that the fact sheets describe."""

import random
from itertools import pairwise
from typing import Any

import pytest

from proxy.config.model import GroupRetryPolicy, RetryPolicy
from proxy.errors import GatewayError
from proxy.routing.plan import Admit, Plan, Wait
from proxy.routing.refusals import Denied, NoDeployments
from tests.proxy.routing.following import failing, follow, run, scripted
from tests.proxy.routing.making import Clock, aliases, entry, failure, groups, request, router

ALL = ("a", "b", "c", "d")


def test_one_good_answer_is_the_whole_plan() -> None:
    followed = run(router(groups({"a": 1})), request("a"), failing())
    assert followed.tried == ["a-1"]
    assert followed.route is not None
    assert (followed.route.retries, followed.route.max_retries, followed.route.fallbacks) == (0, None, 0)


def test_retries_come_before_fallbacks_and_in_the_fallback_too() -> None:
    own = router(groups({"a": 1, "b": 1, "c": 1}), fallbacks={"a": ("b", "c")})
    followed = run(own, request("a", num_retries=1), failing("a", "b"))
    assert followed.tried == ["a-1", "a-1", "b-1", "b-1", "c-1"]
    assert followed.route is not None
    assert (followed.route.fallbacks, followed.route.retries) == (2, 0)


def test_a_retry_that_helps_is_told() -> None:
    followed = run(router(groups({"a": 2})), request("a", num_retries=3), scripted([failure(500), failure(503), None]))
    assert followed.route is not None
    assert (followed.route.retries, followed.route.max_retries) == (2, 3)


@pytest.mark.parametrize("seed", range(30))
def test_retries_go_round_the_deployments(seed: int) -> None:
    random.seed(seed)
    own = router(groups({"a": 3}), disable_cooldowns=True)
    tried = run(own, request("a", num_retries=7), failing("a", status=500)).tried
    assert len(tried) == 8
    assert len(set(tried[:3])) == 3
    assert all(one != other for one, other in pairwise(tried))


def test_it_waits_only_when_every_deployment_has_failed() -> None:
    followed = run(router(groups({"a": 2})), request("a", num_retries=2), failing("a", status=500))
    kinds = [type(decision).__name__ for decision in followed.decisions]
    assert kinds == ["Try", "Try", "Wait", "Try"]


@pytest.mark.parametrize(
    ("status", "members", "tries"),
    [
        (400, 1, 1),
        (401, 1, 1),
        (401, 2, 2),
        (403, 1, 3),
        (404, 2, 1),
        (408, 1, 3),
        (409, 1, 3),
        (413, 1, 1),
        (422, 1, 1),
        (429, 1, 3),
        (500, 1, 3),
        (503, 1, 3),
    ],
)
def test_what_is_retried(status: int, members: int, tries: int) -> None:
    own = router(groups({"a": members}), disable_cooldowns=True)
    followed = run(own, request("a", num_retries=2 if status != 401 else 1), lambda _: failure(status))
    assert len(followed.tries) == tries
    assert followed.raised is not None
    assert followed.raised.status == status


def test_a_401_goes_to_another_deployment_even_if_the_first_cools_down() -> None:
    followed = run(router(groups({"a": 2})), request("a", num_retries=2), scripted([failure(401), None]))
    assert followed.route is not None
    assert len(set(followed.tried)) == 2


def test_no_retry_without_a_healthy_deployment() -> None:
    followed = run(router(groups({"a": 2})), request("a", num_retries=5), lambda _: failure(429))
    assert len(followed.tries) == 2
    assert followed.raised is followed.failures[0]


@pytest.mark.parametrize(("after", "least", "most"), [(2.0, 2.0, 2.75), (61.0, 0.5, 1.25), (-3.0, 0.5, 1.25)])
def test_retry_after_is_honoured_up_to_a_minute(after: float, least: float, most: float) -> None:
    own = router(groups({"a": 1}))
    followed = run(own, request("a", num_retries=1), scripted([failure(429, retry_after=after), None]))
    (wait,) = (decision for decision in followed.decisions if isinstance(decision, Wait))
    assert least <= wait.seconds <= most


def test_waits_grow_and_end() -> None:
    own = router(groups({"a": 1}))
    followed = run(own, request("a", num_retries=7), lambda _: failure(500))
    waits = [decision.seconds for decision in followed.decisions if isinstance(decision, Wait)]
    assert len(waits) == 7
    for index, seconds in enumerate(waits):
        assert min(8.0, 0.5 * 2**index) <= seconds <= min(8.0, 0.5 * 2**index) + 0.75


def test_retry_after_setting_is_the_shortest_wait() -> None:
    own = router(groups({"a": 1}), retry_after=4)
    followed = run(own, request("a", num_retries=1), lambda _: failure(500))
    assert [4 <= d.seconds <= 4.75 for d in followed.decisions if isinstance(d, Wait)] == [True]


@pytest.mark.parametrize(
    ("status", "policy", "tries"),
    [
        (429, {"rate_limit_error_retries": 1}, 2),
        (429, {"rate_limit_error_retries": 0}, 1),
        (400, {"bad_request_error_retries": 2}, 3),
        (401, {"authentication_error_retries": 1}, 2),
        (408, {"timeout_error_retries": 0}, 1),
        (500, {"timeout_error_retries": 0}, 4),
        (500, {"internal_server_error_retries": 0}, 1),
        (503, {"internal_server_error_retries": 0}, 4),
    ],
)
def test_the_retry_policy_beats_all_counts(status: int, policy: dict[str, int], tries: int) -> None:
    entries = groups({"a": 1})
    own = router(entries, retry_policy=RetryPolicy(**policy), disable_cooldowns=True)
    assert len(run(own, request("a", num_retries=3), lambda _: failure(status)).tries) == tries


@pytest.mark.parametrize(
    ("status", "policy", "tries"),
    [
        (500, {"num_retries": 5}, 6),
        (429, {"num_retries": 5}, 6),
        (500, {"num_retries": 0}, 1),
        (404, {"num_retries": 5}, 1),
        (400, {"num_retries": 5}, 1),
        (429, {"num_retries": 5, "rate_limit_error_retries": 1}, 2),
        (503, {"rate_limit_error_retries": 1}, 3),
    ],
)
def test_a_groups_number_of_retries(status: int, policy: dict[str, int], tries: int) -> None:
    """It stands for deployment and client, but does not make an error worth a retry."""
    entries = groups({"a": 1}, num_retries=2)
    own = router(entries, model_group_retry_policy={"a": GroupRetryPolicy(**policy)}, disable_cooldowns=True)
    assert len(run(own, request("a", num_retries=3), lambda _: failure(status)).tries) == tries


def test_the_first_failure_decides_whatever_comes_then() -> None:
    own = router(groups({"a": 4}), disable_cooldowns=True)
    outcomes = [failure(500), failure(404), failure(400), None]
    followed = run(own, request("a", num_retries=3), scripted(outcomes))
    assert followed.route is not None
    assert followed.route.retries == 3


def test_without_anybody_left_only_a_policy_waits() -> None:
    plain = run(router(groups({"a": 2})), request("a", num_retries=5), failing("a", status=429))
    assert [type(decision).__name__ for decision in plain.decisions] == ["Try", "Try"]
    clock = Clock()
    policy = RetryPolicy(rate_limit_error_retries=5)
    own = router(groups({"a": 2}), retry_policy=policy, cooldown_time=0.4, clock=clock)
    followed = follow(Plan(own, request("a")).steps(), lambda _: failure(429), clock=clock)
    assert len(followed.tries) == 6


def test_the_policy_of_a_group_beats_the_general_one() -> None:
    own = router(
        groups({"a": 1, "b": 1}),
        retry_policy=RetryPolicy(rate_limit_error_retries=0),
        model_group_retry_policy={"a": GroupRetryPolicy(rate_limit_error_retries=2)},
        disable_cooldowns=True,
    )
    assert len(run(own, request("a"), lambda _: failure(429)).tries) == 3
    assert len(run(own, request("b", num_retries=3), lambda _: failure(429)).tries) == 1


def test_a_deployment_may_say_how_often_it_is_retried() -> None:
    own = router([entry("a", "a-1", num_retries=2)])
    assert len(run(own, request("a", num_retries=0), lambda _: failure(500)).tries) == 3


class TestFallbacks:
    def test_each_status_leads_to_them(self) -> None:
        for status in (400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504):
            own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ("b",)})
            assert run(own, request("a"), failing("a", status=status)).tried == ["a-1", "b-1"]

    def test_a_group_that_cools_down_leads_to_them(self) -> None:
        own = router(groups({"a": 2, "b": 1}), fallbacks={"a": ("b",)})
        run(own, request("a", num_retries=2, disable_fallbacks=True), lambda _: failure(429))
        assert run(own, request("a"), failing()).tried == ["b-1"]

    def test_all_of_the_list_come_before_their_own(self) -> None:
        lists = {"a": ("b", "c"), "b": ("d",)}
        followed = run(router(groups(dict.fromkeys(ALL, 1)), fallbacks=lists), request("a"), failing("a", "b", "c"))
        assert followed.models == ["a", "b", "c", "d"]
        assert followed.route is not None
        assert followed.route.fallbacks == 1

    def test_a_circle_ends(self) -> None:
        own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ("b",), "b": ("a",)})
        followed = run(own, request("a"), failing("a", "b"))
        assert followed.tried == ["a-1", "b-1"]
        assert followed.raised is followed.failures[0]

    @pytest.mark.parametrize(
        ("depth", "models"), [(0, ["a"]), (1, ["a", "b"]), (2, ["a", "b", "c"]), (3, ["a", "b", "c", "d"])]
    )
    def test_max_fallbacks_is_a_depth(self, depth: int, models: list[str]) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)), fallbacks={"a": ("b",), "b": ("c",), "c": ("d",)})
        assert run(own, request("a", max_fallbacks=depth), failing(*ALL)).models == models

    def test_the_default_is_for_names_without_a_list(self) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)), fallbacks={"a": ("b",), "c": (), "*": ("d",)})
        assert run(own, request("a"), failing("a", "b")).models == ["a", "b", "d"]
        assert run(own, request("b"), failing("b")).models == ["b", "d"]
        assert run(own, request("c"), failing("c")).models == ["c"]

    def test_the_list_of_a_name_without_its_prefix_counts(self) -> None:
        own = router(groups({"openai/a": 1, "b": 1}), fallbacks={"a": ("b",)})
        assert run(own, request("openai/a"), failing("openai/a")).models == ["openai/a", "b"]

    def test_lists_are_of_the_name_that_was_asked_for_not_of_its_target(self) -> None:
        own = router(groups({"a": 1, "b": 1}), model_group_alias=aliases(al="a"), fallbacks={"a": ("b",)})
        followed = run(own, request("al"), failing("a"))
        assert followed.models == ["al"]
        assert followed.raised is not None
        assert "No fallback model group found for original model_group=al. Fallbacks=" in followed.raised.message

    def test_an_entry_may_be_an_alias(self) -> None:
        own = router(groups({"a": 1, "b": 1}), model_group_alias=aliases(al="b"), fallbacks={"a": ("al",)})
        followed = run(own, request("a"), failing("a"))
        assert followed.tried == ["a-1", "b-1"]
        assert followed.route is not None
        assert followed.route.hop.model == "al"

    def test_an_entry_may_replace_fields(self) -> None:
        own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ({"model": "b", "user": "u"},)})
        followed = run(own, request("a"), failing("a"))
        assert followed.route is not None
        assert followed.route.hop.replaced == {"user": "u"}

    def test_an_unknown_entry_is_passed_over(self) -> None:
        own = router(groups({"a": 1, "c": 1}), fallbacks={"a": ("nobody", "c")})
        assert run(own, request("a"), failing("a")).tried == ["a-1", "c-1"]

    def test_disabled_means_none_and_no_word_of_them(self) -> None:
        own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ("b",)})
        followed = run(own, request("a", disable_fallbacks=True), failing("a"))
        assert followed.tried == ["a-1"]
        assert followed.raised is not None
        assert followed.raised.message == "a-1 says 500"

    def test_a_mocked_failure_calls_the_fallback_alone(self) -> None:
        own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ("b",)})
        assert run(own, request("a", mock_failure=failure(500)), failing()).tried == ["b-1"]


class TestListsOfTheirOwn:
    """Context window and content policy errors."""

    @pytest.mark.parametrize("kind", ["context_window", "content_policy"])
    def test_only_their_list_counts_once_there_is_one(self, kind: str) -> None:
        own = router(
            groups(dict.fromkeys(ALL, 1)),
            fallbacks={"*": ("d",)},
            **{f"{kind}_fallbacks": {"a": ("b",), "b": ("c",)}},
        )
        error: Any = lambda step: failure(400, kind=kind) if step.deployment.group in ("a", "b", "c") else None  # noqa: E731
        assert run(own, request("a", num_retries=3), error).models == ["a", "b", "c"]
        assert run(own, request("c"), error).models == ["c"]

    @pytest.mark.parametrize("kind", ["context_window", "content_policy"])
    def test_without_one_the_general_list_counts(self, kind: str) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)), fallbacks={"a": ("d",)})
        followed = run(own, request("a"), scripted([failure(400, kind=kind), None]))
        assert followed.models == ["a", "d"]

    def test_the_error_says_which_setting_would_have_helped(self) -> None:
        followed = run(router(groups({"a": 1})), request("a"), lambda _: failure(400, kind="context_window"))
        assert followed.raised is not None
        assert "context_window_fallback" in followed.raised.message


class TestClientLists:
    def test_names_replace_the_config(self) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)), fallbacks={"a": ("b",)})
        assert run(own, request("a", fallbacks=["c", "d"]), failing("a", "b", "c")).models == ["a", "c", "d"]

    def test_two_that_fail_are_tried_once_each(self) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)))
        assert run(own, request("a", fallbacks=["b", "c"]), failing(*ALL)).tried == ["a-1", "b-1", "c-1"]

    def test_names_beat_the_context_window_list(self) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)), context_window_fallbacks={"a": ("b",)})
        error = scripted([failure(400, kind="context_window"), None])
        assert run(own, request("a", fallbacks=["c"]), error).models == ["a", "c"]

    def test_the_form_of_the_config_is_understood(self) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)), fallbacks={"a": ("b",)})
        assert run(own, request("a", fallbacks=[{"a": ["c"]}]), failing("a")).models == ["a", "c"]

    def test_an_empty_list_is_none(self) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)), fallbacks={"a": ("b",)})
        followed = run(own, request("a", fallbacks=[]), failing("a"))
        assert followed.models == ["a"]
        assert followed.raised is not None
        assert "No fallback model group found for original model_group=a. Fallbacks=[]" in followed.raised.message

    @pytest.mark.parametrize(
        "odd", [[1], [None], [[]], [{"a": 1}], [{"a": [1, None, [], {}]}], [{}], [{"model": None}], [{"model": ["b"]}]]
    )
    def test_nonsense_is_no_crash(self, odd: list[Any]) -> None:
        own = router(groups(dict.fromkeys(ALL, 1)))
        followed = run(own, request("a", fallbacks=odd), failing("a"))
        assert followed.raised is not None
        assert followed.raised.status == 500


class TestTexts:
    """As recorded from the reference (A.md, A4)."""

    def test_nothing_configured(self) -> None:
        followed = run(router(groups({"a": 1})), request("a"), lambda _: failure(500, "says 500"))
        assert followed.raised is not None
        assert followed.raised.message == "says 500. Received Model Group=a\nAvailable Model Group Fallbacks=None"

    def test_the_last_fallback_is_quoted(self) -> None:
        own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ("b",)})
        followed = run(own, request("a"), failing("a", "b"))
        assert followed.raised is not None
        assert followed.raised.status == 500
        told = followed.raised.message
        assert told.startswith("a-1 says 500. Received Model Group=a\nAvailable Model Group Fallbacks=['b']\n")
        assert "\nError doing the fallback: b-1 says 500" in told

    def test_a_client_list_is_not_shown(self) -> None:
        followed = run(router(groups({"a": 1, "b": 1})), request("a", fallbacks=["b"]), failing("a", "b"))
        assert followed.raised is not None
        assert "Available Model Group Fallbacks=None\nError doing the fallback: b-1 says 500" in followed.raised.message

    def test_retries_are_counted_in_the_quoted_error(self) -> None:
        own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ("b",)})
        followed = run(own, request("a", num_retries=1), failing("a", "b"))
        assert followed.raised is not None
        assert "b-1 says 500" in followed.raised.message
        assert "LiteLLM Retried: 1 times, LiteLLM Max Retries: 1" in followed.raised.message


class TestNoDeployments:
    def test_it_is_a_429_that_names_the_shortest_rest(self) -> None:
        clock = Clock()
        own = router(groups({"a": 2}), clock=clock, cooldown_time=7)
        run(own, request("a", num_retries=2), lambda _: failure(429))
        clock.now += 2.5
        followed = run(own, request("a"), failing())
        assert followed.tries == []
        assert isinstance(followed.raised, NoDeployments)
        assert (followed.raised.status, followed.raised.type, followed.raised.param) == (429, "None", "None")
        assert followed.raised.message == (
            "No deployments available for selected model, Try again in 5 seconds. "
            "Passed model=a. pre-call-checks=False, cooldown_list=['a-1', 'a-2']"
        )

    def test_the_rest_ends(self) -> None:
        clock = Clock()
        own = router(groups({"a": 2}), clock=clock, cooldown_time=7)
        run(own, request("a", num_retries=2), lambda _: failure(429))
        clock.now += 7.0
        assert run(own, request("a"), failing()).route is not None

    def test_the_fallback_of_a_resting_fallback_does_not_hide_the_original_status(self) -> None:
        own = router(groups({"a": 1, "b": 2}), fallbacks={"a": ("b",)})
        run(own, request("b", num_retries=1, disable_fallbacks=True), lambda _: failure(429))
        followed = run(own, request("a"), failing("a"))
        assert followed.raised is not None
        assert followed.raised.status == 500
        assert "Error doing the fallback: No deployments available" in followed.raised.message


def test_after_continues_a_stream_with_the_fallbacks_alone() -> None:
    own = router(groups(dict.fromkeys(ALL, 1)), fallbacks={"a": ("b", "c")})
    followed = follow(Plan(own, request("a")).after(failure(503)), failing("b"))
    assert followed.tried == ["b-1", "c-1"]


LISTS: dict[str, dict[str, Any]] = {
    "names": {"fallbacks": ["b", "c"]},
    "fields": {"fallbacks": [{"model": "b"}, {"model": "c"}]},
    "lists": {"fallbacks": [{"a": ["b"]}, {"b": ["c"]}]},
    "context-window": {"context_window_fallbacks": [{"a": ["b", "c"]}]},
    "content-policy": {"content_policy_fallbacks": [{"a": ["b", "c"]}]},
}


@pytest.mark.parametrize("form", LISTS)
def test_what_a_client_falls_back_to_must_be_open_to_it(form: str) -> None:
    failed = failure(400, kind=form.replace("-", "_")) if "-" in form else failure(500)
    asked: list[list[str]] = []

    def admits(step: Admit) -> Denied | None:
        asked.append(list(step.models))
        return Denied(GatewayError(429, "enough of b")) if step.models == ["b"] else None

    own = router(groups(dict.fromkeys(ALL, 1)))
    followed = follow(
        Plan(own, request("a", **LISTS[form])).steps(),
        lambda step: failed if step.hop.model == "a" else None,
        admits=admits,
    )
    assert asked == [["b"], ["c"]]
    assert followed.tried == ["a-1", "c-1"]


def test_the_client_hears_of_a_fallback_that_is_not_open_to_it() -> None:
    own = router(groups({"a": 1, "b": 1}))
    followed = follow(
        Plan(own, request("a", fallbacks=["b"])).steps(),
        failing("a"),
        admits=lambda _step: Denied(GatewayError(429, "enough of b")),
    )
    assert followed.raised is not None
    assert followed.raised.status == 500
    assert followed.raised.message.endswith("Error doing the fallback: enough of b")


def test_fallbacks_of_the_config_are_open_to_all() -> None:
    def admits(_step: Admit) -> None:
        pytest.fail("nobody is asked")

    own = router(groups({"a": 1, "b": 1}), fallbacks={"a": ("b",)})
    assert follow(Plan(own, request("a")).steps(), failing("a"), admits=admits).tried == ["a-1", "b-1"]
