"""A5: fallbacks are looked up by the name that was asked for, before an alias resolves."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import context_window_exceeded, ok, status

pytestmark = contract("A5", config="A5/fallbacks.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
]


def test_fallbacks_of_the_target_are_not_used(case: Case) -> None:
    case.script({"by-target": [status(500)], "upstream-rescue": []})
    answer = case.chat("alias-by-target")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    told = "No fallback model group found for original model_group=alias-by-target"
    assert told in answer.json["error"]["message"]
    assert case.journal().models == ["by-target"]


def test_the_target_itself_has_them(case: Case) -> None:
    case.script({"by-target": [status(500)], "upstream-rescue": []})
    answer = case.chat("by-target")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["by-target", "upstream-rescue"]


@pytest.mark.parametrize("endpoint", ["chat", "stream", "completion"])
def test_fallbacks_of_the_alias_are_used(case: Case, endpoint: str) -> None:
    case.script({"by-alias": [status(500)], "upstream-rescue": [ok("rescued")]})
    answer = getattr(case, endpoint)("alias-by-alias")
    case.assert_same_as_recorded(headers=HEADERS if endpoint == "chat" else [])
    assert answer.content == "rescued"
    assert case.journal().models == ["by-alias", "upstream-rescue"]


def test_embeddings_fall_back_by_the_alias(case: Case) -> None:
    case.script({"vector": [status(400)], "upstream-rescue": [], "second-rescue": []})
    answer = case.embed("alias-vector")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-id"] == "rescue-1"
    assert case.journal().models == ["vector", "upstream-rescue"]


def test_fallbacks_of_the_alias_are_not_the_targets(case: Case) -> None:
    case.script({"by-alias": [status(500)], "upstream-rescue": []})
    answer = case.chat("by-alias")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert case.journal().models == ["by-alias"]


def test_with_lists_for_both_names_that_of_the_alias_counts(case: Case) -> None:
    case.script({"by-both": [status(500)], "upstream-rescue": [], "second-rescue": []})
    answer = case.chat("alias-by-both")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "rescue"
    assert case.journal().models == ["by-both", "upstream-rescue"]


def test_a_fallback_may_be_an_alias(case: Case) -> None:
    case.script({"led-to": [status(500)], "upstream-rescue": [ok("rescued")]})
    answer = case.chat("led-to")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "rescued"
    assert answer.headers["x-litellm-model-group"] == "alias-rescue"
    assert case.journal().models == ["led-to", "upstream-rescue"]


@pytest.mark.parametrize("alias", ["alias-rescue", "hidden-rescue"])
def test_a_fallback_of_the_client_may_be_an_alias(case: Case, alias: str) -> None:
    case.script({"client": [status(500)], "upstream-rescue": [ok("rescued")]})
    answer = case.chat("alias-client", fallbacks=[alias])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "rescued"
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["client", "upstream-rescue"]


def test_the_context_window_list_goes_by_the_alias(case: Case) -> None:
    case.script({"window": [context_window_exceeded()], "upstream-rescue": [], "second-rescue": []})
    answer = case.chat("alias-window")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-id"] == "rescue-1"
    assert case.journal().models == ["window", "upstream-rescue"]


def test_the_content_policy_list_goes_by_the_alias(case: Case) -> None:
    refused = status(400, message="content_policy_violation (invalid_request_error)", code="content_policy_violation")
    case.script({"policy": [refused], "upstream-rescue": [], "second-rescue": []})
    answer = case.chat("alias-policy")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-id"] == "rescue-1"
    assert case.journal().models == ["policy", "upstream-rescue"]
