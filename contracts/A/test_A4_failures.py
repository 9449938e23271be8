"""A4: when nobody answers, the client learns of the first failure and of the last; groups that cool down."""

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import status

pytestmark = contract("A4", config="A4/order.yaml")

HEADERS = [
    "x-litellm-call-id",
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
    "x-litellm-max-retries",
    "x-litellm-response-cost",
    "x-litellm-key-spend",
]


def test_the_first_failure_gives_the_status_and_the_last_is_quoted(case: Case) -> None:
    case.script({"fail-a": [status(500)], "fail-b": [status(503)], "fail-c": [status(429)]})
    answer = case.chat("fail-a")
    case.assert_same_as_recorded(headers=HEADERS)
    error = answer.json["error"]
    assert (answer.status, error["code"], error["type"], error["param"]) == (500, "500", None, None)
    assert "OpenAIException - upstream says 500. Received Model Group=fail-a" in error["message"]
    assert "Available Model Group Fallbacks=['fail-b', 'fail-c']" in error["message"]
    assert "Error doing the fallback: litellm.RateLimitError" in error["message"]
    assert "upstream says 429" in error["message"]
    assert "upstream says 503" not in error["message"]
    assert case.journal().models == ["fail-a", "fail-b", "fail-c"]


def test_a_client_error_stays_one_when_a_fallback_fails_otherwise(case: Case) -> None:
    case.script({"fail-a": [status(422, code="odd", param="top_p")], "fail-b": [status(500)], "fail-c": [status(502)]})
    answer = case.chat("fail-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 422
    assert answer.json["error"]["param"] == "top_p"
    assert case.journal().models == ["fail-a", "fail-b", "fail-c"]


def test_no_error_shows_the_key_of_a_vendor(case: Case) -> None:
    refusal = status(401, message="Incorrect API key provided: sk-second")
    case.script({"keys-a": [status(500)], "keys-b": [refusal]})
    answer = case.chat("keys-a")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "Incorrect API key provided: sk-second" in answer.text

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "Incorrect API key provided" in answer.text
        assert "sk-second" not in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_text_completions_tell_the_same(case: Case) -> None:
    case.script({"prompt-a": [status(503)], "prompt-b": [status(429)]})
    answer = case.completion("prompt-a")
    case.assert_same_as_recorded()
    assert answer.status == 503
    assert "Error doing the fallback: " in answer.json["error"]["message"]
    assert case.journal().models == ["prompt-a", "prompt-b"]


def test_embeddings_tell_the_same(case: Case) -> None:
    case.script({"vector-a": [status(400)], "vector-b": [status(422)]})
    answer = case.embed("vector-a")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Error doing the fallback: " in answer.json["error"]["message"]
    assert case.journal().models == ["vector-a", "vector-b"]


def test_a_group_that_cools_down_goes_straight_to_its_fallback(case: Case) -> None:
    case.script({"cooled-a1": [status(401)], "cooled-a2": [status(401)], "cooled-b": []})
    answers = [case.chat("cooled-a") for _ in range(3)]
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks", "x-litellm-model-group"], ignore=["journal"])
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [answer.headers["x-litellm-attempted-fallbacks"] for answer in answers] == ["1", "1", "1"]
    models = case.journal().models
    assert sorted(models[0:3:2]) == ["cooled-a1", "cooled-a2"]
    assert models[1::2][:2] == ["cooled-b", "cooled-b"]
    assert models[4:] == ["cooled-b"]


def test_a_fallback_that_cools_down_does_not_change_the_status(case: Case) -> None:
    case.script({"quiet-a": [status(500)], "quiet-b1": [status(401)], "quiet-b2": [status(401)]})
    case.chat("quiet-b")
    case.chat("quiet-b")
    answer = case.chat("quiet-a")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 429
        assert "No deployments available for selected model" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert "upstream says 500" in answer.json["error"]["message"]
        assert "No deployments available for selected model" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_one_clients_404_does_not_shut_the_only_deployment(case: Case) -> None:
    case.script({"lone-a": [status(404), status(401), status(500)], "lone-b": []})
    for _ in range(3):
        case.chat("lone-a")

    def as_recorded() -> None:
        assert case.journal().models == ["lone-a", "lone-b", "lone-b", "lone-b"]

    def required() -> None:
        assert case.journal().models == ["lone-a", "lone-b"] * 3

    case.deviates(as_recorded=as_recorded, required=required)
