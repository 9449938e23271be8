"""Tiers by words, and what they cost."""

import asyncio
import time

import msgspec
import pytest

from proxy.autorouting.complexity import ComplexityRouter, Settings

PADDING = "the old man told me about his house by the lake and of the trees around it "
READ = 20_000
"""Characters of a text in which words are looked for."""


def router(**settings: object) -> ComplexityRouter:
    return ComplexityRouter(msgspec.convert(settings, Settings), "default")


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("hello", "SIMPLE"),
        ("write a python function", "MEDIUM"),
        ("WRITE A PYTHON FUNCTION", "MEDIUM"),
        (PADDING + "debug this sql query: its latency and throughput", "COMPLEX"),
        ("step by step, think carefully", "REASONING"),
        ("", "SIMPLE"),
    ],
)
def test_tiers(text: str, tier: str) -> None:
    assert router().tier(text) == tier


@pytest.mark.parametrize("text", ["first this\nthen that", "then first", "step by", "version 2.x", "a)b"])
def test_no_steps(text: str) -> None:
    only_steps = router(dimension_weights={"multiStepPatterns": 1.0})
    assert only_steps.tier(text) == "SIMPLE"


@pytest.mark.parametrize("text", ["First this, then that", "step 4", "1. do it", "b) do it"])
def test_steps(text: str) -> None:
    only_steps = router(dimension_weights={"multiStepPatterns": 1.0})
    assert only_steps.tier(text) == "COMPLEX"


@pytest.mark.parametrize("words", ["debug this sql query", "step by step, think carefully", "step 4", "hello, what is"])
def test_words_are_looked_for_in_the_beginning_alone(words: str) -> None:
    weights = {"codePresence": 1, "multiStepPatterns": 2, "simpleIndicators": -1}
    own, space = router(dimension_weights=weights), READ - len(words)
    assert own.tier("x" * (space - 1) + " " + words) != "SIMPLE"
    assert own.tier("x" * READ + " " + words) == "SIMPLE"
    assert own.tier("one", system="x" * READ + " " + words) == "SIMPLE"


def test_keywords_of_signs_and_phrases() -> None:
    own = router(code_keywords=["c++x", "Big Data"], dimension_weights={"codePresence": 0.6})
    assert [own.tier(text) for text in ("c++x", "big data", "c++x and big data", "c++xy")] == [
        "MEDIUM",
        "MEDIUM",
        "REASONING",
        "SIMPLE",
    ]


@pytest.mark.parametrize("endpoint", ["chat", "messages", "completions", "responses", "contents"])
def test_a_call_without_words_goes_to_the_default_model(endpoint: str) -> None:
    assert asyncio.run(router().choose(endpoint, {}, None)) == "default"  # type: ignore[arg-type]


def test_embeddings_choose_nothing() -> None:
    assert asyncio.run(router().choose("embeddings", {"input": msgspec.Raw(b'"x"')}, None)) is None  # type: ignore[arg-type]


def test_targets() -> None:
    assert set(router(tiers={"SIMPLE": "a", "MEDIUM": "b"}).targets) == {"a", "b", "default"}


def test_no_text_takes_long() -> None:
    """Patterns that look back again and again would take minutes."""
    started = time.process_time()
    for text in ("first " * 50_000, "1" * 300_000, "step" + " " * 300_000, "a" * 300_000):
        router().tier(text)
    assert time.process_time() - started < 5
