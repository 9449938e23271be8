"""A5: an alias is called as if it were the model group that it stands for."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import ok, status, stream

pytestmark = contract("A5", config="A5/aliases.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-api-base",
    "x-litellm-model-group",
    "x-litellm-attempted-retries",
    "x-litellm-attempted-fallbacks",
]
# The reference leaves the group out of text completions; nobody is hurt by finding it.
WITHOUT_GROUP = [name for name in HEADERS if name != "x-litellm-model-group"]


@pytest.mark.parametrize("alias", ["gpt-4", "shown-chat", "hidden-chat"])
def test_a_chat_reaches_the_target_under_the_alias_name(case: Case, alias: str) -> None:
    case.script({"upstream-chat": [ok("from the target")]})
    answer = case.chat(alias, temperature=0.4)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.json["model"] == alias
    assert answer.headers["x-litellm-model-group"] == alias
    assert answer.headers["x-litellm-model-id"] == "target-chat-1"
    [body] = case.journal().bodies
    assert (body["model"], body["temperature"]) == ("upstream-chat", 0.4)


def test_a_stream_carries_the_alias_in_every_chunk(case: Case) -> None:
    case.script({"upstream-chat": [stream(["one ", "two"])]})
    answer = case.stream("gpt-4", stream_options={"include_usage": True})
    case.assert_same_as_recorded(headers=HEADERS)
    *chunks, last = answer.events
    assert last == "[DONE]"
    assert answer.content == "one two"
    assert {chunk["model"] for chunk in chunks} == {"gpt-4"}
    assert case.journal().models == ["upstream-chat"]


def test_embeddings(case: Case) -> None:
    case.script({"upstream-vector": []})
    answer = case.embed("alias-vector", input=["one", "two"])
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["model"] == "alias-vector"
    assert len(answer.json["data"]) == 2
    assert case.journal().bodies[0]["model"] == "upstream-vector"


def test_a_text_completion(case: Case) -> None:
    case.script({"upstream-prompt": [ok("completed")]})
    answer = case.completion("alias-prompt")
    case.assert_same_as_recorded(headers=WITHOUT_GROUP)
    assert answer.content == "completed"
    assert answer.json["model"] == "alias-prompt"
    assert case.journal().models == ["upstream-prompt"]


def test_a_streamed_text_completion(case: Case) -> None:
    case.script({"upstream-prompt": [stream(["com", "pleted"])]})
    answer = case.completion("alias-prompt", stream=True)
    case.assert_same_as_recorded()
    assert answer.content == "completed"
    assert {chunk["model"] for chunk in answer.events[:-1]} == {"alias-prompt"}
    assert case.journal().models == ["upstream-prompt"]


@pytest.mark.parametrize("path", ["/engines/gpt-4/chat/completions", "/openai/deployments/gpt-4/chat/completions"])
def test_an_alias_in_the_path(case: Case, path: str) -> None:
    case.script({"upstream-chat": []})
    answer = case.post(path, {"messages": [{"role": "user", "content": "hello"}]})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["model"] == "upstream-chat"
    assert answer.headers["x-litellm-model-group"] == "gpt-4"
    assert case.journal().models == ["upstream-chat"]


def test_the_path_wins_over_the_body(case: Case) -> None:
    case.script({"upstream-chat": [], "upstream-other": []})
    path = "/openai/deployments/gpt-4/chat/completions"
    answer = case.post(path, {"model": "other-group", "messages": [{"role": "user", "content": "hello"}]})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["model"] == "other-group"
    assert case.journal().models == ["upstream-chat"]


def test_every_deployment_of_the_target_serves_the_alias(case: Case) -> None:
    case.script({"upstream-pair1": [ok("from the first")], "upstream-pair2": [ok("from the second")]})
    answers = [case.chat("alias-pair") for _ in range(20)]
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["model"] for answer in answers} == {"alias-pair"}
    assert {answer.content for answer in answers} == {"from the first", "from the second"}


def test_an_alias_wins_over_a_group_of_its_name(case: Case) -> None:
    case.script({"upstream-real": [ok("from the group")], "upstream-other": [ok("from the other")]})
    answer = case.chat("real-group")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.content == "from the other"
    assert answer.json["model"] == "real-group"
    assert case.journal().models == ["upstream-other"]


def test_the_target_keeps_its_own_name(case: Case) -> None:
    case.script({"upstream-chat": []})
    answer = case.chat("target-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["model"] == "target-chat"
    assert answer.headers["x-litellm-model-group"] == "target-chat"


def test_an_alias_of_an_upstream_model(case: Case) -> None:
    case.script({"upstream-chat": []})
    answer = case.chat("alias-of-upstream")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.json["model"] == "alias-of-upstream"
    assert case.journal().models == ["upstream-chat"]


def test_an_alias_of_a_deployment_id_does_not_resolve(case: Case) -> None:
    case.script({"upstream-chat": []})
    answer = case.chat("alias-of-id")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "You passed in model=target-chat-1." in answer.json["error"]["message"]
    assert len(case.journal()) == 0


def test_an_alias_of_an_alias_does_not_resolve(case: Case) -> None:
    case.script({"upstream-chat": []})
    answer = case.chat("alias-of-alias")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "You passed in model=gpt-4. There are no healthy deployments" in answer.json["error"]["message"]
    assert "Received Model Group=alias-of-alias" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


@pytest.mark.parametrize("endpoint", ["chat", "stream", "embed", "completion"])
def test_an_alias_of_nothing(case: Case, endpoint: str) -> None:
    case.script({"upstream-chat": []})
    answer = getattr(case, endpoint)("alias-of-nothing")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "You passed in model=no-such-group" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


@pytest.mark.parametrize("code", [400, 429, 500])
def test_an_error_names_the_alias(case: Case, code: int) -> None:
    case.script({"upstream-failing": [status(code)]})
    answer = case.chat("alias-failing")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == code
    assert "Received Model Group=alias-failing" in answer.json["error"]["message"]
