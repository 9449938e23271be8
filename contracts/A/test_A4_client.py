"""A4: fallbacks and limits that a client sends in the body, and those that it switches off."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import context_window_exceeded, status

pytestmark = contract("A4", config="A4/unlisted.yaml")
with_lists = contract("A4", config="A4/order.yaml")
with_default = contract("A4", config="A4/default.yaml")
with_special = contract("A4", config="A4/special.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-fallbacks",
    "x-litellm-attempted-retries",
]
REFUSED = status(400, message="Your request was rejected as a result of the safety system.")
SHORTER = [{"role": "user", "content": "shorter"}]


def test_without_any_list_the_error_says_none(case: Case) -> None:
    case.script({"plain-a": [status(500)]})
    answer = case.chat("plain-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert answer.json["error"]["message"].endswith(
        "upstream says 500. Received Model Group=plain-a\nAvailable Model Group Fallbacks=None"
    )


def test_names_are_tried_in_order(case: Case) -> None:
    case.script({"plain-a": [status(500)], "plain-b": [status(500)], "plain-c": [], "plain-d": []})
    answer = case.chat("plain-a", fallbacks=["plain-c", "plain-d"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert answer.json["model"] == "plain-c"
    assert case.journal().models == ["plain-a", "plain-c"]
    assert all("fallbacks" not in body for body in case.journal().bodies)


def test_entries_with_fields_replace_them(case: Case) -> None:
    case.script({"plain-a": [status(500)], "plain-b": [], "plain-c": []})
    answer = case.chat("plain-a", fallbacks=[{"model": "plain-b", "messages": SHORTER}])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["plain-a", "plain-b"]
    assert case.journal().bodies[1]["messages"] == SHORTER


def test_a_list_by_model_is_read_as_in_the_config(case: Case) -> None:
    case.script({"plain-a": [status(500)], "plain-b": [], "plain-c": []})
    answer = case.chat("plain-a", fallbacks=[{"plain-b": ["plain-c"]}, {"plain-a": ["plain-b"]}])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["plain-a", "plain-b"]


def test_a_list_for_every_model(case: Case) -> None:
    case.script({"plain-a": [status(500)], "plain-b": []})
    answer = case.chat("plain-a", fallbacks=[{"*": ["plain-b"]}])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["plain-a", "plain-b"]


def test_an_empty_list_says_that_nothing_was_found(case: Case) -> None:
    case.script({"plain-a": [status(500)]})
    answer = case.chat("plain-a", fallbacks=[])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert "No fallback model group found for original model_group=plain-a. Fallbacks=[]" in answer.text


def test_all_of_the_clients_models_fail(case: Case) -> None:
    case.script({"plain-a": [status(500)], "plain-b": [status(503)]})
    answer = case.chat("plain-a", fallbacks=["plain-b"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert "Available Model Group Fallbacks=None" in answer.json["error"]["message"]
    assert "upstream says 503" in answer.json["error"]["message"]
    assert case.journal().models == ["plain-a", "plain-b"]


def test_two_failing_models_are_asked_once_each(case: Case) -> None:
    case.script({"plain-a": [status(500)], "plain-b": [status(503)], "plain-c": [status(429)]})
    answer = case.chat("plain-a", fallbacks=["plain-b", "plain-c"])

    def as_recorded(answer: Exchange) -> None:
        assert len(case.journal()) == 10

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "upstream says 500" in answer.json["error"]["message"]
        assert "upstream says 429" in answer.json["error"]["message"]
        assert case.journal().models == ["plain-a", "plain-b", "plain-c"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_unknown_name_is_passed_over(case: Case) -> None:
    case.script({"plain-a": [status(500)], "plain-b": []})
    answer = case.chat("plain-a", fallbacks=["unheard-of", "plain-b"])
    case.assert_same_as_recorded(headers=["x-litellm-model-group"])
    assert answer.status == 200
    assert case.journal().models == ["plain-a", "plain-b"]


def test_an_unknown_name_alone_leaves_the_first_error(case: Case) -> None:
    case.script({"plain-a": [status(500)]})
    answer = case.chat("plain-a", fallbacks=["unheard-of"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert "You passed in model=unheard-of" in answer.json["error"]["message"]


@contract("A4", config="A4/triggers.yaml")
def test_an_unknown_name_is_served_by_the_list_for_every_model(case: Case) -> None:
    case.script({"healthy": [status(500)], "rescue": []})
    answer = case.chat("healthy", fallbacks=["unheard-of"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["healthy", "rescue"]


@with_lists
def test_the_clients_list_replaces_the_configured_one(case: Case) -> None:
    case.script({"order-a": [status(500)], "order-b": [], "upstream-order-c": [], "order-d": []})
    answer = case.chat("order-a", fallbacks=["order-d"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "order-d"
    assert case.journal().models == ["order-a", "order-d"]


@with_lists
@pytest.mark.parametrize("own", [[], None, [{"order-b": ["order-d"]}]], ids=["empty", "null", "of-another"])
def test_a_clients_list_without_the_model_leaves_none(case: Case, own: Any) -> None:
    case.script({"order-a": [status(500)], "order-b": [], "upstream-order-c": [], "order-d": []})
    answer = case.chat("order-a", fallbacks=own)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert case.journal().models == ["order-a"]


@with_lists
def test_fallbacks_can_be_disabled(case: Case) -> None:
    case.script({"order-a": [status(503)], "order-b": []})
    answer = case.chat("order-a", disable_fallbacks=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 503
    assert answer.json["error"]["message"].endswith("OpenAIException - upstream says 503")
    assert case.journal().models == ["order-a"]
    assert "disable_fallbacks" not in case.journal().bodies[0]


@with_lists
def test_fallbacks_that_are_not_disabled_work(case: Case) -> None:
    case.script({"order-a": [status(503)], "order-b": []})
    answer = case.chat("order-a", disable_fallbacks=False)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["order-a", "order-b"]
    assert all("disable_fallbacks" not in body for body in case.journal().bodies)


@with_default
def test_the_default_can_be_disabled(case: Case) -> None:
    case.script({"basic-a": [status(422)], "basic-last": []})
    answer = case.chat("basic-a", disable_fallbacks=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 422
    assert case.journal().models == ["basic-a"]


# --- lists for special errors ----------------------------------------------------------------------------------------


def test_a_clients_list_for_long_prompts(case: Case) -> None:
    case.script({"plain-a": [context_window_exceeded()], "plain-b": []})
    answer = case.chat("plain-a", context_window_fallbacks=[{"plain-a": ["plain-b"]}])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["plain-a", "plain-b"]


def test_a_clients_list_for_refused_content(case: Case) -> None:
    case.script({"plain-a": [REFUSED], "plain-b": []})
    answer = case.chat("plain-a", content_policy_fallbacks=[{"plain-a": ["plain-b"]}])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["plain-a", "plain-b"]


@pytest.mark.parametrize("kind", ["context_window_fallbacks", "content_policy_fallbacks"])
def test_a_list_for_special_errors_serves_no_other(case: Case, kind: str) -> None:
    case.script({"plain-a": [status(400)], "plain-b": []})
    answer = case.chat("plain-a", **{kind: [{"plain-a": ["plain-b"]}]})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert case.journal().models == ["plain-a"]
    assert kind not in case.journal().bodies[0]


@with_special
@pytest.mark.parametrize("reply", [context_window_exceeded(), REFUSED], ids=["long", "refused"])
def test_names_beat_every_list_of_the_config(case: Case, reply: Any) -> None:
    case.script({"small-a": [reply], "large-a": [], "general-a": [], "larger-a": []})
    answer = case.chat("small-a", fallbacks=["larger-a"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "larger-a"
    assert case.journal().models == ["small-a", "larger-a"]


# --- the testing aids ------------------------------------------------------------------------------------------------


@with_lists
def test_a_mocked_failure_asks_the_first_model_nothing(case: Case) -> None:
    case.script({"order-a": [], "order-b": [], "upstream-order-c": []})
    answer = case.chat("order-a", mock_testing_fallbacks=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-model-group"] == "order-b"
    assert case.journal().models == ["order-b"]
    assert "mock_testing_fallbacks" not in case.journal().bodies[0]


def test_a_mocked_failure_without_fallbacks_is_told(case: Case) -> None:
    case.script({"plain-a": []})
    answer = case.chat("plain-a", mock_testing_fallbacks=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert "This is a mock exception for model=plain-a" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


@with_special
def test_a_mocked_long_prompt(case: Case) -> None:
    case.script({"small-a": [], "large-a": [], "general-a": []})
    answer = case.chat("small-a", mock_testing_context_fallbacks=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "large-a"
    assert case.journal().models == ["large-a"]


@with_special
def test_a_mocked_refusal_of_content(case: Case) -> None:
    case.script({"strict-a": [], "lenient-a": [], "general-a": []})
    answer = case.chat("strict-a", mock_testing_content_policy_fallbacks=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "lenient-a"
    assert case.journal().models == ["lenient-a"]


@pytest.mark.parametrize("kind", ["mock_testing_context_fallbacks", "mock_testing_content_policy_fallbacks"])
def test_other_mocked_failures_are_told(case: Case, kind: str) -> None:
    case.script({"plain-a": []})
    answer = case.chat("plain-a", **{kind: True})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "This is a mock exception for model=plain-a" in answer.json["error"]["message"]


# --- values of the wrong kind ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["plain-b", 5, {"plain-a": ["plain-b"]}, [1, 2], [["plain-b"]], [{}]], ids=str)
def test_fallbacks_of_the_wrong_kind(case: Case, value: Any) -> None:
    case.script({"plain-a": [status(503)], "plain-b": []})
    answer = case.chat("plain-a", fallbacks=value)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 503
        assert case.journal().models == ["plain-a"]

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["param"] == "fallbacks"
        assert len(case.journal()) == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)
