"""What cannot be seen in the recordings: names of models; odd requests to Bedrock are refused, never an error of ours."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Failure
from proxy.providers.anthropic.messages import Untranslatable, decode_messages
from proxy.providers.bedrock.answers import chat_completion
from proxy.providers.bedrock.messages import split
from proxy.providers.bedrock.models import named
from proxy.providers.bedrock.params import Params, translate
from tests.proxy.providers.sending import attempt, sent

CLAUDE = "anthropic.claude-3-haiku-20240307-v1:0"
ARN = "arn:aws:bedrock:us-east-2:1:application-inference-profile/ab1"
KEYS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "secret-of-aws", "aws_region_name": "eu-west-1"}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (CLAUDE, (CLAUDE, CLAUDE, None, None)),
        (f"us.{CLAUDE}", (f"us.{CLAUDE}", CLAUDE, None, None)),
        (f"us-gov.{CLAUDE}", (f"us-gov.{CLAUDE}", CLAUDE, None, None)),
        (f"us-gov-west-1/{CLAUDE}", (CLAUDE, CLAUDE, "us-gov-west-1", None)),
        (f"converse/eu-west-1/{CLAUDE}:51k", (f"{CLAUDE}:51k", CLAUDE, "eu-west-1", "converse")),
        (f"invoke/{CLAUDE}", (CLAUDE, CLAUDE, None, "invoke")),
        (f"converse/{ARN}", (ARN, "ab1", None, "converse")),
        (f"nova-2/{ARN}", (ARN, "amazon.nova-2-custom", None, "converse")),
    ],
)
def test_names(model: str, expected: tuple[Any, ...]) -> None:
    assert named(model) == expected


@pytest.mark.parametrize(
    ("model", "facts", "way"),
    [
        (CLAUDE, {"mode": "chat"}, "converse"),
        ("anthropic.claude-unheard-of", {}, "invoke"),
        (f"invoke/{CLAUDE}", {"mode": "chat"}, "invoke"),
        ("invoke/meta.llama3-1-8b-instruct-v1:0", {}, "converse"),
        (ARN, {}, "converse"),
    ],
)
def test_ways(model: str, facts: dict[str, Any], way: str) -> None:
    assert named(model).way(facts) == way


def test_where_a_call_goes_when_nothing_says_so() -> None:
    call = sent(attempt(f"bedrock/{CLAUDE}", other=KEYS, body={"model": CLAUDE}))
    assert call.url.startswith("https://bedrock-runtime.eu-west-1.amazonaws.com/model/anthropic.claude")
    assert "secret-of-aws" not in str(call.headers)


@pytest.mark.parametrize("route", ["", "converse/", "invoke/", "invoke/us-east-1/"])
def test_a_model_that_a_client_names_stays_one_piece_of_the_path(route: str) -> None:
    url = sent(attempt(f"bedrock/{route}../anthropic.claude?x=#", other=KEYS, body={"max_tokens": 1})).url
    assert url.partition("/model/")[2].rpartition("/")[0] == "..%2Fanthropic.claude%3Fx%3D%23"
    for name in (".", ".."):
        for endpoint in ("chat", "embeddings"):
            call = attempt(f"bedrock/{route}{name}", endpoint, body={"input": "x"} if endpoint != "chat" else None)
            with pytest.raises(Failure, match="Invalid model name") as raised:
                sent(call)
            assert raised.value.status == 400


def test_nobody_to_sign_for_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(Failure, match="aws_access_key_id") as raised:
        sent(attempt(f"bedrock/converse/{CLAUDE}"))
    assert raised.value.status == 401


odd = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(("", "x", "http://x")),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("type", "name", "url")), inner, max_size=2)
    ),
    max_leaves=4,
)


def shaped(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, each sometimes as it should be and sometimes not."""
    return st.fixed_dictionaries({}, optional={name: value | odd for name, value in known.items()})


parts = shaped(
    type=st.sampled_from(("text", "image_url", "file", "guarded_text", "thinking")),
    text=st.text(max_size=3),
    thinking=st.text(max_size=3),
    image_url=shaped(url=st.sampled_from(("data:image/png;base64,AA==", "data:image/x;base64,", "a.png"))),
    file=shaped(file_id=st.just("file_1"), file_data=st.just("data:application/pdf;base64,AA==")),
    cache_control=st.just({"type": "ephemeral", "ttl": "1h"}),
)
calls = shaped(
    id=st.just("call_1"), function=shaped(name=st.just("weather"), arguments=st.sampled_from(("{}", "{", "[1]")))
)
messages = shaped(
    role=st.sampled_from(("user", "assistant", "system", "developer", "tool")),
    content=st.text(max_size=3) | st.lists(parts, max_size=2),
    tool_calls=st.lists(calls, max_size=2),
    tool_call_id=st.just("call_1"),
    thinking_blocks=st.lists(parts, max_size=1),
)
tools = shaped(
    type=st.sampled_from(("function", "computer_20241022", "bash_20241022")),
    function=shaped(name=st.text(max_size=3), parameters=shaped(properties=odd), description=st.text(max_size=3)),
    toolSpec=odd,
)
fields = shaped(
    tools=st.lists(tools, max_size=2),
    tool_choice=st.sampled_from(("auto", "none", {"function": {"name": "x"}})),
    response_format=shaped(type=st.just("json_schema"), json_schema=shaped(schema=odd), response_schema=odd),
    thinking=shaped(type=st.just("enabled"), budget_tokens=st.integers(-9, 9)),
    reasoning_effort=st.sampled_from(("low", "none")),
    stop=st.text(max_size=2),
    max_tokens=st.integers(-9, 9),
    top_k=st.integers(-9, 9),
    service_tier=st.just("flex"),
    guardrailConfig=odd,
)


@given(st.lists(messages, max_size=3), st.booleans())
def test_odd_conversations(conversation: list[Any], guarded: bool) -> None:
    with suppress(Untranslatable, msgspec.DecodeError):
        split(decode_messages(json.dumps(conversation)), CLAUDE, guarded=guarded)


@given(fields, st.sampled_from((CLAUDE, "amazon.nova-2-lite-v1:0", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0")))
def test_odd_parameters(asked: dict[str, Any], model: str) -> None:
    with suppress(Untranslatable, Failure):
        translate(asked, named(model), {"supports_tool_choice": True}, [], drop=False)


blocks = shaped(
    text=st.sampled_from(('{"type": "function", "name": "weather"}', "{", "<think>a</think>b")),
    toolUse=shaped(toolUseId=st.just("t"), name=st.sampled_from(("weather", "json_tool_call")), input=odd),
    reasoningContent=shaped(reasoningText=shaped(text=st.just("hm"), signature=st.just("s")), redactedContent=odd),
    citationsContent=odd,
)
answers = shaped(
    output=shaped(message=shaped(content=st.lists(blocks, max_size=2))),
    stopReason=st.just("end_turn"),
    usage=shaped(inputTokens=st.integers(-9, 9)),
)


@given(answers)
def test_odd_answers(answer: dict[str, Any]) -> None:
    params = Params({}, {"weather": "weather!"}, frozenset({"weather"}), in_schema=True, whole=False)
    try:
        completion, _ = chat_completion(json.dumps(answer).encode(), "m", params)
    except msgspec.DecodeError:
        return
    json.dumps(completion)
