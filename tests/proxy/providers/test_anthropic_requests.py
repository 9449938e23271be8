"""What cannot be seen in the recordings: odd requests to Anthropic are refused, never an error of ours."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import Failure
from proxy.providers.anthropic.betas import betas_of, known_betas
from proxy.providers.anthropic.messages import Untranslatable, decode_messages, prefill, split
from proxy.providers.anthropic.params import Rules, translate

MODEL = "claude-up"
odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.sampled_from(("", "x", "http://x")),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("type", "name", "url")), inner, max_size=2)
    ),
    max_leaves=4,
)


def shaped(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields, each sometimes as it should be and sometimes not."""
    return st.fixed_dictionaries({}, optional={name: value | odd for name, value in known.items()})


kinds = st.sampled_from(("text", "image_url", "file", "document", "thinking", "server_tool_use", "input_audio"))
parts = shaped(
    type=kinds,
    text=st.text(max_size=3),
    thinking=st.text(max_size=3),
    image_url=shaped(url=st.sampled_from(("data:image/png;base64,AA==", "https://x.test/a.png", "a.png"))),
    file=shaped(
        file_id=st.just("file_1"), file_data=st.just("data:application/pdf;base64,AA=="), format=st.just("image/png")
    ),
    cache_control=st.just({"type": "ephemeral"}),
)
calls = shaped(
    id=st.sampled_from(("call_1", "srvtoolu_1")),
    type=st.just("function"),
    function=shaped(name=st.just("weather"), arguments=st.sampled_from(("{}", "{", "[1]"))),
)
messages = shaped(
    role=st.sampled_from(("user", "assistant", "system", "developer", "tool", "function")),
    content=st.text(max_size=3) | st.lists(parts, max_size=2),
    tool_calls=st.lists(calls, max_size=2),
    tool_call_id=st.just("call_1"),
    function_call=shaped(name=st.just("weather"), arguments=st.just("{}")),
    thinking_blocks=st.lists(parts, max_size=1),
    provider_specific_fields=shaped(web_search_results=st.lists(parts, max_size=1)),
)
tools = shaped(
    type=st.sampled_from(("function", "computer_20250124", "web_search_20250305", "mcp", "url", "memory_20250818")),
    name=st.just("x"),
    function=shaped(name=st.just("x"), parameters=shaped(display_width_px=st.just(1), display_height_px=st.just(1))),
    server_url=st.just("https://x.test"),
    server_label=st.just("x"),
    headers=shaped(Authorization=st.just("Bearer x")),
    allowed_callers=st.just(["code_execution_20250825"]),
    input_examples=st.just([{}]),
)
fields = shaped(
    max_tokens=st.integers(1, 9),
    stop=st.just(["x"]),
    tools=st.lists(tools, max_size=2),
    tool_choice=st.just("auto"),
    parallel_tool_calls=st.booleans(),
    user=st.just("u"),
    reasoning_effort=st.just("low"),
    thinking=shaped(type=st.just("enabled"), budget_tokens=st.integers(1, 9)),
    response_format=shaped(type=st.just("json_schema"), json_schema=shaped(schema=odd)),
    web_search_options=shaped(search_context_size=st.just("low"), user_location=shaped(approximate=odd)),
    context_management=shaped(edits=st.lists(odd, max_size=2)) | st.lists(odd, max_size=2),
    output_config=odd,
    container=odd,
    speed=st.just("fast"),
    mcp_servers=odd,
)


@given(st.lists(messages, max_size=4))
def test_any_conversation_is_translated_or_refused(conversation: list[dict[str, Any]]) -> None:
    try:
        decoded = decode_messages(json.dumps(conversation))
        prompts, said = split(decoded)
    except (Untranslatable, msgspec.DecodeError):
        return
    assert [message["role"] for message in said if not message["content"]] == []
    assert all(one["role"] in ("user", "assistant") for one in said)
    assert all(block["type"] != "text" or block["text"] for block in prompts)
    assert isinstance(prefill(decoded), str)
    betas_of({}, decoded)


@given(fields, st.sampled_from((MODEL, "claude-3-7-sonnet", "claude-opus-4-6", "claude-sonnet-4-5")), st.booleans())
def test_any_parameters_are_translated_or_refused(given_fields: dict[str, Any], model: str, drop: bool) -> None:
    try:
        made = translate(given_fields, Rules(model, drop=drop)).fields
    except (Untranslatable, Failure) as error:
        assert getattr(error, "status", 400) == 400
        return
    assert made["max_tokens"] is not None
    assert not {"user", "stop", "response_format", "reasoning_effort", "parallel_tool_calls"} & made.keys()
    betas_of(made)


def _sent(**asked: Any) -> dict[str, Any]:
    return translate(asked, Rules(MODEL)).fields


def _conversation(*conversation: dict[str, Any]) -> list[dict[str, Any]]:
    return split(decode_messages(json.dumps(conversation)))[1]


def test_the_result_of_a_function_of_the_old_kind_names_its_call() -> None:
    call = {"role": "assistant", "function_call": {"name": "weather", "arguments": "{}"}}
    used, told = _conversation(call, {"role": "function", "name": "weather", "content": "rain"})
    assert used["content"][0]["id"] == told["content"][0]["tool_use_id"]


def test_ids_that_anthropic_refuses_are_changed_alike_in_call_and_result() -> None:
    call = {"id": "call.1|x", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    used, told = _conversation(
        {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "call.1|x", "content": ""}
    )
    assert used["content"][0]["id"] == told["content"][0]["tool_use_id"] == "call_1_x"


@pytest.mark.parametrize("url", ["http://10.0.0.1/a.png", "https://x.test/a.png"])
def test_addresses_are_handed_on(url: str) -> None:
    part = {"type": "image_url", "image_url": {"url": url}}
    [message] = _conversation({"role": "user", "content": [part]})
    assert message["content"] == [{"type": "image", "source": {"type": "url", "url": url}}]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "a.png", "data:image/png,AA==", ""])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(Untranslatable, match="base64"):
        _conversation({"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]})


def test_the_clients_choice_of_a_tool_goes_before_the_schemas() -> None:
    schema = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    assert _sent(response_format=schema)["tool_choice"] == {"type": "tool", "name": "json_tool_call"}
    assert _sent(response_format=schema, tool_choice="auto")["tool_choice"] == {"type": "auto"}


def test_one_answer_is_no_unknown_parameter() -> None:
    assert "n" not in _sent(n=1)
    with pytest.raises(Failure, match=r"\['n'\]"):
        _sent(n=2)


def test_allowed_parameters_are_passed_on() -> None:
    assert translate({"seed": 3}, Rules(MODEL, allowed=("seed",))).fields["seed"] == 3


def test_the_limit_is_what_the_model_can_do() -> None:
    assert translate({}, Rules(MODEL, {"max_output_tokens": 64})).fields["max_tokens"] == 64
    assert translate({}, Rules(MODEL)).fields["max_tokens"] == 4096


def test_only_known_betas_are_passed_on() -> None:
    assert known_betas([" context-1m-2025-08-07", "made-up", ""]) == ["context-1m-2025-08-07"]
