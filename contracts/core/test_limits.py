"""What keys, and those they belong to, may ask for in a minute and at the same time."""

import re
from hashlib import sha256
from typing import Any

import pytest

from contracts.core.test_virtual_keys import generated
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok, status, stream

pytestmark = contract("core", config="core/limits.yaml")

REFUSED = re.compile(
    r"Rate limit exceeded for (?P<scope>\w+): (?P<id>.+)\. Limit type: (?P<unit>\w+)\. Current limit: (?P<limit>-?\d+), "
    r"Remaining: 0\. Limit resets at: 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"
)
COMPARED = ["rate_limit_type", "x-litellm-call-id"]


def left(answer: Exchange, scope: str, unit: str) -> tuple[str, str]:
    """What an answer says of a limit: what it is, and what is left of it."""
    prefix = f"x-ratelimit-{scope}"
    return answer.headers[f"{prefix}-limit-{unit}"], answer.headers[f"{prefix}-remaining-{unit}"]


def refusal(answer: Exchange) -> dict[str, str]:
    """What a refusal says."""
    error = answer.json["error"]
    found = REFUSED.fullmatch(error["message"])
    assert found, error
    assert answer.status == 429
    assert (error["type"], error["param"], error["code"]) == ("None", "None", "429")
    assert answer.headers["rate_limit_type"] == found["unit"]
    assert 0 < int(answer.headers["retry-after"]) <= 60
    return found.groupdict()


def refused(scope: str, name: str, unit: str = "requests", limit: int = 1) -> dict[str, str]:
    """What it should say."""
    return {"scope": scope, "id": name, "unit": unit, "limit": str(limit)}


def hashed(key: str) -> str:
    """How a key is shown."""
    return sha256(key.encode()).hexdigest()


def asked(case: Case, key: str, times: int, **body: Any) -> list[Exchange]:
    """Answers of one call after the other; in between there is time for counting tokens."""
    answers = []
    for _ in range(times):
        answers.append(case.chat("lim-used", options={"key": key}, **body))
        case.wait(0.2)
    return answers


def test_requests_of_a_key(case: Case) -> None:
    case.script({"lim-used-up": []})
    key = generated(case, rpm_limit=2)
    answers = asked(case, key, 3)
    case.assert_same_as_recorded(
        headers=[*COMPARED, "x-ratelimit-api_key-limit-requests", "x-ratelimit-api_key-remaining-requests"]
    )
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [left(answer, "api_key", "requests") for answer in answers[:2]] == [("2", "1"), ("2", "0")]
    assert refusal(answers[2]) == refused("api_key", hashed(key), limit=2)
    assert case.journal().models == ["lim-used-up"] * 2


def test_tokens_of_a_key(case: Case) -> None:
    case.script({"lim-used-up": []})
    key = generated(case, tpm_limit=20)
    answers = asked(case, key, 3)
    case.assert_same_as_recorded(
        headers=[*COMPARED, "x-ratelimit-api_key-limit-tokens", "x-ratelimit-api_key-remaining-tokens"]
    )
    assert [left(answer, "api_key", "tokens") for answer in answers[:2]] == [("20", "19"), ("20", "3")]
    assert refusal(answers[2]) == refused("api_key", hashed(key), "tokens", 20)


def streamed(case: Case, key: str, **body: Any) -> list[Exchange]:
    """Three streams, one after the other."""
    answers = []
    for _ in range(3):
        answers.append(case.stream("lim-used", options={"key": key}, **body))
        case.wait(0.2)
    return answers


def test_tokens_of_streams_that_tell_no_usage(case: Case) -> None:
    case.script({"lim-used-up": []})
    answers = streamed(case, generated(case, tpm_limit=20))
    case.assert_same_as_recorded(headers=COMPARED)
    assert [answer.status for answer in answers] == [200, 200, 429]


