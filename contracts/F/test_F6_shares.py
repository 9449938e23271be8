"""F6, ``dynamic_rate_limiter_v3``: shares of a model by the priority of who calls."""

from contracts.core.test_virtual_keys import generated
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("F6", config="F6/shares.yaml")

OF_PRIORITY = ["x-litellm-priority", "x-litellm-saturation", "x-litellm-rate-limiter-version", "rate_limit_type"]
HEADERS = OF_PRIORITY + [
    f"x-ratelimit-{scope}-{what}-{unit}"
    for scope in ("model_saturation_check", "priority_model")
    for what in ("limit", "remaining")
    for unit in ("requests", "tokens")
]


def keyed(case: Case, priority: str | None) -> str:
    """A key of a priority."""
    return generated(case, metadata={} if priority is None else {"priority": priority})


def called(case: Case, model: str, keys: list[str]) -> list[Exchange]:
    """Answers of one call after the other; in between there is time for counting tokens."""
    answers = []
    for key in keys:
        answers.append(case.chat(model, options={"key": key}))
        case.wait(0.2)
    return answers


def statuses(answers: list[Exchange]) -> list[int]:
    """Of the answers."""
    return [answer.status for answer in answers]


def reason(answer: Exchange) -> str:
    """Why a call is refused."""
    error = answer.json["error"]
    assert (answer.status, error["type"], error["code"]) == (429, "None", "429")
    assert 0 < int(answer.headers["retry-after"]) <= 60
    text: str = error["message"]
    return text


def test_a_share_may_be_exceeded_until_the_model_is_saturated(case: Case) -> None:
    case.script({"shr-borrowed-up": []})
    answers = called(case, "shr-borrowed", [keyed(case, "dev")] * 6)
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200] * 5 + [429]
    left = [answer.headers["x-ratelimit-priority_model-remaining-requests"] for answer in answers[:5]]
    assert left == ["1", "0", "-1", "-1", "-1"]
    assert reason(answers[5]) == (
        "{'error': 'Priority-based rate limit exceeded. Priority: dev, Rate limit type: requests, Remaining: -1, "
        "Model saturation: 50.0%'}"
    )
    assert answers[5].headers["x-litellm-saturation"] == "50.00%"


def test_a_share_is_kept_for_its_priority(case: Case) -> None:
    case.script({"shr-kept-up": []})
    dev, prod = keyed(case, "dev"), keyed(case, "prod")
    answers = called(case, "shr-kept", [dev] * 6 + [prod] * 3)
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200] * 5 + [429] + [200] * 3
    assert answers[-1].headers["x-litellm-priority"] == "prod"
    assert answers[-1].headers["x-ratelimit-model_saturation_check-remaining-requests"] == "2"


def test_callers_without_a_share_have_one_in_common(case: Case) -> None:
    case.script({"shr-common-up": []})
    first, second, unknown = keyed(case, None), keyed(case, None), keyed(case, "staging")
    answers = called(case, "shr-common", [first, second, unknown, first, second, first, unknown])
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200] * 5 + [429] * 2
    assert "Priority: None, Rate limit type: requests, Remaining: -1" in reason(answers[5])
    assert answers[5].headers["x-litellm-priority"] == "default"
    assert "Priority: staging, Rate limit type: requests, Remaining: -1" in reason(answers[6])


def test_the_priority_of_a_team_counts_before_that_of_its_key(case: Case) -> None:
    case.script({"shr-team-up": []})
    case.post("/team/new", {"team_id": "shr-team", "metadata": {"priority": "prod"}})
    key = generated(case, team_id="shr-team", metadata={"priority": "dev"})
    answer = called(case, "shr-team", [key])[0]
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-priority"] == "prod"
    assert answer.headers["x-ratelimit-priority_model-limit-requests"] == "6"


