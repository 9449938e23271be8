"""B5: how often a call is tried again depends on its model group and on the class of the error."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, context_window_exceeded, ok, status
from fixtures.replies import slow as late

pytestmark = contract("B5", config="B5/retries.yaml")

HEADERS = ["x-litellm-attempted-retries", "x-litellm-max-retries"]
POLICY = status(400, message="content_policy_violation (invalid_request_error)", code="content_policy_violation")


@pytest.mark.parametrize(
    ("code", "calls"),
    [(429, 4), (400, 3), (408, 1), (401, 2), (503, 2), (502, 2), (403, 2), (409, 2), (404, 1), (422, 3)],
)
def test_a_groups_policy(case: Case, code: int, calls: int) -> None:
    case.script({"polite": [status(code)]})
    answer = case.chat("polite-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == code
    assert case.journal().models == ["polite"] * calls


@pytest.mark.parametrize(
    ("reply", "calls"), [(POLICY, 5), (context_window_exceeded(), 3)], ids=["content-policy", "context-window"]
)
def test_subclasses_of_wrong_requests(case: Case, reply: Reply, calls: int) -> None:
    case.script({"polite": [reply]})
    answer = case.chat("polite-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert case.journal().models == ["polite"] * calls


@pytest.mark.parametrize(
    ("code", "calls"),
    [(429, 1), (408, 2), (500, 2), (400, 1)],
    ids=["named", "not-the-general-one", "unnamed", "final"],
)
def test_a_groups_policy_replaces_the_general_one(case: Case, code: int, calls: int) -> None:
    case.script({"strict": [status(code)]})
    answer = case.chat("strict-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == code
    assert case.journal().models == ["strict"] * calls


@pytest.mark.parametrize(("code", "calls"), [(408, 3), (429, 2), (500, 2), (400, 1), (404, 1)])
def test_the_general_policy(case: Case, code: int, calls: int) -> None:
    case.script({"plain": [status(code)]})
    answer = case.chat("plain-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == code
    assert case.journal().models == ["plain"] * calls


def test_a_retry_that_helps(case: Case) -> None:
    case.script({"polite": [status(429), status(429), ok("at last")]})
    answer = case.chat("polite-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "at last"
    assert answer.headers["x-litellm-attempted-retries"] == "2"
    assert answer.headers["x-litellm-max-retries"] == "3"


def test_the_first_error_says_how_often(case: Case) -> None:
    case.script({"polite": [status(429), status(404), status(503), ok("at last")]})
    answer = case.chat("polite-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "at last"
    assert case.journal().models == ["polite"] * 4


@pytest.mark.parametrize(
    ("options", "fields"),
    [({}, {"num_retries": 0}), ({"headers": {"x-litellm-num-retries": "0"}}, {})],
    ids=["body", "header"],
)
@pytest.mark.parametrize(("code", "calls"), [(429, 4), (503, 1)], ids=["named", "unnamed"])
def test_a_policy_counts_more_than_the_client(
    case: Case, options: dict[str, Any], fields: dict[str, Any], code: int, calls: int
) -> None:
    case.script({"polite": [status(code)]})
    answer = case.chat("polite-chat", **fields, options=options)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == code
    assert case.journal().models == ["polite"] * calls


def test_an_alias_has_no_policy_of_its_target(case: Case) -> None:
    case.script({"polite": [status(429)]})
    answer = case.chat("named-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 429
    assert case.journal().models == ["polite"] * 2


def test_a_fallback_goes_by_its_own_policy(case: Case) -> None:
    case.script({"falling": [status(429)], "resting": [status(429)]})
    answer = case.chat("falling-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 429
    assert case.journal().models == ["falling"] * 2 + ["resting"] * 3


def test_a_key_that_is_wrong_is_tried_again_where_the_policy_says_so(case: Case) -> None:
    case.script({"lone": [status(401), ok("at last")]})
    answer = case.chat("lone-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "at last"
    assert len(case.journal()) == 2


@pytest.mark.parametrize("endpoint", ["stream", "completion"])
def test_other_endpoints(case: Case, endpoint: str) -> None:
    case.script({"polite": [status(429)]})
    answer = getattr(case, endpoint)("polite-chat")
    case.assert_same_as_recorded()
    assert answer.status == 429
    assert case.journal().models == ["polite"] * 4


def test_embeddings(case: Case) -> None:
    case.script({"polite": [status(429)]})
    answer = case.embed("polite-chat")
    calls = len(case.journal())

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 429
        assert calls == 12

    def required(answer: Exchange) -> None:
        assert answer.status == 429
        assert calls == 4

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_the_newer_endpoints(case: Case, path: str) -> None:
    case.script({"polite": [status(429)]})
    body = (
        {"input": "hello"} if "responses" in path else {"messages": [{"role": "user", "content": "a"}], "max_tokens": 9}
    )
    answer = case.post(path, {"model": "polite-chat", **body})
    assert answer.status == 429
    assert case.journal().models == ["polite"] * 4


# --- what the reference accepts and ignores ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "code", "calls"), [("counted", 500, 4), ("counted", 429, 4), ("counted", 408, 4), ("mixed", 503, 4)]
)
def test_a_groups_number_of_retries(case: Case, group: str, code: int, calls: int) -> None:
    case.script({group: [status(code)]})
    answer = case.chat(f"{group}-chat")
    called = case.journal().models

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == code
        assert called == [group] * 2

    def required(answer: Exchange) -> None:
        assert answer.status == code
        assert called == [group] * calls

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(("group", "code"), [("counted", 400), ("counted", 404), ("mixed", 429)])
def test_what_a_number_of_retries_does_not_mean(case: Case, group: str, code: int) -> None:
    case.script({group: [status(code)]})
    answer = case.chat(f"{group}-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == code
    assert case.journal().models == [group]


@pytest.mark.parametrize(("group", "calls"), [("polite", 5), ("resting", 1)])
def test_internal_server_errors(case: Case, group: str, calls: int) -> None:
    case.script({group: [status(500)]})
    answer = case.chat(f"{group}-chat")
    called = case.journal().models

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert called == [group] * 2

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert called == [group] * calls

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- timeouts ------------------------------------------------------------------------------------------------------------


def test_a_timeout_of_the_groups_deployments(case: Case) -> None:
    case.script({"short": [late(2), ok("in time")]})
    answer = case.chat("short-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "in time"
    assert case.journal().models == ["short"] * 2


@pytest.mark.parametrize("endpoint", ["chat", "stream"])
def test_a_groups_timeout(case: Case, endpoint: str) -> None:
    case.script({"hasty": [ok("at leisure").slow(1.2), ok("in time")]})
    answer = getattr(case, endpoint)("hasty-chat")

    def as_recorded(answer: Exchange) -> None:
        assert answer.content == "at leisure"

    def required(answer: Exchange) -> None:
        assert answer.content == "in time"

    case.deviates(answer, as_recorded=as_recorded, required=required)
