"""F8: deployments and providers whose budgets are spent serve no more, until their windows are over."""

from collections.abc import Sequence

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow
from fixtures.replies import ok

pytestmark = contract("F8", config="F8/budgets.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-model-group", "x-litellm-attempted-fallbacks"]
SETTLE = 0.4
"""Seconds after which the reference has charged a call."""


def chats(case: Case, model: str, count: int, **fields: object) -> Sequence[Exchange]:
    """Calls one after the other, each charged before the next."""
    answers = []
    for _ in range(count):
        answers.append(case.chat(model, **fields))
        case.wait(SETTLE)
    return answers


def statuses(answers: Sequence[Exchange]) -> list[int]:
    return [answer.status for answer in answers]


def test_a_deployment_whose_budget_is_spent(case: Case) -> None:
    case.script({"upstream-capped": []})
    answers = chats(case, "capped", 3)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert statuses(answers) == [200, 200, 429]
    error = answers[2].json["error"]
    assert (error["type"], error["param"], error["code"]) == ("None", "None", "429")
    assert error["message"].startswith(
        "No deployments available - crossed budget: Exceeded budget for deployment model_name: capped, "
        "litellm_params.model: openai/upstream-capped, model_id: capped-1: "
    )
    assert len(case.journal()) == 2


def test_the_limit_is_told(case: Case) -> None:
    case.script({"upstream-worded": []})
    answers = chats(case, "worded", 3)

    def as_recorded(*answers: Exchange) -> None:
        assert answers[2].json["error"]["message"].endswith(" >= 1d\n")

    def required(*answers: Exchange) -> None:
        assert answers[2].json["error"]["message"].endswith(" >= 0.02\n")

    case.deviates(*answers, as_recorded=as_recorded, required=required)


def test_a_stream_is_refused_as_json(case: Case) -> None:
    case.script({"upstream-streamed": []})
    chats(case, "streamed", 2)
    answer = case.chat("streamed", stream=True)
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert answer.status == 429
    assert answer.headers["content-type"] == "application/json"
    assert len(case.journal()) == 2


@slow("each call is charged before the next")
def test_the_others_of_a_group_serve(case: Case) -> None:
    case.script({"pair-capped": [], "pair-free": []})
    chats(case, "pair", 12)
    last = chats(case, "pair", 4)
    case.assert_same_as_recorded(ignore=["journal"])
    assert statuses(last) == [200] * 4
    models = case.journal().models
    assert models.count("pair-capped") == 1
    assert models[-4:] == ["pair-free"] * 4


def test_a_group_over_its_budget_falls_back(case: Case) -> None:
    case.script({"upstream-falling": [], "upstream-rescue": [ok("rescued")]})
    first, second = chats(case, "falling", 2)
    case.assert_same_as_recorded(headers=HEADERS)
    assert first.headers["x-litellm-attempted-fallbacks"] == "0"
    assert second.headers["x-litellm-attempted-fallbacks"] == "1"
    assert second.headers["x-litellm-model-group"] == "rescue"
    assert second.content == "rescued"
    assert case.journal().models == ["upstream-falling", "upstream-rescue"]


def test_an_alias_over_its_budget_falls_back_by_its_own_list(case: Case) -> None:
    case.script({"upstream-aliased": [], "upstream-rescue": [ok("rescued")]})
    first, second = chats(case, "short-name", 2)
    case.assert_same_as_recorded(headers=HEADERS)
    assert (first.status, second.content) == (200, "rescued")
    assert case.journal().models == ["upstream-aliased", "upstream-rescue"]


@slow("waits for the end of a window")
def test_a_window_ends(case: Case) -> None:
    case.script({"upstream-brief": []})
    answers = chats(case, "brief", 2)
    case.wait(3.2)
    again = case.chat("brief")
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert [*statuses(answers), again.status] == [200, 429, 200]


def test_dollars_without_a_window_are_no_budget(case: Case) -> None:
    case.script({"upstream-unlimited": []})
    answers = chats(case, "unlimited", 3)
    case.assert_same_as_recorded()
    assert statuses(answers) == [200] * 3


@slow("the reference waits before it tries again")
def test_a_refusal_is_not_tried_again(case: Case) -> None:
    case.script({"upstream-retried": []})
    chats(case, "retried", 1)
    refused = case.chat("retried", num_retries=1, options={"taped": True})

    def as_recorded(refused: Exchange) -> None:
        assert refused.status == 429
        assert refused.seconds > 0.5

    def required(refused: Exchange) -> None:
        assert refused.status == 429
        assert refused.seconds < 0.5

    case.deviates(refused, as_recorded=as_recorded, required=required)


def test_a_provider_whose_budget_is_spent(case: Case) -> None:
    case.script({"upstream-sought": []})
    before = case.get("/provider/budgets")
    answers = chats(case, "sought", 2)
    after = case.get("/provider/budgets")
    case.assert_same_as_recorded(
        ignore=["body.error.message", "body.providers.*.budget_reset_at", "body.providers.openai"]
    )
    assert statuses(answers) == [200, 429]
    assert answers[1].json["error"]["message"] == (
        "No deployments available - crossed budget: Exceeded budget for provider deepseek: 0.015 >= 0.01\n"
    )
    assert before.json["providers"]["deepseek"]["spend"] == 0.0
    budget = after.json["providers"]["deepseek"]
    assert (budget["budget_limit"], budget["time_period"], budget["spend"]) == (0.01, "1d", 0.015)
