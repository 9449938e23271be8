"""Calls with a ``response_format`` go to models that take it (``enable_pre_call_checks``; B.md, common ground)."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import Reply

pytestmark = contract("core", config="core/pre_call_checks.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-attempted-fallbacks"]
BOTH: dict[str, list[Reply]] = {"gpt-4": [], "gpt-4o": []}
OBJECT = {"type": "json_object"}
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "word", "schema": {"type": "object", "properties": {"word": {"type": "string"}}}},
}


@pytest.mark.parametrize("wanted", [OBJECT, SCHEMA, {"type": "text"}], ids=["object", "schema", "text"])
def test_who_takes_the_format_serves(case: Case, wanted: dict[str, Any]) -> None:
    case.script(BOTH)
    answers = [case.chat("formats", response_format=wanted) for _ in range(6)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {"formats-2"}
    assert case.journal().models == ["gpt-4o"] * 6


@pytest.mark.parametrize("fields", [{}, {"response_format": None}], ids=["unsaid", "null"])
def test_without_a_format_everybody_serves(case: Case, fields: dict[str, None]) -> None:
    case.script(BOTH)
    answers = [case.chat("formats", **fields) for _ in range(24)]
    assert {answer.status for answer in answers} == {200}
    assert set(case.journal().models) == {"gpt-4", "gpt-4o"}


def test_nobody_takes_it(case: Case) -> None:
    case.script(BOTH)
    answer = case.chat("plain-only", response_format=OBJECT)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 429
    assert case.journal().models == []


def test_a_fallback_takes_it(case: Case) -> None:
    case.script(BOTH)
    answer = case.chat("backed", response_format=OBJECT)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["gpt-4o"]


def test_a_stream_goes_there_too(case: Case) -> None:
    case.script(BOTH)
    answers = [case.stream("formats", response_format=OBJECT) for _ in range(4)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["gpt-4o"] * 4


def test_that_a_client_has_it_dropped_changes_nothing(case: Case) -> None:
    case.script(BOTH)
    answer = case.chat("plain-only", response_format=OBJECT, drop_params=True)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 429
    assert case.journal().models == []


def test_a_model_that_nobody_knows(case: Case) -> None:
    case.script({"house-model": []})
    answer = case.chat("own-name", response_format=OBJECT)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["house-model"]
