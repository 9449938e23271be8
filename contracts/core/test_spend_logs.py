"""What is stored of a call once it has ended: who made it, what it used and cost, and how it went."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from contracts.spending import answer, chunks, logged, new_key
from fixtures.replies import status

pytestmark = contract("core", config="D1/spend.yaml")

UNLIKE = ("body[0].metadata.error_information.traceback", "body[0].metadata.error_information.error_message")
SAID = ("body[0].metadata.usage_object.*_details", "body[0].metadata.additional_usage_values*")
"""Details of tokens that a vendor did not tell."""


def test_a_chat(case: Case) -> None:
    case.script({"priced-upstream": [answer("plain")]})
    key = new_key(case, "logged-chat")
    case.chat("priced-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded()
    [row] = found.json
    assert row["request_id"] == "chatcmpl-plain"
    assert (row["status"], row["call_type"], row["model_id"]) == ("success", "acompletion", "priced-1")
    assert row["spend"] == 10 * 0.001 + 5 * 0.002
    assert row["metadata"]["cost_breakdown"]["input_cost"] == 0.01
    assert row["messages"] == row["response"] == {}


def test_a_stream(case: Case) -> None:
    case.script({"streamed-upstream": [chunks("streamed")]})
    key = new_key(case, "logged-stream")
    streamed = case.stream("streamed-group", options={"key": key}, stream_options={"include_usage": True})
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=[*SAID, "body[0].metadata.model_map_information*"])
    assert streamed.content == "Paid"
    [row] = found.json
    assert (row["prompt_tokens"], row["completion_tokens"], row["spend"]) == (10, 5, 0.02)
    assert row["request_id"] == "chatcmpl-streamed"


def test_the_tokens_of_a_cache_and_of_thoughts(case: Case) -> None:
    usage = {
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }
    case.script({"priced-upstream": [answer("detailed", **usage)]})
    key = new_key(case, "logged-details")
    case.chat("priced-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded()
    [row] = found.json
    assert row["spend"] == pytest.approx(6 * 0.001 + 4 * 0.0005 + 3 * 0.002 + 2 * 0.004)
    assert row["metadata"]["usage_object"]["prompt_tokens_details"]["cached_tokens"] == 4
    assert row["metadata"]["usage_object"]["completion_tokens_details"]["reasoning_tokens"] == 2


def test_an_embedding(case: Case) -> None:
    case.script({"vector-upstream": []})
    key = new_key(case, "logged-embedding")
    case.embed("vector-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded()
    [row] = found.json
    assert (row["call_type"], row["model_group"]) == ("aembedding", "vector-group")
    assert row["completion_tokens"] == 0


def test_a_text_completion(case: Case) -> None:
    case.script({"texts-upstream": []})
    key = new_key(case, "logged-completion")
    case.completion("texts-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded()
    [row] = found.json
    assert (row["call_type"], row["spend"]) == ("atext_completion", 0.02)


def test_a_message(case: Case) -> None:
    case.script({"message-upstream": []})
    key = new_key(case, "logged-message")
    body = {"model": "message-group", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    case.post("/v1/messages", body, key=key)
    found = logged(case, key)

    def as_recorded(found: Exchange) -> None:
        [row] = found.json
        assert (row["call_type"], row["total_tokens"], row["spend"]) == ("anthropic_messages", 15, 0.0)

    def required(found: Exchange) -> None:
        [row] = found.json
        assert (row["call_type"], row["total_tokens"], row["spend"]) == ("anthropic_messages", 15, 0.02)

    case.deviates(found, as_recorded=as_recorded, required=required)


def test_a_response(case: Case) -> None:
    case.script({"priced-upstream": []})
    key = new_key(case, "logged-response")
    case.post("/v1/responses", {"model": "priced-group", "input": "hi"}, key=key)
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=["body[0].request_id", *SAID])
    [row] = found.json
    assert (row["call_type"], row["spend"]) == ("aresponses", 0.02)


def test_a_vendors_failure(case: Case) -> None:
    case.script({"failing-upstream": [status(500)]})
    key = new_key(case, "logged-failure")
    refused = case.chat("failing-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=UNLIKE)
    assert refused.status == 500
    [row] = found.json
    assert (row["status"], row["spend"]) == ("failure", 0.0)
    error = row["metadata"]["error_information"]
    assert (error["error_code"], error["error_class"]) == ("500", "InternalServerError")
    assert "upstream says 500" in error["error_message"]


def test_a_client_s_mistake(case: Case) -> None:
    case.script({"priced-upstream": []})
    key = new_key(case, "logged-mistake")
    refused = case.chat("no-such-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=UNLIKE)
    assert refused.status == 400
    [row] = found.json
    assert (row["status"], row["model"]) == ("failure", "no-such-group")
    assert "model=no-such-group" in row["metadata"]["error_information"]["error_message"]


def test_a_fallback_is_what_answered(case: Case) -> None:
    case.script({"failing-upstream": [status(500)], "backup-upstream": [answer("backup")]})
    key = new_key(case, "logged-fallback")
    case.chat("failing-group", options={"key": key}, fallbacks=["backup-group"])
    found = case.until(
        lambda: case.get(f"/spend/logs?api_key={key}"),
        lambda found: any(row["status"] == "success" for row in found.json),
    )
    case.assert_same_as_recorded(ignore=["body"])
    [row] = [row for row in found.json if row["status"] == "success"]
    assert (row["model_group"], row["model_id"]) == ("backup-group", "backup-1")


def test_who_called(case: Case) -> None:
    case.script({"priced-upstream": [answer("belonging")]})
    team = case.post("/team/new", {"team_id": "belonging-team", "team_alias": "The belonging"})
    user = case.post("/user/new", {"user_id": "belonging-user", "auto_create_key": False})
    key = new_key(case, "logged-belonging", team_id="belonging-team", user_id="belonging-user")
    case.chat("priced-group", options={"key": key}, user="belonging-customer")
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=["body*", "journal*"])
    assert team.status == user.status == 200
    [row] = found.json
    assert (row["user"], row["team_id"], row["end_user"]) == ("belonging-user", "belonging-team", "belonging-customer")
    assert row["metadata"]["user_api_key_team_alias"] == "The belonging"
    assert row["metadata"]["user_api_key_alias"] == "logged-belonging"


def test_tags_of_a_call(case: Case) -> None:
    case.script({"priced-upstream": [answer("tagged")]})
    key = new_key(case, "logged-tags")
    case.request(
        "POST",
        "/v1/chat/completions",
        json={
            "model": "priced-group",
            "messages": [{"role": "user", "content": "hi"}],
            "metadata": {"tags": ["blue", "green"], "spend_logs_metadata": {"ticket": 7}},
        },
        headers={"user-agent": "shop/1.0"},
        key=key,
    )
    found = logged(case, key)
    case.assert_same_as_recorded()
    [row] = found.json
    assert row["request_tags"] == ["blue", "green", "User-Agent: shop", "User-Agent: shop/1.0"]
    assert row["metadata"]["spend_logs_metadata"] == {"ticket": 7}


def test_a_session(case: Case) -> None:
    case.script({"priced-upstream": [answer("session-1"), answer("session-2")]})
    key = new_key(case, "logged-session")
    case.chat("priced-group", options={"key": key}, litellm_session_id="session-of-two")
    case.chat("priced-group", options={"key": key}, litellm_trace_id="session-of-two")
    found = logged(case, key, rows=2)
    session = case.get("/spend/logs/session/ui?session_id=session-of-two")
    case.assert_same_as_recorded(ignore=["body"])
    assert {row["session_id"] for row in found.json} == {"session-of-two"}
    assert [row["request_id"] for row in session.json["data"]] == ["chatcmpl-session-1", "chatcmpl-session-2"]
    assert session.json["total"] == 2


def test_the_master_key(case: Case) -> None:
    case.script({"priced-upstream": [answer("master")]})
    case.chat("priced-group")
    found = case.until(lambda: case.get("/spend/logs?request_id=chatcmpl-master"), lambda found: len(found.json) > 0)
    case.assert_same_as_recorded()
    [row] = found.json
    assert row["user"] == "default_user_id"
    assert row["api_key"] == "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"


def test_a_public_price(case: Case) -> None:
    key = new_key(case, "logged-public")
    case.chat("public-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=["body"])
    [row] = found.json
    assert row["spend"] == pytest.approx(10 * 0.15e-6 + 5 * 0.6e-6)


def test_a_model_without_a_price(case: Case) -> None:
    case.script({"unpriced-upstream": [answer("unpriced")], "priced-upstream": [answer("after-unpriced")]})
    key = new_key(case, "logged-unpriced")
    case.chat("unpriced-group", options={"key": key})
    case.chat("priced-group", options={"key": key})
    found = case.until(
        lambda: case.get(f"/spend/logs?api_key={key}"),
        lambda found: any(row["request_id"] == "chatcmpl-after-unpriced" for row in found.json),
    )
    case.assert_same_as_recorded(ignore=["body"])
    row = next(row for row in found.json if row["request_id"] == "chatcmpl-unpriced")
    assert (row["spend"], row["total_tokens"], row["status"]) == (0.0, 15, "success")


def test_everybody_is_charged(case: Case) -> None:
    case.script({"priced-upstream": [answer("charged-all")]})
    case.post("/organization/new", {"organization_id": "charged-org", "organization_alias": "charged"})
    case.post("/team/new", {"team_id": "charged-team", "organization_id": "charged-org"})
    case.post("/user/new", {"user_id": "charged-user", "auto_create_key": False})
    case.post("/team/member_add", {"team_id": "charged-team", "member": {"role": "user", "user_id": "charged-user"}})
    key = new_key(case, "charged-all", team_id="charged-team", user_id="charged-user")
    case.chat("priced-group", options={"key": key}, user="charged-customer")
    spent = case.until(lambda: case.get(f"/key/info?key={key}"), lambda found: found.json["info"]["spend"] > 0)
    team = case.until(
        lambda: case.get("/team/info?team_id=charged-team"), lambda found: found.json["team_info"]["spend"] > 0
    )
    user = case.get("/user/info?user_id=charged-user")
    customer = case.until(
        lambda: case.get("/customer/info?end_user_id=charged-customer"), lambda found: found.status == 200
    )
    case.assert_same_as_recorded(ignore=["body*", "journal*"])
    assert spent.json["info"]["spend"] == team.json["team_info"]["spend"] == 0.02
    assert user.json["user_info"]["spend"] == 0.02
    assert customer.json["spend"] == 0.02


def test_an_answer_that_repeats_an_id(case: Case) -> None:
    case.script({"priced-upstream": [answer("repeated"), answer("repeated")]})
    key = new_key(case, "logged-repeated")
    case.chat("priced-group", options={"key": key})
    logged(case, key)
    case.chat("priced-group", options={"key": key})
    spent = case.until(lambda: case.get(f"/key/info?key={key}"), lambda found: found.json["info"]["spend"] > 0.03)
    rows = case.get(f"/spend/logs?api_key={key}")

    def as_recorded(spent: Exchange, rows: Exchange) -> None:
        assert spent.json["info"]["spend"] == 0.04
        assert len(rows.json) == 1

    def required(spent: Exchange, rows: Exchange) -> None:
        assert spent.json["info"]["spend"] == 0.04
        assert len(rows.json) == 2

    case.deviates(spent, rows, as_recorded=as_recorded, required=required)