def test_deployments_are_summed(case: Case) -> None:
    case.script({"shr-summed-up": []})
    answer = called(case, "shr-summed", [keyed(case, "dev")])[0]
    case.assert_same_as_recorded(headers=[header for header in HEADERS if header != "x-litellm-model-id"])
    assert answer.headers["x-ratelimit-model_saturation_check-limit-requests"] == "4"


def test_tokens_of_a_share(case: Case) -> None:
    case.script({"shr-worded-up": []})
    dev, prod = keyed(case, "dev"), keyed(case, "prod")
    answers = called(case, "shr-worded", [dev, prod, prod, prod, prod])
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200] * 4 + [429]
    limits = [answer.headers["x-ratelimit-priority_model-limit-tokens"] for answer in answers[:2]]
    assert limits == ["76", "23"]
    assert "Priority: prod, Rate limit type: tokens, Remaining: -24, Model saturation: 64.0%" in reason(answers[4])


def test_a_model_that_is_full_refuses_everybody(case: Case) -> None:
    case.script({"shr-full-up": []})
    dev, prod = keyed(case, "dev"), keyed(case, "prod")
    answers = called(case, "shr-full", [dev, prod, dev])
    case.assert_same_as_recorded(headers=HEADERS)
    assert reason(answers[1]) == (
        "{'error': 'Model capacity reached for shr-full. Priority: prod, Rate limit type: tokens, Remaining: -6'}"
    )
    assert answers[2].headers["x-litellm-priority"] == "dev"


def test_other_endpoints(case: Case) -> None:
    case.script({"shr-others-up": []})
    key = keyed(case, "dev")
    called(case, "shr-others", [key])
    answers = [
        case.embed("shr-others", options={"key": key}),
        case.completion("shr-others", options={"key": key}),
        case.stream("shr-others", options={"key": key}),
    ]
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert statuses(answers) == [429] * 3
    assert all("Model capacity reached for shr-others" in answer.json["error"]["message"] for answer in answers)


def test_streams(case: Case) -> None:
    case.script({"shr-streamed-up": []})
    key = keyed(case, "prod")
    stream = case.stream("shr-streamed", stream_options={"include_usage": True}, options={"key": key})
    case.wait(0.5)
    answer = case.chat("shr-streamed", options={"key": key})
    case.assert_same_as_recorded(headers=HEADERS)
    assert stream.status == 200
    assert "x-litellm-priority" not in stream.headers
    assert "Rate limit type: tokens, Remaining: -6" in reason(answer)


def test_a_model_without_limits(case: Case) -> None:
    case.script({"shr-free-up": []})
    answers = called(case, "shr-free", [keyed(case, "dev"), keyed(case, None)])
    case.assert_same_as_recorded(headers=HEADERS)
    assert statuses(answers) == [200, 200]
    assert [answer.headers["x-litellm-priority"] for answer in answers] == ["dev", "default"]


def test_the_limits_of_a_key_count_too(case: Case) -> None:
    case.script({"shr-own-up": []})
    key = generated(case, rpm_limit=1, metadata={"priority": "prod"})
    answers = called(case, "shr-own", [key, key, keyed(case, "prod")])
    case.assert_same_as_recorded(headers=["rate_limit_type", "x-litellm-priority"])
    assert statuses(answers) == [200, 429, 200]
    assert reason(answers[1]).startswith("Rate limit exceeded for api_key: ")


def test_a_model_lets_as_many_calls_through_as_its_limit_says(case: Case) -> None:
    case.script({"shr-exact-up": []})
    prod, dev = keyed(case, "prod"), keyed(case, "dev")
    answers = called(case, "shr-exact", [prod, prod, dev, dev, dev])
    assert statuses(answers[:3]) == [200] * 3

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert "Model capacity reached for shr-exact. Priority: dev" in reason(answer)

    case.deviates(answers[3], as_recorded=as_recorded, required=required)
    assert "Model capacity reached for shr-exact. Priority: dev" in reason(answers[4])
