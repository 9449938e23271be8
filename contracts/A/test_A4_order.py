"""A4: the models of a fallback list are tried in order, each once, until one answers."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, status

pytestmark = contract("A4", config="A4/order.yaml")

HEADERS = [
    "x-litellm-call-id",
    "x-litellm-model-id",
    "x-litellm-model-api-base",
    "x-litellm-model-group",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
    "x-litellm-max-retries",
    "x-litellm-key-spend",
]


def test_models_are_tried_in_order_until_one_answers(case: Case) -> None:
    case.script({"order-a": [status(500)], "order-b": [status(503)], "upstream-order-c": [], "order-d": []})
    answer = case.chat("order-a", temperature=0.3)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "2"
    assert case.journal().models == ["order-a", "order-b", "upstream-order-c"]
    assert {body["temperature"] for body in case.journal().bodies} == {0.3}


def test_the_answer_of_a_fallback_names_who_gave_it(case: Case) -> None:
    case.script({"order-a": [status(500)], "order-b": [status(500)], "upstream-order-c": [ok("from the third")]})
    answer = case.chat("order-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "order-c"
    assert answer.headers["x-litellm-model-id"] == "order-c-1"
    assert answer.json["model"] == "upstream-order-c"
    assert answer.content == "from the third"


def test_the_first_fallback_that_answers_ends_the_search(case: Case) -> None:
    case.script({"order-a": [status(500)], "order-b": [], "upstream-order-c": [], "order-d": []})
    answer = case.chat("order-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert answer.headers["x-litellm-model-group"] == "order-b"
    assert case.journal().models == ["order-a", "order-b"]


def test_a_model_that_answers_needs_no_fallback(case: Case) -> None:
    case.script({"order-a": [], "order-b": [], "upstream-order-c": [], "order-d": []})
    answer = case.chat("order-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "0"
    assert answer.json["model"] == "order-a"
    assert case.journal().models == ["order-a"]


def test_the_list_of_a_fallback_itself_is_not_used_for_a_direct_call(case: Case) -> None:
    case.script({"order-a": [], "order-b": [status(500)], "upstream-order-c": [], "order-d": []})
    answer = case.chat("order-b")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert "No fallback model group found for original model_group=order-b" in answer.json["error"]["message"]
    assert case.journal().models == ["order-b"]


def test_the_requested_model_in_its_own_list_is_skipped(case: Case) -> None:
    case.script({"self-a": [status(500)], "self-b": []})
    answer = case.chat("self-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["self-a", "self-b"]


@contract("A4", config="A4/special.yaml")
def test_of_two_lists_for_one_model_the_first_counts(case: Case) -> None:
    case.script({"twice-a": [status(400)], "twice-b": [], "twice-c": []})
    answer = case.chat("twice-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["twice-a", "twice-b"]


def test_an_entry_may_replace_fields_of_the_request(case: Case) -> None:
    case.script({"entry-a": [status(500)], "entry-b": [], "entry-c": []})
    answer = case.chat("entry-a", temperature=1, top_p=0.5)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "entry-b"
    first, second = case.journal().bodies
    assert first["messages"] == [{"role": "user", "content": "hello"}]
    assert second["messages"] == [{"role": "user", "content": "shorter"}]
    assert (first["temperature"], second["temperature"]) == (1, 0)
    assert (first["top_p"], second["top_p"]) == (0.5, 0.5)


def test_replaced_fields_hold_for_their_entry_alone(case: Case) -> None:
    case.script({"entry-a": [status(500)], "entry-b": [status(500)], "entry-c": []})
    answer = case.chat("entry-a", temperature=1)

    def as_recorded(answer: Exchange) -> None:
        assert case.journal().bodies[2]["messages"] == [{"role": "user", "content": "shorter"}]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().bodies[2]["messages"] == [{"role": "user", "content": "hello"}]
        assert case.journal().bodies[2]["temperature"] == 1

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_unknown_fallback_is_passed_over(case: Case) -> None:
    case.script({"gone-a": [status(500)], "gone-b": []})
    answer = case.chat("gone-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "2"
    assert case.journal().models == ["gone-a", "gone-b"]


def test_each_upstream_gets_the_key_of_its_own_deployment(case: Case) -> None:
    case.script({"keys-a": [status(500)], "keys-b": []})
    answer = case.chat("keys-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert [call.headers["authorization"] for call in case.journal()] == ["Bearer sk-first", "Bearer sk-second"]


def test_a_list_is_found_without_the_prefix_of_the_provider(case: Case) -> None:
    case.script({"prefixed": [status(500)], "prefix-b": []})
    answer = case.chat("openai/prefixed")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "prefix-b"
    assert case.journal().models == ["prefixed", "prefix-b"]


def test_any_prefix_may_be_left_out(case: Case) -> None:
    case.script({"first": [status(500)], "prefix-b": []})
    answer = case.chat("exact/first")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert case.journal().models == ["first"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.headers["x-litellm-model-group"] == "prefix-b"
        assert case.journal().models == ["first", "prefix-b"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("code", [400, 500])
def test_an_empty_list_means_no_fallback(case: Case, code: int) -> None:
    case.script({"none-a": [status(code)]})
    answer = case.chat("none-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == code
    assert f"upstream says {code}" in answer.json["error"]["message"]
    assert case.journal().models == ["none-a"]


def test_text_completions_fall_back(case: Case) -> None:
    case.script({"prompt-a": [status(500)], "prompt-b": []})
    answer = case.completion("prompt-a")
    case.assert_same_as_recorded(headers=["x-litellm-model-id", "x-litellm-attempted-fallbacks"])
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert answer.json["model"] == "prompt-b"
    assert case.journal().models == ["prompt-a", "prompt-b"]
    assert case.journal().bodies[1]["prompt"] == "hello"


def test_embeddings_fall_back(case: Case) -> None:
    case.script({"vector-a": [status(500)], "vector-b": []})
    answer = case.embed("vector-a")
    case.assert_same_as_recorded(headers=["x-litellm-model-id", "x-litellm-attempted-fallbacks"], ignore=["journal"])

    def as_recorded(answer: Exchange) -> None:
        assert case.journal().models == ["vector-a", "vector-a", "vector-a", "vector-b"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
        assert case.journal().models == ["vector-a", "vector-b"]
        assert {body["input"] for body in case.journal().bodies} == {"hello"}

    case.deviates(answer, as_recorded=as_recorded, required=required)
