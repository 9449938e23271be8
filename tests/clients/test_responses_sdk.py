"""The ``openai`` SDK's Responses API as it is, against the gateway: vendors that have it, and vendors that only chat."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response, ResponseFunctionToolCall
from pydantic import BaseModel

from fixtures.replies import Reply, ok, status, stream, tool
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, eventually, running

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
MODELS = {"native": "resp-native", "bridged": "resp-bridged"}


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    claude = {"model": "anthropic/resp-bridged", "api_base": upstream.url, "api_key": "sk-up"}
    config = {
        "model_list": [
            deployment("native", upstream.url, model="resp-native"),
            {"model_name": "bridged", "litellm_params": claude, "model_info": {"id": "bridged-1"}},
        ],
        "litellm_settings": {"responses": {"background_mode": {"polling_via_cache": "all"}}},
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
    }
    with running(tmp_path_factory.mktemp("responses"), config) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    transport = httpx.Client(trust_env=False)
    with OpenAI(api_key=KEY, base_url=f"{gateway.url}/v1", max_retries=0, timeout=10, http_client=transport) as sdk:
        yield sdk


@pytest.fixture(autouse=True)
def ordinary(upstream: UpstreamControl) -> None:
    answers(upstream)


def answers(upstream: UpstreamControl, *replies: Reply) -> None:
    upstream.script("sdk", {model: list(replies) or [Reply()] for model in MODELS.values()})


both = pytest.mark.parametrize("model", MODELS)


@both
def test_a_response(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    answers(upstream, ok("Good day."))
    response = client.responses.create(model=model, input="hello", instructions="be brief", temperature=0.5)
    assert response.output_text == "Good day."
    assert response.object == "response"
    assert response.status == "completed"
    assert response.model == model
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.total_tokens) == (10, 15)


@both
def test_a_call_of_a_tool_and_its_output(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    answers(upstream, ok(tool_calls=[tool("weather", city="Rome")]), ok("Rain."))
    first = client.responses.create(model=model, input="weather?", tools=[WEATHER])  # type: ignore[list-item]
    assert first.output_text == ""
    [call] = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
    assert call.name == "weather"
    second = client.responses.create(
        model=model,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "rain"}],
        previous_response_id=first.id,
        tools=[WEATHER],  # type: ignore[list-item]
    )
    assert second.output_text == "Rain."


@both
def test_a_stream_is_accumulated(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    answers(upstream, ok(["Good", " day."], tool_calls=[tool("weather", city="Rome")]))
    with client.responses.stream(model=model, input="hello", tools=[WEATHER]) as events:  # type: ignore[list-item]
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        final = events.get_final_response()
    assert deltas == ["Good", " day."]
    assert final.output_text == "Good day."
    assert [item.type for item in final.output] == ["message", "function_call"]
    assert final.usage is not None


@both
def test_raw_events(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    answers(upstream, stream(["a", "b"]))
    kinds = [event.type for event in client.responses.create(model=model, input="hello", stream=True)]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"


@both
def test_a_response_in_a_schema(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    class Place(BaseModel):
        city: str

    name = "json_tool_call" if model == "bridged" else None
    answers(upstream, ok(tool_calls=[tool(name, city="Rome")]) if name else ok('{"city":"Rome"}'))
    response = client.responses.parse(model=model, input="where?", text_format=Place)
    assert response.output_parsed == Place(city="Rome")


@both
def test_retrieved_listed_and_deleted(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    answers(upstream, ok("Good day."))
    response = client.responses.create(model=model, input="hello")
    assert client.responses.retrieve(response.id).output_text == "Good day."
    items = client.responses.input_items.list(response.id).data
    assert items[0].content[0].text == "hello"  # type: ignore[union-attr]
    client.responses.delete(response.id)
    if model == "bridged":
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(response.id)


def test_retrieved_as_a_stream(client: OpenAI, upstream: UpstreamControl) -> None:
    answers(upstream, ok(), stream(["Good", " day."]))
    response = client.responses.create(model="native", input="hello")
    events = client.responses.retrieve(response.id, stream=True)
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Good day."


def test_compacted(client: OpenAI) -> None:
    compacted = client.responses.compact(model="native", input="hello")
    assert compacted.output[0].type == "compaction"


@both
def test_a_background_response(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    words = ["one", " two", " three", " four", " five", " six"]
    answers(upstream, stream(words, pace=0.1))
    begun = client.responses.create(model=model, input="count", background=True)
    assert begun.status == "queued"
    seen: list[str] = []

    def complete() -> bool:
        response = client.responses.retrieve(begun.id)
        seen.append(response.output_text)
        return response.status == "completed"

    assert eventually(complete, 10)
    assert seen[-1] == "".join(words)
    assert any(0 < len(text) < len(seen[-1]) for text in seen)


@both
def test_a_cancelled_one_stops_the_vendor(client: OpenAI, upstream: UpstreamControl, model: str) -> None:
    answers(upstream, stream(["word "] * 100, pace=0.1))
    begun = client.responses.create(model=model, input="count", background=True)
    assert eventually(lambda: bool(client.responses.retrieve(begun.id).output_text), 5)
    assert upstream.calls("sdk").open == 1
    assert client.responses.cancel(begun.id).status == "cancelled"
    assert eventually(lambda: upstream.calls("sdk").open == 0, 1)
    time.sleep(0.3)
    later: Response = client.responses.retrieve(begun.id)
    assert later.status == "cancelled"
    assert later.output_text.startswith("word ")


def test_errors(client: OpenAI, upstream: UpstreamControl) -> None:
    answers(upstream, status(400, message="not so"))
    with pytest.raises(openai.BadRequestError, match="not so"):
        client.responses.create(model="native", input="hello")
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.responses.retrieve("resp_1")
    with pytest.raises(openai.BadRequestError, match="Invalid model name"):
        client.responses.create(model="nowhere", input="hello")
