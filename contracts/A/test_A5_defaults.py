"""A5: with default fallbacks, an alias that leads nowhere is answered by the first of them."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import ok, status

pytestmark = contract("A5", config="A5/defaults.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
]


@pytest.mark.parametrize("alias", ["alias-of-alias", "alias-of-nothing"])
def test_the_first_default_answers_at_once(case: Case, alias: str) -> None:
    case.script({"upstream-known": [], "upstream-first": [ok("from the default")], "upstream-second": []})
    answer = case.chat(alias)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "from the default"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "0"
    assert answer.json["model"] == alias
    assert case.journal().models == ["upstream-first"]


def test_an_alias_that_leads_somewhere_needs_no_default(case: Case) -> None:
    case.script({"upstream-known": [ok("from the target")], "upstream-first": []})
    answer = case.chat("alias-known")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "from the target"
    assert case.journal().models == ["upstream-known"]


def test_a_failing_target_falls_back_to_the_default(case: Case) -> None:
    case.script({"upstream-known": [status(500)], "upstream-first": [ok("from the default")], "upstream-second": []})
    answer = case.chat("alias-known")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "from the default"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["upstream-known", "upstream-first"]
