"""A4: a fallback has fallbacks of its own; how deep they go, and that nobody is asked twice."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import status

pytestmark = contract("A4", config="A4/order.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-group", "x-litellm-attempted-fallbacks"]
WIDE = ["wide-a", "wide-b", "wide-c", "wide-d", "wide-e", "wide-f", "wide-g"]
DEEP = ["deep-a", "deep-b", "deep-c", "deep-d", "deep-e", "deep-f", "deep-g"]


def failing(*models: str) -> dict[str, list[object]]:
    """A script in which each of these models answers 500."""
    return {model: [status(500, message=f"{model} is down")] for model in models}


def test_a_fallbacks_own_fallback_answers(case: Case) -> None:
    case.script(failing("deep-a", "deep-b") | {"deep-c": []})
    answer = case.chat("deep-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-model-group"] == "deep-c"
    assert case.journal().models == ["deep-a", "deep-b", "deep-c"]


def test_the_rest_of_the_list_comes_before_the_fallbacks_of_fallbacks(case: Case) -> None:
    case.script(failing("tree-a", "tree-b") | {"tree-c": [], "tree-d": []})
    answer = case.chat("tree-a")

    def as_recorded(answer: Exchange) -> None:
        assert answer.headers["x-litellm-model-group"] == "tree-d"
        assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
        assert case.journal().models == ["tree-a", "tree-b", "tree-d"]

    def required(answer: Exchange) -> None:
        assert answer.headers["x-litellm-model-group"] == "tree-c"
        assert answer.headers["x-litellm-attempted-fallbacks"] == "2"
        assert case.journal().models == ["tree-a", "tree-b", "tree-c"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_the_fallbacks_of_fallbacks_come_last(case: Case) -> None:
    case.script(failing("tree-a", "tree-b", "tree-c") | {"tree-d": []})
    answer = case.chat("tree-a")

    def as_recorded(answer: Exchange) -> None:
        assert case.journal().models == ["tree-a", "tree-b", "tree-d"]

    def required(answer: Exchange) -> None:
        assert answer.headers["x-litellm-model-group"] == "tree-d"
        assert case.journal().models == ["tree-a", "tree-b", "tree-c", "tree-d"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_models_that_name_each_other_are_asked_once(case: Case) -> None:
    case.script(failing("ring-a", "ring-b"))
    answer = case.chat("ring-a")

    def as_recorded(answer: Exchange) -> None:
        assert case.journal().models == ["ring-a", "ring-b", "ring-a", "ring-b", "ring-a", "ring-b"]

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "ring-a is down" in answer.json["error"]["message"]
        assert "ring-b is down" in answer.json["error"]["message"]
        assert case.journal().models == ["ring-a", "ring-b"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_chain_ends_at_the_fifth_level(case: Case) -> None:
    case.script(failing(*DEEP))
    answer = case.chat("deep-a")
    case.assert_same_as_recorded(headers=HEADERS, ignore=["body.error.message"])
    assert answer.status == 500
    assert answer.json["error"]["message"].startswith(
        "litellm.InternalServerError: InternalServerError: OpenAIException"
    )
    assert "deep-a is down" in answer.json["error"]["message"]
    assert case.journal().models == DEEP[:6]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_client_may_shorten_the_chain(case: Case, most: int) -> None:
    case.script(failing(*DEEP))
    answer = case.chat("deep-a", max_fallbacks=most)
    case.assert_same_as_recorded(headers=HEADERS, ignore=["body.error.message"])
    assert answer.status == 500
    assert case.journal().models == DEEP[: most + 1]


def test_no_level_at_all_means_no_fallback(case: Case) -> None:
    case.script(failing(*DEEP))
    answer = case.chat("deep-a", max_fallbacks=0)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert case.journal().models == ["deep-a"]


@pytest.mark.parametrize("most", [1, 5])
def test_the_limit_is_of_levels_not_of_entries(case: Case, most: int) -> None:
    case.script(failing(*WIDE[:-1]) | {"wide-g": []})
    answer = case.chat("wide-a", max_fallbacks=most)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "6"
    assert case.journal().models == WIDE


@contract("A4", config="A4/default.yaml")
def test_the_config_may_shorten_the_chain(case: Case) -> None:
    case.script(failing("chain-a", "chain-b") | {"chain-c": [], "basic-last": []})
    answer = case.chat("chain-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert case.journal().models == ["chain-a", "chain-b"]


@contract("A4", config="A4/default.yaml")
def test_the_client_may_lengthen_the_chain(case: Case) -> None:
    case.script(failing("chain-a", "chain-b") | {"chain-c": [], "basic-last": []})
    answer = case.chat("chain-a", max_fallbacks=2)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["chain-a", "chain-b", "chain-c"]
