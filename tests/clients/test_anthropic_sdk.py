"""The ``anthropic`` SDK as it is, against the gateway: in front of Anthropic, and in front of a vendor of OpenAI's dialect."""

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic, DefaultAsyncHttpxClient, DefaultHttpxClient

from fixtures.anthropic_replies import fails_within, overloaded, refused
from fixtures.replies import ok, rate_limited, status, stream, tool
from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import KEY, Gateway, deployment, eventually, running

MESSAGES: list[anthropic.types.MessageParam] = [{"role": "user", "content": "hi"}]
WEATHER: anthropic.types.ToolParam = {
    "name": "weather",
    "description": "How it is",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
DIALECTS = ["claude", "other"]


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """``claude/MODEL`` is Anthropic's, ``other/MODEL`` of OpenAI's dialect; both are the simulated upstream."""
    claude = {"model": "anthropic/*", "api_base": upstream.url, "api_key": "sk-up"}
    config: dict[str, Any] = {
        "model_list": [
            {"model_name": "claude/*", "litellm_params": claude},
            deployment("other/*", upstream.url, model="*"),
        ],
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    with running(tmp_path_factory.mktemp("anthropic"), config) as running_gateway:
        yield running_gateway


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[Anthropic]:
    with Anthropic(
        api_key=KEY, base_url=gateway.url, max_retries=0, timeout=10, http_client=DefaultHttpxClient(trust_env=False)
    ) as sdk:
        yield sdk


@pytest.fixture(params=DIALECTS)
def name(request: pytest.FixtureRequest, vendor: Vendor) -> str:
    """What clients call the vendor's model, in front of each dialect."""
    return f"{request.param}/{vendor.model}"


def test_a_message(client: Anthropic, vendor: Vendor, name: str) -> None:
    vendor.answers(ok("hello"))
    message = client.messages.create(
        model=name, max_tokens=9, messages=MESSAGES, system="be brief", stop_sequences=["end"]
    )
    assert isinstance(message.content[0], anthropic.types.TextBlock)
    assert message.content[0].text == "hello"
    assert (message.role, message.stop_reason, message.model) == ("assistant", "end_turn", name)
    assert (message.usage.input_tokens, message.usage.output_tokens) == (10, 5)
    (entry,) = vendor.received
    assert entry.body["max_tokens"] == 9
    assert "be brief" in str(entry.body)
    assert ["end"] in (entry.body.get("stop_sequences"), entry.body.get("stop"))


def test_a_conversation_with_a_tool(client: Anthropic, vendor: Vendor, name: str) -> None:
    vendor.answers(ok(tool_calls=[tool("weather", city="Bonn")]), ok("it rains"))
    asked = client.messages.create(model=name, max_tokens=9, messages=MESSAGES, tools=[WEATHER])
    assert asked.stop_reason == "tool_use"
    (call,) = [block for block in asked.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("weather", {"city": "Bonn"})
    told: anthropic.types.ToolResultBlockParam = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    history: list[anthropic.types.MessageParam] = [
        *MESSAGES,
        {"role": "assistant", "content": asked.content},
        {"role": "user", "content": [told]},
    ]
    answer = client.messages.create(model=name, max_tokens=9, messages=history, tools=[WEATHER])
    assert [block.text for block in answer.content if block.type == "text"] == ["it rains"]
    assert call.id in str(vendor.received[1].body["messages"])


def test_a_stream(client: Anthropic, vendor: Vendor, name: str) -> None:
    vendor.answers(stream(["one ", "two"]))
    with client.messages.stream(model=name, max_tokens=9, messages=MESSAGES) as streamed:
        texts = list(streamed.text_stream)
        message = streamed.get_final_message()
    assert texts == ["one ", "two"]
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", 5)


def test_a_stream_of_tools(client: Anthropic, vendor: Vendor, name: str) -> None:
    vendor.answers(ok("let me see", tool_calls=[tool("weather", city="Bonn"), tool("weather", city="Kiel")]))
    with client.messages.stream(model=name, max_tokens=9, messages=MESSAGES, tools=[WEATHER]) as streamed:
        message = streamed.get_final_message()
    inputs = [block.input for block in message.content if block.type == "tool_use"]
    assert inputs == [{"city": "Bonn"}, {"city": "Kiel"}]
    assert message.stop_reason == "tool_use"


def test_thinking_of_anthropic(client: Anthropic, vendor: Vendor) -> None:
    with client.messages.stream(
        model=f"claude/{vendor.model}",
        max_tokens=2000,
        messages=MESSAGES,
        thinking={"type": "enabled", "budget_tokens": 1024},
    ) as streamed:
        message = streamed.get_final_message()
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert vendor.received[0].body["thinking"]["budget_tokens"] == 1024


def test_thinking_of_another_vendor(client: Anthropic, vendor: Vendor) -> None:
    chunk: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas: list[dict[str, Any]] = [{"reasoning_content": "hm "}, {"reasoning_content": "yes"}, {"content": "hi"}]
    events = [chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append(chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    vendor.answers(ok().with_(events=[*events, "[DONE]"]))
    with client.messages.stream(model=f"other/{vendor.model}", max_tokens=9, messages=MESSAGES) as streamed:
        message = streamed.get_final_message()
    thoughts = [block.thinking for block in message.content if block.type == "thinking"]
    assert thoughts == ["hm yes"]
    assert message.content[-1].type == "text"


def test_tokens_are_counted(client: Anthropic, vendor: Vendor, name: str) -> None:
    counted = client.messages.count_tokens(model=name, messages=MESSAGES)
    assert counted.input_tokens == (10 if name.startswith("claude") else 8)


def test_errors_are_the_sdks_own(client: Anthropic, vendor: Vendor, name: str) -> None:
    for reply, expected in (
        (status(400), anthropic.BadRequestError),
        (status(401), anthropic.AuthenticationError),
        (rate_limited(), anthropic.RateLimitError),
        (status(500), anthropic.InternalServerError),
    ):
        vendor.answers(reply)
        with pytest.raises(expected):
            client.messages.create(model=name, max_tokens=9, messages=MESSAGES)


def test_an_overloaded_vendor(client: Anthropic, vendor: Vendor) -> None:
    vendor.answers(overloaded())
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(model=f"claude/{vendor.model}", max_tokens=9, messages=MESSAGES)
    assert raised.value.status_code == 529


def test_a_refused_stream(client: Anthropic, vendor: Vendor) -> None:
    vendor.answers(refused(404))
    with (
        pytest.raises(anthropic.NotFoundError),
        client.messages.stream(model=f"claude/{vendor.model}", max_tokens=9, messages=MESSAGES),
    ):
        pass


@pytest.mark.parametrize(
    ("dialect", "reply"),
    [
        ("claude", fails_within(5)),
        ("claude", stream(["one ", "two"], cut_after=5)),
        ("claude", stream(["one ", "two"], end_after=5)),
        ("other", stream(["one ", "two"], cut_after=2)),
        ("other", stream(["one ", "two"], error_after=2)),
    ],
)
def test_a_broken_stream_is_an_error(client: Anthropic, vendor: Vendor, dialect: str, reply: Any) -> None:
    vendor.answers(reply)
    with (
        pytest.raises(anthropic.APIError),
        client.messages.stream(model=f"{dialect}/{vendor.model}", max_tokens=9, messages=MESSAGES) as streamed,
    ):
        streamed.get_final_message()


def test_no_key_and_no_model(gateway: Gateway, client: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError):
        client.messages.create(model="nobody", max_tokens=9, messages=MESSAGES)
    stranger = client.with_options(api_key="sk-nobody")
    with pytest.raises(anthropic.APIStatusError) as raised:
        stranger.messages.create(model="claude/x", max_tokens=9, messages=MESSAGES)
    assert raised.value.status_code in (400, 401)


def test_a_client_that_leaves_ends_the_upstream_call(gateway: Gateway, vendor: Vendor, name: str) -> None:
    vendor.answers(stream(["word "] * 100, pace=0.05))

    async def leave() -> None:
        http = DefaultAsyncHttpxClient(trust_env=False)
        async with (
            AsyncAnthropic(api_key=KEY, base_url=gateway.url, http_client=http) as sdk,
            sdk.messages.stream(model=name, max_tokens=9, messages=MESSAGES) as streamed,
        ):
            async for _ in streamed.text_stream:
                break

    asyncio.run(leave())
    assert eventually(lambda: vendor.open == 0)
    assert vendor.received[0].end == "client-closed"
