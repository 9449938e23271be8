"""The ``google-genai`` SDK as it is, against the gateway: Google's own format, and embeddings by way of ``/gemini``."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from fixtures.google_replies import candidate, refused, said
from fixtures.replies import ok, stream, tool
from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import KEY, Gateway, deployment, running

CLOCK = types.FunctionDeclaration(name="clock", description="The time", parameters_json_schema={"type": "object"})


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    gemini = {"model": "gemini/*", "api_base": f"{upstream.url}/v1beta", "api_key": "gm-up"}
    config: dict[str, Any] = {
        "model_list": [
            {"model_name": "gem/*", "litellm_params": gemini},
            deployment("other/*", upstream.url, model="*"),
        ],
        "router_settings": {"num_retries": 0},
        "general_settings": {"master_key": KEY},
        "environment_variables": {"GEMINI_API_BASE": upstream.url, "GEMINI_API_KEY": "gm-up"},
    }
    with running(tmp_path_factory.mktemp("google"), config) as running_gateway:
        yield running_gateway


def connected(url: str) -> genai.Client:
    return genai.Client(
        api_key=KEY,
        http_options=types.HttpOptions(
            base_url=url, timeout=10_000, client_args={"trust_env": False}, async_client_args={"trust_env": False}
        ),
    )


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> genai.Client:
    return connected(gateway.url)


@pytest.fixture
def name(vendor: Vendor) -> str:
    return f"gem/{vendor.model}"


def bodies(vendor: Vendor) -> list[Any]:
    return [entry.body for entry in vendor.received]


def test_an_answer(client: genai.Client, vendor: Vendor, name: str) -> None:
    vendor.answers(ok("hello"))
    config = types.GenerateContentConfig(system_instruction="be brief", temperature=0.3, max_output_tokens=9)
    answer = client.models.generate_content(model=name, contents="hi", config=config)
    assert answer.text == "hello"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == 10
    [body] = bodies(vendor)
    assert body["systemInstruction"]["parts"] == [{"text": "be brief"}]
    assert body["generationConfig"] == {"temperature": 0.3, "maxOutputTokens": 9}


def test_a_stream(client: genai.Client, vendor: Vendor, name: str) -> None:
    vendor.answers(stream(["one ", "two"]))
    pieces = list(client.models.generate_content_stream(model=name, contents="hi"))
    assert "".join(piece.text or "" for piece in pieces) == "one two"
    [candidate] = pieces[-1].candidates or []
    assert candidate.finish_reason == types.FinishReason.STOP


def test_asynchronously(gateway: Gateway, vendor: Vendor, name: str) -> None:
    async def test() -> str:
        async with connected(gateway.url).aio as sdk:
            pieces = await sdk.models.generate_content_stream(model=name, contents="hi")
            return "".join([piece.text or "" async for piece in pieces])

    vendor.answers(stream(["one ", "two"]))
    assert asyncio.run(test()) == "one two"


def test_a_tool(client: genai.Client, vendor: Vendor, name: str) -> None:
    vendor.answers(ok(tool_calls=[tool("clock", zone="UTC")]))
    mode = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[CLOCK])],
        tool_config=types.ToolConfig(function_calling_config=mode),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    answer = client.models.generate_content(model=name, contents="what time is it?", config=config)
    [call] = answer.function_calls or []
    assert (call.name, call.args) == ("clock", {"zone": "UTC"})
    [body] = bodies(vendor)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


def test_a_chat_keeps_thoughts(client: genai.Client, vendor: Vendor, name: str) -> None:
    thought = said(candidate({"text": "hm", "thought": True}, {"text": "hi", "thoughtSignature": "c2ln"}))
    vendor.answers(thought, ok("bye"))
    chat = client.chats.create(model=name)
    assert chat.send_message("hello").text == "hi"
    assert chat.send_message("more").text == "bye"
    asked = bodies(vendor)[1]["contents"]
    assert [content["role"] for content in asked] == ["user", "model", "user"]
    assert asked[1]["parts"][1]["thoughtSignature"] == "c2ln"


def test_the_tokens_of_contents(client: genai.Client, vendor: Vendor, name: str) -> None:
    vendor.answers()
    assert client.models.count_tokens(model=name, contents="hi").total_tokens == 10


def test_an_embedding(gateway: Gateway, vendor: Vendor) -> None:
    vendor.answers()
    sdk = connected(f"{gateway.url}/gemini")
    answer = sdk.models.embed_content(model=vendor.model, contents=["hi", "you"])
    vectors = [embedding.values for embedding in answer.embeddings or []]
    assert vectors == [[0.1, -0.2, 0.3]] * 2


@pytest.mark.parametrize("code", [400, 429, 503])
def test_a_refusal(client: genai.Client, vendor: Vendor, name: str, code: int) -> None:
    vendor.answers(refused(code))
    with pytest.raises(errors.APIError) as caught:
        client.models.generate_content(model=name, contents="hi")
    assert caught.value.code == code
    assert f"upstream says {code}" in str(caught.value)


def test_a_wrong_key(gateway: Gateway, name: str) -> None:
    sdk = genai.Client(api_key="sk-wrong", http_options=types.HttpOptions(base_url=gateway.url))
    with pytest.raises(errors.ClientError):
        sdk.models.generate_content(model=name, contents="hi")


def test_a_model_that_does_not_speak_googles_format(client: genai.Client, vendor: Vendor) -> None:
    vendor.answers()
    with pytest.raises(errors.ClientError, match="does not speak Google's format") as caught:
        client.models.generate_content(model=f"other/{vendor.model}", contents="hi")
    assert caught.value.code == 400
