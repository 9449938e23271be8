"""Ways to break our proxy's queue, and the cases of B3 that notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]
USED = b"x-litellm-request-prioritization-used"


def knows_one_priority(original: Original, queue: Any, _priority: int, seconds: float) -> Any:
    return original(queue, 1, seconds)


def serves_the_latest_first(original: Original, group: Any) -> int:
    return -int(original(group))


def takes_zero_for_none(original: Original, value: Any) -> Any:
    return original(value) or None


def takes_whatever_comes(_original: Original, value: Any) -> Any:
    return value if type(value) is int else None


def waits_longer(original: Original, queue: Any, priority: int, _seconds: float) -> Any:
    return original(queue, priority, 10.0)


def does_not_wait_for_cooldowns(_original: Original, _lists: Any, _model: str) -> bool:
    return True


def does_not_tell(original: Original, *args: Any) -> Any:
    return [header for header in original(*args) if header[0] != USED]


def sends_it_on(original: Original, preparation: Any, deployment: Any, body: Any, replaced: Any) -> Any:
    sent = original(preparation, deployment, body, replaced)
    fields = preparation._call.fields
    return {**sent, "priority": msgspec.Raw(fields["priority"])} if "priority" in fields else sent


def forgets_the_default(original: Original, call: Any, options: Any) -> Any:
    asked = original(call, options)
    if "priority" not in options:
        asked.priority = None
    return asked


HONOURED = [
    "test_a_priority_is_honoured",
    "test_a_stream",
    "test_an_alias",
    "test_a_text_completion",
    "test_a_fallback",
    "test_the_highest_priority",
    "test_the_queue_has_a_timeout",
    "test_equals_go_in_the_order_in_which_they_came",
]

SABOTAGES = [
    Sabotage(
        name="knows-one-priority",
        patches=[("proxy.queueing.Queue.ticket", knows_one_priority)],
        trips=["test_the_more_urgent_goes_first", "test_the_default_has_its_place_between_the_others"],
    ),
    Sabotage(
        name="serves-the-latest-first",
        patches=[("proxy.queueing.Waiting.next_number", serves_the_latest_first)],
        trips=["test_equals_go_in_the_order_in_which_they_came"],
    ),
    Sabotage(
        name="takes-zero-for-none",
        patches=[("proxy.api.model_request._priority", takes_zero_for_none)],
        trips=["test_the_highest_priority", "test_a_text_completion[0]"],
    ),
    Sabotage(
        name="takes-whatever-comes",
        patches=[("proxy.api.model_request._priority", takes_whatever_comes)],
        trips=["test_what_is_no_priority"],
    ),
    Sabotage(
        name="waits-longer",
        patches=[("proxy.queueing.Queue.ticket", waits_longer)],
        trips=["test_the_queue_of_a_busy_group_has_a_timeout"],
    ),
    Sabotage(
        name="does-not-wait-for-cooldowns",
        patches=[("proxy.routing.fallbacks.FallbackLists.follows", does_not_wait_for_cooldowns)],
        trips=["test_the_queue_has_a_timeout", "test_who_is_cooling_down_is_waited_for"],
    ),
    Sabotage(
        name="does-not-tell",
        patches=[("proxy.api.headers.of_answer", does_not_tell)],
        trips=[*HONOURED, "test_a_chat_has_a_priority", "test_the_default_has_its_place_between_the_others"],
    ),
    Sabotage(
        name="sends-it-on",
        patches=[("proxy.preparation.Preparation.body", sends_it_on)],
        trips=[*HONOURED, "test_an_upstreams_error", "test_without_a_priority[null]"],
    ),
    Sabotage(
        name="forgets-the-default",
        patches=[("proxy.api.model_request._route_request", forgets_the_default)],
        trips=["test_a_chat_has_a_priority[default]", "test_the_default_has_its_place_between_the_others"],
    ),
]
