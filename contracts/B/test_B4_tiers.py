"""B4: how hard a question looks decides which model group answers it, where a config weighs words."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("B4", config="B4/routes.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-group"]
SIMPLE, MEDIUM, COMPLEX, REASONING = "upstream-general", "upstream-weather", "upstream-code", "upstream-spare"
UPSTREAMS: dict[str, list[Any]] = {SIMPLE: [], MEDIUM: [], COMPLEX: [], REASONING: []}
PADDING = "the old man told me about his house by the lake and of the trees around it "


def sent(case: Case, model: str, *messages: tuple[str, str]) -> list[str]:
    """The upstreams that a chat reaches; it is as recorded."""
    case.script(UPSTREAMS)
    case.chat(model, messages=[{"role": role, "content": text} for role, text in messages])
    case.assert_same_as_recorded(headers=HEADERS)
    return case.journal().models


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("hello, what is the capital of this country", SIMPLE),
        (PADDING + PADDING, SIMPLE),
        ("write a python function", MEDIUM),
        (PADDING + "in python", MEDIUM),
        (PADDING + "think carefully", MEDIUM),
        (PADDING + "the latency and throughput of the memory, and the cpu", MEDIUM),
        (PADDING + "how to debug this sql query for latency and throughput", COMPLEX),
        (PADDING + "evaluate the latency, memory, cpu and throughput of this sql query", REASONING),
        ("think carefully, step by step", REASONING),
        (PADDING + "of a terrorism class", MEDIUM),
        (PADDING + "of terrorism in capital letters and classical pulling", SIMPLE),
        (PADDING * 22 + "debug in python", COMPLEX),
        (PADDING + "1. python 2. why? who? when? where?", MEDIUM),
    ],
    ids=[
        "simple",
        "no-signal",
        "short-code",
        "one-word-of-code",
        "one-marker",
        "four-terms",
        "code-and-terms",
        "all-three",
        "two-markers",
        "whole-word",
        "part-of-words",
        "long",
        "numbered",
    ],
)
def test_words_decide(case: Case, text: str, upstream: str) -> None:
    assert sent(case, "tiers-plain", ("user", text)) == [upstream]


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("a teapot on the moon", SIMPLE),
        ("a teapot", MEDIUM),
        ("a teapot with Ice Cream", COMPLEX),
        ("python function", SIMPLE),
        (PADDING + PADDING, COMPLEX),
        (PADDING + PADDING + "a teapot with ice cream", REASONING),
    ],
    ids=["both", "one", "two", "not-of-the-list", "long", "long-and-two"],
)
def test_a_config_has_words_weights_and_boundaries_of_its_own(case: Case, text: str, upstream: str) -> None:
    assert sent(case, "tiers-own", ("user", text)) == [upstream]


def test_what_the_system_is_told_counts(case: Case) -> None:
    system = "you review python code: how to debug a sql query for latency and throughput"
    assert sent(case, "tiers-plain", ("system", system), ("user", PADDING)) == [COMPLEX]


def test_the_system_is_no_reason_to_think(case: Case) -> None:
    assert sent(case, "tiers-plain", ("system", "think carefully, step by step"), ("user", PADDING)) == [SIMPLE]


def test_the_last_question_of_the_user_counts(case: Case) -> None:
    turns = ("user", "think carefully, step by step"), ("user", "hello"), ("assistant", "think carefully, step by step")
    assert sent(case, "tiers-plain", *turns) == [SIMPLE]


@pytest.mark.parametrize(
    ("text", "upstream"),
    [("hello", MEDIUM), (PADDING + "debug the sql latency cpu", COMPLEX)],
    ids=["none", "one"],
)
def test_tiers_without_a_model_are_the_default_models(case: Case, text: str, upstream: str) -> None:
    assert sent(case, "tiers-few", ("user", text)) == [upstream]
