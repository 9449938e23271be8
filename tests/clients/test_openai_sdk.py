"""The ``openai`` SDK as it is, against the gateway."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from fixtures import replies
from fixtures.replies import (
    context_window_exceeded,
    hang,
    ok,
    rate_limited,
    slow,
    status,
    stream,
    tool,
)
from tests.conftest import Vendor
from tests.gateways import KEY, Gateway, eventually

MESSAGES: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]
CITY = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with made(gateway) as sdk:
        yield sdk


def made(gateway: Gateway, **options: object) -> OpenAI:
    settings = {"api_key": KEY, "base_url": f"{gateway.url}/v1", "max_retries": 0, "timeout": 10}
    return OpenAI(http_client=httpx.Client(trust_env=False), **{**settings, **options})  # type: ignore[arg-type]


class TestChat:
    def test_an_answer(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(ok("hello"))
        answer = client.chat.completions.create(model=vendor.name, messages=MESSAGES, temperature=0.5, user="u")
        assert answer.choices[0].message.content == "hello"
        assert answer.choices[0].finish_reason == "stop"
        assert answer.model == vendor.name
        assert answer.usage is not None
        assert answer.usage.total_tokens == 15
        (entry,) = vendor.received
        assert entry.body["temperature"] == 0.5

    def test_raw_answers_show_the_headers(self, client: OpenAI, vendor: Vendor) -> None:
        raw = client.chat.completions.with_raw_response.create(model=vendor.name, messages=MESSAGES)
        assert raw.headers["x-litellm-model-group"] == vendor.name
        assert raw.headers["x-ratelimit-remaining-requests"] == "99"
        assert raw.parse().choices[0].message.role == "assistant"

    def test_several_choices(self, client: OpenAI, vendor: Vendor) -> None:
        answer = client.chat.completions.create(model=vendor.name, messages=MESSAGES, n=3)
        assert [choice.index for choice in answer.choices] == [0, 1, 2]

    def test_tools(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(ok(tool_calls=[tool("weather", city="Paris"), tool("weather", city="Rome")]))
        answer = client.chat.completions.create(model=vendor.name, messages=MESSAGES, tools=[CITY])  # type: ignore[list-item]
        assert answer.choices[0].finish_reason == "tool_calls"
        calls = answer.choices[0].message.tool_calls
        assert calls is not None
        assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"]  # type: ignore[union-attr]
        assert vendor.received[0].body["tools"] == [CITY]

    def test_structured_output(self, client: OpenAI, vendor: Vendor) -> None:
        class Place(BaseModel):
            city: str

        vendor.answers(ok('{"city": "Paris"}'))
        answer = client.chat.completions.parse(model=vendor.name, messages=MESSAGES, response_format=Place)
        assert answer.choices[0].message.parsed == Place(city="Paris")
        assert vendor.received[0].body["response_format"]["json_schema"]["name"] == "Place"

    def test_images_and_further_fields_arrive(self, client: OpenAI, vendor: Vendor) -> None:
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        messages = [{"role": "user", "content": [{"type": "text", "text": "what?"}, image]}]
        client.chat.completions.create(
            model=vendor.name,
            messages=messages,  # type: ignore[arg-type]
            seed=7,
            logit_bias={"1": -100},
            extra_body={"top_k": 3},
        )
        (entry,) = vendor.received
        assert entry.body["messages"] == messages
        assert (entry.body["seed"], entry.body["top_k"], entry.body["logit_bias"]) == (7, 3, {"1": -100})

    def test_the_gateways_own_fields_by_extra_body(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(status(500), ok("hello"))
        answer = client.chat.completions.create(
            model=vendor.name, messages=MESSAGES, extra_body={"num_retries": 1, "metadata": {"a": "b"}}
        )
        assert answer.choices[0].message.content == "hello"
        assert "num_retries" not in vendor.received[1].body

    def test_key_and_path_of_azures_client(self, gateway: Gateway, vendor: Vendor) -> None:
        azure = openai.AzureOpenAI(
            api_key=KEY,
            azure_endpoint=gateway.url,
            api_version="2024-10-21",
            max_retries=0,
            http_client=httpx.Client(trust_env=False),
        )
        for model in (vendor.name, "echo"):
            assert azure.chat.completions.create(model=model, messages=MESSAGES).choices[0].message.content
        assert azure.embeddings.create(model=vendor.name, input="a").data[0].embedding


class TestStreams:
    def test_the_text_arrives_piece_by_piece(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(stream(["Hel", "lo"]))
        chunks = list(client.chat.completions.create(model=vendor.name, messages=MESSAGES, stream=True))
        assert [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content] == ["Hel", "lo"]
        assert chunks[-1].choices[0].finish_reason == "stop"
        assert {chunk.model for chunk in chunks} == {vendor.name}
        assert len({chunk.id for chunk in chunks}) == 1

    def test_usage_comes_last(self, client: OpenAI, vendor: Vendor) -> None:
        asked = client.chat.completions.create(
            model=vendor.name, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        *chunks, last = asked
        assert all(chunk.usage is None for chunk in chunks)
        assert last.usage is not None
        assert last.usage.total_tokens == 15

    def test_the_helper_puts_it_together(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(ok(tool_calls=[tool("weather", city="Paris"), tool("weather", city="Rome")]))
        with client.chat.completions.stream(model=vendor.name, messages=MESSAGES, tools=[CITY]) as events:  # type: ignore[list-item]
            final = events.get_final_completion()
        calls = final.choices[0].message.tool_calls
        assert calls is not None
        assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Paris", "Rome"]

    def test_a_broken_one_is_an_error(self, client: OpenAI, vendor: Vendor) -> None:
        for broken in (stream(["a", "b"], cut_after=2), stream(["a", "b"], error_after=2), stream(["a"], end_after=2)):
            vendor.answers(broken)
            with pytest.raises(openai.APIError):
                list(client.chat.completions.create(model=vendor.name, messages=MESSAGES, stream=True))

    def test_closing_it_ends_the_upstream_call(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(stream(["word "] * 500, pace=0.02))
        with client.chat.completions.create(model=vendor.name, messages=MESSAGES, stream=True) as chunks:
            next(iter(chunks))
        assert eventually(lambda: vendor.open == 0, 1.5)
        assert vendor.received[0].end == "client-closed"


class TestOtherEndpoints:
    def test_completions(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(ok("hello"))
        assert client.completions.create(model=vendor.name, prompt="hi").choices[0].text == "hello"
        chunks = client.completions.create(model=vendor.name, prompt="hi", stream=True)
        # as from the reference, the last chunk has a finish reason and no text
        assert "".join(chunk.choices[0].text or "" for chunk in chunks) == "hello"

    def test_embeddings(self, client: OpenAI, vendor: Vendor) -> None:
        """The SDK asks for base64 unless told otherwise."""
        answer = client.embeddings.create(model=vendor.name, input=["a", "b"])
        assert [len(item.embedding) for item in answer.data] == [16, 16]
        floats = client.embeddings.create(model=vendor.name, input=["a", "b"], encoding_format="float")
        assert floats.data[0].embedding == pytest.approx(answer.data[0].embedding)
        assert floats.usage.prompt_tokens == 10

    def test_models(self, client: OpenAI) -> None:
        names = [model.id for model in client.models.list()]
        assert {"echo", "unreachable"} <= set(names)
        assert client.models.retrieve("echo").id == "echo"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nope")


class TestErrors:
    @pytest.mark.parametrize(
        ("number", "kind"),
        [
            (400, openai.BadRequestError),
            (401, openai.AuthenticationError),
            (403, openai.PermissionDeniedError),
            (404, openai.NotFoundError),
            (409, openai.ConflictError),
            (422, openai.UnprocessableEntityError),
            (429, openai.RateLimitError),
            (500, openai.InternalServerError),
            (503, openai.InternalServerError),
        ],
    )
    @pytest.mark.parametrize("streams", [False, True])
    def test_of_vendors(
        self, client: OpenAI, vendor: Vendor, number: int, kind: type[openai.APIStatusError], streams: bool
    ) -> None:
        vendor.answers(status(number))
        with pytest.raises(kind) as caught:
            client.chat.completions.create(model=vendor.name, messages=MESSAGES, stream=streams)
        assert caught.value.status_code == number
        assert caught.value.code == str(number)
        assert f"upstream says {number}" in caught.value.message

    def test_of_the_gateway(self, gateway: Gateway, client: OpenAI, vendor: Vendor) -> None:
        with pytest.raises(openai.BadRequestError, match="You passed in model=nope"):
            client.chat.completions.create(model="nope", messages=MESSAGES)
        with pytest.raises(openai.BadRequestError, match=r"No connected db\."):
            made(gateway, api_key="sk-wrong").models.list()
        with pytest.raises(openai.BadRequestError, match="api_base"):
            client.chat.completions.create(model=vendor.name, messages=MESSAGES, extra_body={"api_base": "http://x"})

    def test_whose_cause_is_the_prompt(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(context_window_exceeded())
        with pytest.raises(openai.BadRequestError, match="ContextWindowExceededError"):
            client.chat.completions.create(model=vendor.name, messages=MESSAGES)

    def test_a_vendor_that_cannot_be_reached(self, client: OpenAI) -> None:
        with pytest.raises(openai.InternalServerError, match="Connection error"):
            client.chat.completions.create(model="unreachable", messages=MESSAGES)

    def test_an_answer_that_is_none(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(replies.json({"hello": 1}))
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model=vendor.name, messages=MESSAGES)


class TestTime:
    def test_the_sdks_own_timeout_ends_the_upstream_call(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(hang())
        with pytest.raises(openai.APITimeoutError):
            client.with_options(timeout=0.5).chat.completions.create(model=vendor.name, messages=MESSAGES)
        assert eventually(lambda: vendor.open == 0, 1.0)

    def test_the_gateways_timeout(self, client: OpenAI, vendor: Vendor) -> None:
        vendor.answers(slow(5))
        with pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model=vendor.name, messages=MESSAGES, extra_body={"timeout": 0.3})
        assert caught.value.status_code == 408

    def test_the_sdks_own_retries(self, gateway: Gateway, vendor: Vendor) -> None:
        vendor.answers(rate_limited(), status(500), ok("hello"))
        answer = made(gateway, max_retries=2).chat.completions.create(model=vendor.name, messages=MESSAGES)
        assert answer.choices[0].message.content == "hello"
        assert len(vendor.received) == 3


def test_the_async_client(gateway: Gateway, vendor: Vendor) -> None:
    async def ask() -> tuple[list[str | None], str, list[float]]:
        async with AsyncOpenAI(
            api_key=KEY, base_url=gateway.url, http_client=httpx.AsyncClient(trust_env=False), max_retries=0
        ) as sdk:
            asked = (sdk.chat.completions.create(model=vendor.name, messages=MESSAGES) for _ in range(20))
            answers = await asyncio.gather(*asked)
            chunks = await sdk.chat.completions.create(model=vendor.name, messages=MESSAGES, stream=True)
            text = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
            vectors = await sdk.embeddings.create(model=vendor.name, input="a")
            return [answer.choices[0].message.content for answer in answers], text, vectors.data[0].embedding

    vendor.answers(ok("hello"))
    texts, streamed, vector = asyncio.run(ask())
    assert texts == ["hello"] * 20
    assert streamed == "hello"
    assert len(vector) == 16