def test_tokens_of_streams(case: Case) -> None:
    case.script({"lim-used-up": []})
    key = generated(case, tpm_limit=20)
    answers = streamed(case, key, stream_options={"include_usage": True})
    case.assert_same_as_recorded(headers=COMPARED)
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert not [name for name in answers[0].headers if name.startswith("x-ratelimit")]
    assert refusal(answers[2]) == refused("api_key", hashed(key), "tokens", 20)


def test_tokens_from_a_vendors_cache_do_not_count(case: Case) -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    case.script({"lim-used-up": [ok(usage=usage)]})
    answers = asked(case, generated(case, tpm_limit=20), 2)
    case.assert_same_as_recorded(headers=["x-ratelimit-api_key-remaining-tokens"])
    assert left(answers[1], "api_key", "tokens") == ("20", "11")


def test_parallel_calls_of_a_key(case: Case) -> None:
    case.script({"lim-slow-up": [ok().slow(1.0), ok()]})
    key = generated(case, max_parallel_requests=1)

    def first() -> Exchange:
        return case.chat("lim-slow", options={"key": key})

    def second() -> Exchange:
        case.wait(0.5)
        return first()

    answers = case.concurrently([first, second])
    case.wait(1.0)
    answers.append(first())
    case.assert_same_as_recorded(headers=COMPARED)
    assert [answer.status for answer in answers] == [200, 429, 200]
    assert left(answers[0], "api_key", "max_parallel_requests") == ("1", "0")
    assert refusal(answers[1]) == refused("api_key", hashed(key), "max_parallel_requests")


def test_parallel_streams_of_a_key(case: Case) -> None:
    case.script({"lim-slow-up": [stream(["one ", "two ", "three "], pace=0.4), ok()]})
    key = generated(case, max_parallel_requests=1)

    def second() -> Exchange:
        case.wait(0.5)
        return case.chat("lim-slow", options={"key": key})

    streamed = lambda: case.stream("lim-slow", options={"key": key})  # noqa: E731
    answers = [*case.concurrently([streamed, second]), case.chat("lim-slow", options={"key": key})]
    case.assert_same_as_recorded(headers=COMPARED)
    assert [answer.status for answer in answers] == [200, 429, 200]


def test_calls_that_fail_give_their_place_back_and_count(case: Case) -> None:
    case.script({"lim-used-up": [status(500)]})
    key = generated(case, rpm_limit=2, max_parallel_requests=1)
    answers = asked(case, key, 3)
    case.assert_same_as_recorded(headers=COMPARED)
    assert [answer.status for answer in answers] == [500, 500, 429]
    assert refusal(answers[2])["unit"] == "requests"


def test_requests_for_one_model(case: Case) -> None:
    case.script({"lim-used-up": [], "lim-other-up": []})
    key = generated(case, model_rpm_limit={"lim-used": 1}, model_tpm_limit={"lim-used": 100, "lim-spare": 1})
    answers = [*asked(case, key, 2), case.chat("lim-other", options={"key": key})]
    case.assert_same_as_recorded(
        headers=[*COMPARED, *(f"x-ratelimit-model_per_key-remaining-{unit}" for unit in ("requests", "tokens"))]
    )
    assert [answer.status for answer in answers] == [200, 429, 200]
    assert left(answers[0], "model_per_key", "tokens") == ("100", "99")
    assert refusal(answers[1]) == refused("model_per_key", f"{hashed(key)}:lim-used")


def test_a_refused_call_has_no_fallback(case: Case) -> None:
    case.script({"lim-other-up": [], "lim-spare-up": []})
    key = generated(case, model_rpm_limit={"lim-other": 1})
    answers = [case.chat("lim-other", options={"key": key}) for _ in range(2)]
    case.assert_same_as_recorded(headers=COMPARED)
    assert [answer.status for answer in answers] == [200, 429]
    assert case.journal().models == ["lim-other-up"]


