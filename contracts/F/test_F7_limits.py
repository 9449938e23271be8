"""F7: a batch is counted before it is made: its requests, and the tokens of their messages."""

from typing import Any

import pytest

from contracts.F.filing import TWO, batch_of, line, lines, upload
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, status

pytestmark = contract("F7", config="F7/batches.yaml")

RESETS = ["body.error.message"]


def made_key(case: Case, **limits: Any) -> str:
    key: str = case.post("/key/generate", {"key_alias": f"{case.setup.name}-key", **limits}).json["key"]
    return key


def test_a_batch_within_its_limit(case: Case) -> None:
    case.script({"small-batch": []})
    key = made_key(case, rpm_limit=3)
    file = upload(case, "small-batch").json["id"]
    answer = case.post("/v1/batches", batch_of(file), key=key)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert [call.method for call in case.journal()] == ["POST", "GET", "POST"]


def test_a_second_batch_of_more_requests_than_are_left(case: Case) -> None:
    case.script({"twice-batch": []})
    key = made_key(case, rpm_limit=3)
    file = upload(case, "twice-batch").json["id"]
    first = case.post("/v1/batches", batch_of(file), key=key)
    answer = case.post("/v1/batches", batch_of(file), key=key)
    case.assert_same_as_recorded(ignore=RESETS)
    assert [first.status, answer.status] == [200, 429]
    said = "Batch contains 2 requests but only 1 requests remaining out of 3 RPM limit."
    assert said in answer.json["error"]["message"]
    assert answer.json["error"]["message"].startswith("Batch rate limit exceeded for api_key: ")
    assert case.journal().paths.count("/u/house/v1/batches") == 1


def test_more_tokens_than_are_left(case: Case) -> None:
    case.script({"wordy-batch": []})
    key = made_key(case, tpm_limit=10)
    file = upload(case, "wordy-batch").json["id"]
    answer = case.post("/v1/batches", batch_of(file), key=key)
    case.assert_same_as_recorded(ignore=RESETS)
    assert answer.status == 429
    said = "Batch contains 16 tokens but only 10 tokens remaining out of 10 TPM limit."
    assert said in answer.json["error"]["message"]
    assert case.journal().paths.count("/u/house/v1/batches") == 0


@pytest.mark.parametrize("limits", [{"rpm_limit": 1}, {"tpm_limit": 15}], ids=["requests", "tokens"])
def test_headers_say_when_to_come_again(case: Case, limits: dict[str, int]) -> None:
    """The reference forgets them on the way."""
    case.script({"early-batch": []})
    key = made_key(case, **limits)
    answer = case.post("/v1/batches", batch_of(upload(case, "early-batch").json["id"]), key=key)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 429
        assert "retry-after" not in answer.headers

    def required(answer: Exchange) -> None:
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert answer.headers["rate_limit_type"] == ("requests" if "rpm_limit" in limits else "tokens")

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_caller_without_limits(case: Case) -> None:
    case.script({"free-batch": []})
    answer = case.post("/v1/batches", batch_of(upload(case, "free-batch").json["id"]), key=made_key(case))
    case.assert_same_as_recorded(ignore=["journal"])
    assert answer.status == 200


def test_an_empty_file(case: Case) -> None:
    case.script({"blank-batch": []})
    key = made_key(case, rpm_limit=1)
    file = upload(case, "blank-batch", b"").json["id"]
    answer = case.post("/v1/batches", batch_of(file), key=key)
    case.assert_same_as_recorded()
    assert answer.status == 200


def test_what_counts(case: Case) -> None:
    """Messages count as those of a chat do; prompts and inputs do not in the reference."""
    case.script({"mixed-batch": []})
    key = made_key(case, tpm_limit=9)
    file = upload(
        case,
        "mixed-batch",
        lines(
            line("one", tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]),
            {"custom_id": "two", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "hello"}},
            {
                "custom_id": "three",
                "method": "POST",
                "url": "/v1/completions",
                "body": {"model": "m", "prompt": "hello"},
            },
            line("four", "claude-3-5-sonnet-20240620"),
        ),
    ).json["id"]
    answer = case.post("/v1/batches", batch_of(file), key=key)
    case.assert_same_as_recorded(ignore=RESETS)
    assert answer.status == 429

    def as_recorded(answer: Exchange) -> None:
        assert "Batch contains 16 tokens" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert "Batch contains 18 tokens" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("holder", ["team", "user", "end_user"])
def test_limits_of_others_than_the_key(case: Case, holder: str) -> None:
    case.script({"held-batch": []})
    fields: dict[str, Any] = {}
    if holder == "team":
        fields = {"team_id": case.post("/team/new", {"team_id": f"filing-{holder}", "rpm_limit": 1}).json["team_id"]}
    elif holder == "user":
        user = {"user_id": f"filing-{holder}", "rpm_limit": 1, "auto_create_key": False}
        fields = {"user_id": case.post("/user/new", user).json["user_id"]}
    else:
        case.post("/budget/new", {"budget_id": "filing-budget", "rpm_limit": 1})
        case.post("/customer/new", {"user_id": "filing-customer", "budget_id": "filing-budget"})
    key = made_key(case, **fields)
    file = upload(case, "held-batch").json["id"]
    answer = case.post(
        "/v1/batches", batch_of(file, **({"user": "filing-customer"} if holder == "end_user" else {})), key=key
    )
    case.assert_same_as_recorded(ignore=RESETS)
    assert answer.status == 429
    assert f"exceeded for {holder}" in answer.json["error"]["message"]


def test_chats_and_batches_share_a_limit(case: Case) -> None:
    """In the reference the first chat after a batch begins a new minute, and forgets the batch."""
    case.script({"shared-batch": [], "talked-upstream": []})
    key = made_key(case, rpm_limit=2)
    case.post("/v1/batches", batch_of(upload(case, "shared-batch").json["id"]), key=key)
    answer = case.chat("talked-group", options={"key": key})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 429

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_file_that_cannot_be_fetched(case: Case) -> None:
    case.script({"torn-batch": [Reply(), status(404), Reply()]})
    key = made_key(case, rpm_limit=1)
    file = upload(case, "torn-batch").json["id"]
    answer = case.post("/v1/batches", batch_of(file), key=key)
    case.assert_same_as_recorded()
    assert answer.status == 200


@pytest.mark.parametrize(
    "content",
    [b'{"custom_id": "one"}\n{"custom_id": \n', b"[1]\n", TWO + b"\xff\n", b'{"body": {"messages": 7}}\n'],
    ids=["cut", "no-object", "no-text", "no-messages"],
)
def test_a_file_that_is_no_batch(case: Case, content: bytes) -> None:
    """The reference counts nothing of it, and makes the batch."""
    case.script({"odd-batch": []})
    key = made_key(case, rpm_limit=1)
    answer = case.post("/v1/batches", batch_of(upload(case, "odd-batch", content).json["id"]), key=key)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "line " in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("holder", ["model", "id"])
def test_the_file_of_a_model_is_counted(case: Case, holder: str) -> None:
    """The reference looks for it in the account of the environment, finds none, and counts nothing."""
    case.script({"owned-batch": []})
    key = made_key(case, rpm_limit=1)
    coded = upload(case, "owned-batch", fields={"model": "stacked-group"}).json["id"]
    body = batch_of(coded) if holder == "id" else batch_of("file-up:owned-batch", model="stacked-group")
    answer = case.post("/v1/batches", body, key=key)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 429
        assert "Batch contains 2 requests but only 1" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)
