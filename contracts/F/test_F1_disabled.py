"""F1: ``disable_token_counter`` leaves counting to the vendors that do it."""

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import Reply, status

pytestmark = contract("F1", config="F1/disabled.yaml")

HELLO = {"role": "user", "content": "Hello, how are you today?"}
PATH = "/utils/token_counter"


def test_nothing_is_counted_here(case: Case) -> None:
    answer = case.post(PATH, {"model": "uncounted-four", "messages": [HELLO]})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 503
    assert answer.json["error"]["type"] == "token_counting_disabled"
    assert answer.json["error"]["param"] == "model"


def test_vendors_count_all_the_same(case: Case) -> None:
    case.script({"uncounted-rock": [Reply(body={"inputTokens": 10})]})
    answer = case.post(f"{PATH}?call_endpoint=true", {"model": "uncounted-rock", "messages": [HELLO]})
    case.assert_same_as_recorded()
    assert answer.json["total_tokens"] == 10


def test_a_vendor_that_fails_is_an_error(case: Case) -> None:
    case.script({"uncounted-refused": [status(429)]})
    answer = case.post(f"{PATH}?call_endpoint=true", {"model": "uncounted-refused", "messages": [HELLO]})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 429
    assert answer.json["error"]["type"] == "token_counting_error"


def test_messages_in_anthropics_format_are_not_counted_either(case: Case) -> None:
    answer = case.post("/v1/messages/count_tokens", {"model": "uncounted-four", "messages": [HELLO]})
    case.assert_same_as_recorded(ignore=["body.detail.error.message"])
    assert answer.status == 503