def test_a_budget_that_two_keys_have(case: Case) -> None:
    case.script({"lim-used-up": []})
    case.post("/budget/new", {"budget_id": "lim-budget", "rpm_limit": 1, "max_budget": 100})
    keys = [generated(case, budget_id="lim-budget") for _ in range(2)]
    answers = [*asked(case, keys[0], 2), *asked(case, keys[1], 1)]
    case.assert_same_as_recorded(headers=COMPARED)
    assert refusal(answers[1]) == refused("api_key", hashed(keys[0]))
    assert answers[2].status == 200


def test_a_user_with_two_keys(case: Case) -> None:
    case.script({"lim-used-up": []})
    case.post("/user/new", {"user_id": "lim-user", "rpm_limit": 1, "tpm_limit": 1000, "auto_create_key": False})
    answers = [answer for _ in range(2) for answer in asked(case, generated(case, user_id="lim-user"), 1)]
    case.assert_same_as_recorded(headers=[*COMPARED, "x-ratelimit-user-remaining-tokens"])
    assert left(answers[0], "user", "requests") == ("1", "0")
    assert refusal(answers[1]) == refused("user", "lim-user")


def test_a_team_with_two_keys(case: Case) -> None:
    case.script({"lim-used-up": []})
    case.post("/team/new", {"team_id": "lim-team", "rpm_limit": 1, "tpm_limit": 1000})
    answers = [answer for _ in range(2) for answer in asked(case, generated(case, team_id="lim-team"), 1)]
    case.assert_same_as_recorded(headers=[*COMPARED, "x-ratelimit-team-remaining-tokens"])
    assert left(answers[0], "team", "requests") == ("1", "0")
    assert refusal(answers[1]) == refused("team", "lim-team")


def test_a_member_of_a_team(case: Case) -> None:
    case.script({"lim-used-up": []})
    case.post("/user/new", {"user_id": "lim-member", "auto_create_key": False})
    case.post("/team/new", {"team_id": "lim-of-members"})
    member = {"role": "user", "user_id": "lim-member"}
    case.post("/team/member_add", {"team_id": "lim-of-members", "member": member, "max_budget_in_team": 100})
    case.post("/team/member_update", {"team_id": "lim-of-members", "user_id": "lim-member", "rpm_limit": 1})
    answers = asked(case, generated(case, team_id="lim-of-members", user_id="lim-member"), 2)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert refusal(answer) == refused("team_member", "lim-of-members:lim-member")

    case.deviates(answers[1], as_recorded=as_recorded, required=required)


def test_an_organization(case: Case) -> None:
    case.script({"lim-used-up": []})
    made = case.post("/organization/new", {"organization_alias": "lim-organized", "rpm_limit": 1, "models": []})
    name = made.json["organization_id"]
    answers = asked(case, generated(case, organization_id=name), 2)
    case.assert_same_as_recorded(headers=COMPARED)
    assert refusal(answers[1]) == refused("organization", name)


def test_a_customer(case: Case) -> None:
    case.script({"lim-used-up": []})
    case.post("/customer/new", {"user_id": "lim-customer", "rpm_limit": 1})
    key = generated(case)

    def called(customer: str) -> Exchange:
        return case.chat("lim-used", options={"key": key, "headers": {"x-litellm-customer-id": customer}})

    answers = [called("lim-customer"), called("lim-customer")]
    other = called("lim-other-customer")
    case.assert_same_as_recorded(headers=COMPARED)
    assert refusal(answers[1]) == refused("end_user", "lim-customer")
    assert other.status == 200


