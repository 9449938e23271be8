"""Chat completions: what the client gets, and what the upstream received for it."""

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("core", config="core/basic.yaml")

CHAT_HEADERS = [
    "x-litellm-call-id",
    "x-litellm-model-id",
    "x-litellm-model-api-base",
    "x-litellm-model-group",
    "x-litellm-version",
    "x-litellm-key-spend",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
    "x-litellm-max-retries",
    "x-litellm-response-duration-ms",
]


def test_the_client_gets_the_name_it_asked_for_and_the_upstream_its_own(case: Case) -> None:
    case.script({"upstream-plain": []})
    answer = case.chat("chat-plain", temperature=0.2)
    case.assert_same_as_recorded(headers=CHAT_HEADERS)
    assert answer.status == 200
    assert answer.json["model"] == "chat-plain"
    assert answer.headers["x-litellm-model-group"] == "chat-plain"
    assert answer.headers["x-litellm-model-id"] == "plain-1"
    [call] = case.journal()
    assert call.path == "/v1/chat/completions"
    assert call.headers["authorization"] == "Bearer sk-up"
    assert call.body == {
        "model": "upstream-plain",
        "messages": [{"role": "user", "content": "hello"}],
        "temperature": 0.2,
    }


def test_a_stream_keeps_one_id_and_ends_with_done(case: Case) -> None:
    case.script({"upstream-stream": []})
    answer = case.stream("chat-stream")
    case.assert_same_as_recorded(headers=[*CHAT_HEADERS, "cache-control"])
    *chunks, last = answer.events
    assert last == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert {chunk["model"] for chunk in chunks} == {"chat-stream"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert "x-litellm-attempted-fallbacks" not in answer.headers
    assert case.journal().bodies[0]["stream"] is True


def test_a_wrong_key_reaches_no_upstream(case: Case) -> None:
    case.script({"upstream-plain": []})
    answer = case.chat("chat-plain", options={"key": "sk-wrong"})
    case.assert_same_as_recorded(headers=CHAT_HEADERS)
    assert answer.status == 400
    assert answer.json["error"]["type"] == "no_db_connection"
    assert len(case.journal()) == 0
