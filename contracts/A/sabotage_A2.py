"""Ways to break our proxy's Responses API, and the cases of A2 that notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def seals_for_nobody(_original: Original, _identity: Any) -> Any:
    return "", ""


def believes_any_id(original: Original, ids: Any, given: str, caller: Any) -> Any:
    secure, ids.secure = ids.secure, False
    try:
        return original(ids, given, caller)
    finally:
        ids.secure = secure


def sends_the_clients_id_to_the_vendor(_original: Original, _dialogue: Any, body: Any, _previous: Any) -> Any:
    return body


async def goes_on_anywhere(original: Original, endpoint: Any, call: Any, asked: Any) -> None:
    await original(endpoint, call, asked)
    asked.route.pinned = None


async def never_stops_the_work(_original: Original, _background: Any, _poll_id: str, _why: Any) -> None:
    return


def tells_nothing_before_the_end(original: Original, work: Any) -> Any:
    poll = original(work)
    return msgspec.structs.replace(poll, response=poll.response | {"output": []})


def adds_no_part_to_a_message(original: Original, message: Any) -> Any:
    return original(message)[:1]


def leaves_the_tools_out(_original: Original, _tools: Any) -> Any:
    return [], None


def forgets_what_was_said(_original: Original, _dialogue: Any, _body: Any, _deployment: Any) -> Any:
    return ()


def sends_the_vendor_whatever_comes(original: Original, attempt: Any, model: str) -> Any:
    return original(attempt, model) | {name: value for name, value in attempt.body.items() if name == "unheard_of"}


def takes_half_a_stream_for_a_whole_one(_original: Original, _events: Any) -> Any:
    return []


def asks_for_the_response_in_place_of_its_input(original: Original, resource: Any, url: str) -> str:
    return str(original(resource, url)).replace("/input_items", "")


def forgets_the_effort(original: Original, attempt: Any) -> Any:
    changed = original(attempt)
    changed.body.pop("reasoning", None)
    return changed


SABOTAGES = [
    Sabotage(
        name="seals-for-nobody",
        patches=[("proxy.responses.ids.owner_of", seals_for_nobody)],
        trips=[
            "test_somebody_elses",
            "test_nobody_reads_an_admins",
            "test_a_teams",
            "test_input_items_of_somebody_elses",
            "test_a_kept_response_of_somebody_else",
            "test_a_background_response_of_somebody_else",
        ],
    ),
    Sabotage(
        name="believes-any-id",
        patches=[("proxy.responses.ids.Ids.read", believes_any_id)],
        trips=[
            "test_somebody_elses",
            "test_nobody_reads_an_admins",
            "test_a_teams",
            "test_input_items_of_somebody_elses",
            "test_an_id_that_somebody_made_up",
            "test_a_kept_response_of_somebody_else",
        ],
    ),
    Sabotage(
        name="sends-the-clients-id-to-the-vendor",
        patches=[("proxy.responses.dialogue.Dialogue._continued", sends_the_clients_id_to_the_vendor)],
        trips=[
            "test_a_conversation_goes_on_from_a_polled_response",
            "test_a_turn_follows_another",
            "test_and_at_another_vendor",
            "test_ones_own[previous]",
            "test_unsealed",
        ],
    ),
    Sabotage(
        name="goes-on-anywhere",
        patches=[("proxy.api.responses.ResponsesEndpoint._begin_dialogue", goes_on_anywhere)],
        trips=["test_a_conversation_stays_with_the_deployment_that_began_it"],
    ),
    Sabotage(
        name="never-stops-the-work",
        patches=[("proxy.api.background.Background.stop", never_stops_the_work)],
        trips=["test_cancelling_stops_the_work", "test_deleting_stops_the_work"],
    ),
    Sabotage(
        name="tells-nothing-before-the-end",
        patches=[("proxy.api.background._Work.poll", tells_nothing_before_the_end)],
        trips=[
            "test_queued_then_partly_then_all",
            "test_deleting_stops_the_work",
            "test_a_bridged_response_is_polled_too",
        ],
    ),
    Sabotage(
        name="adds-no-part-to-a-message",
        patches=[("proxy.responses.stream._Message.opening", adds_no_part_to_a_message)],
        trips=[
            "test_a_bridged_response_is_polled_too",
            "test_a_stream[text]",
            "test_a_stream[both]",
            "test_a_stream[cut]",
            "test_a_stream_of_thoughts",
        ],
    ),
    Sabotage(
        name="leaves-the-tools-out",
        patches=[("proxy.responses.request._tools", leaves_the_tools_out)],
        trips=[
            "test_tools",
            "test_input[called]",
            "test_input[called-in-parts]",
            "test_input[called-with-image]",
            "test_and_on_with_the_output_of_a_tool",
        ],
    ),
    Sabotage(
        name="forgets-what-was-said",
        patches=[("proxy.responses.dialogue.Dialogue._history", forgets_what_was_said)],
        trips=[
            "test_and_is_never_answered_elsewhere_without_what_was_said",
            "test_a_conversation_goes_on",
            "test_and_on_with_the_output_of_a_tool",
            "test_what_nobody_remembers",
        ],
    ),
    Sabotage(
        name="sends-the-vendor-whatever-comes",
        patches=[("proxy.providers.openai.responses.request", sends_the_vendor_whatever_comes)],
        trips=["test_another_field[unheard_of]"],
    ),
    Sabotage(
        name="takes-half-a-stream-for-a-whole-one",
        patches=[("proxy.providers.openai.responses.ResponseEvents.finish", takes_half_a_stream_for_a_whole_one)],
        trips=["test_a_stream_that_breaks", "test_a_stream_that_breaks_is_told_to_be_broken[ended]"],
    ),
    Sabotage(
        name="asks-for-the-response-in-place-of-its-input",
        patches=[("proxy.providers.base.Resource.of", asks_for_the_response_in_place_of_its_input)],
        trips=["test_input_items"],
    ),
    Sabotage(
        name="forgets-the-effort",
        patches=[("proxy.providers.openai.provider.as_response", forgets_the_effort)],
        trips=["test_a_field[reasoning_effort]"],
    ),
]