@pytest.mark.parametrize("endpoint", ["completions", "embeddings", "messages", "responses"])
def test_other_endpoints(case: Case, endpoint: str) -> None:
    case.script({"lim-used-up": []})
    plain = endpoint in ("completions", "messages")
    bodies: dict[str, dict[str, Any]] = {
        "completions": {"prompt": "Hello"},
        "embeddings": {"input": "Hello"},
        "messages": {"max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]},
        "responses": {"input": "Hello"},
    }
    key = generated(case, rpm_limit=1)
    answers = [case.post(f"/v1/{endpoint}", {"model": "lim-used", **bodies[endpoint]}, key=key) for _ in range(2)]
    case.assert_same_as_recorded(headers=["x-ratelimit-api_key-remaining-requests"] if endpoint != "messages" else [])
    assert [answer.status for answer in answers] == [200, 429]
    assert answers[1].json["error"]["message"].startswith("429: " if plain else "Rate limit exceeded")


def test_a_limit_that_is_raised(case: Case) -> None:
    case.script({"lim-used-up": []})
    key = generated(case, rpm_limit=1)
    before = asked(case, key, 2)
    case.post("/key/update", {"key": key, "rpm_limit": 5})
    after = asked(case, key, 1)
    case.assert_same_as_recorded(headers=COMPARED, ignore=["body.last_active"])
    assert [answer.status for answer in (*before, *after)] == [200, 429, 200]


def test_a_dynamic_limit_only_counts_while_the_model_fails(case: Case) -> None:
    case.script({"lim-failing-up": [ok(), ok(), ok(), status(500), status(500), status(500), ok()]})
    key = generated(case, rpm_limit=1, rpm_limit_type="dynamic")
    answers = [case.chat("lim-failing", options={"key": key}) for _ in range(8)]
    case.assert_same_as_recorded(headers=COMPARED)
    assert [answer.status for answer in answers[:5]] == [200, 200, 200, 500, 500]
    assert answers[-1].status == 429
    assert refusal(answers[-1]) == refused("api_key", hashed(key))


def test_a_limit_of_nothing(case: Case) -> None:
    answer = asked(case, generated(case, rpm_limit=0), 1)[0]
    case.assert_same_as_recorded(headers=COMPARED)
    assert refusal(answer)["limit"] == "0"


def test_a_teams_limit_for_one_model(case: Case) -> None:
    case.script({"lim-used-up": []})
    case.post("/team/new", {"team_id": "lim-of-models", "model_rpm_limit": {"lim-used": 2}})
    answers = asked(case, generated(case, team_id="lim-of-models"), 3)

    def as_recorded(answer: Exchange) -> None:
        assert refusal(answer) == refused("model_per_team", "lim-of-models:lim-used", limit=2)

    def required(answer: Exchange) -> None:
        assert answer.status == 200

    case.deviates(answers[1], as_recorded=as_recorded, required=required)
    assert refusal(answers[2]) == refused("model_per_team", "lim-of-models:lim-used", limit=2)


def test_a_refusal_says_how_long_it_lasts(case: Case) -> None:
    case.script({"lim-used-up": []})
    key = generated(case, rpm_limit=1)
    asked(case, key, 1)
    case.wait(2.0)
    answer = asked(case, key, 1)[0]

    def as_recorded(answer: Exchange) -> None:
        assert answer.headers["retry-after"] == "60"

    def required(answer: Exchange) -> None:
        assert 0 < int(answer.headers["retry-after"]) <= 58

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("holder", ["user", "customer"])
def test_parallel_calls_of_others_than_keys(case: Case, holder: str) -> None:
    name = f"lim-parallel-{holder}"
    case.script({"lim-slow-up": [ok().slow(1.0), ok()]})
    case.post(f"/{holder}/new", {"user_id": name, "max_parallel_requests": 1})
    key = generated(case, **({"user_id": name} if holder == "user" else {}))
    body = {"user": name} if holder == "customer" else {}

    def first() -> Exchange:
        return case.chat("lim-slow", options={"key": key}, **body)

    def second() -> Exchange:
        case.wait(0.5)
        return first()

    answers = case.concurrently([first, second])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        scope = "end_user" if holder == "customer" else "user"
        assert refusal(answer) == refused(scope, name, "max_parallel_requests")

    case.deviates(answers[1], as_recorded=as_recorded, required=required)
