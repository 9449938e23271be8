"""The vendors' SDKs as they are, each against its vendor's pass-through route."""

from collections.abc import Iterator

import anthropic
import openai
import pytest
from anthropic import Anthropic
from anthropic import DefaultHttpxClient as AnthropicClient
from google import genai
from google.genai import types
from openai import DefaultHttpxClient, OpenAI

from fixtures.replies import ok, rate_limited
from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import KEY, Gateway, running


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    bases = {f"{name}_API_BASE": upstream.url for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
    keys = {f"{name}_API_KEY": f"{name.lower()}-up" for name in ("OPENAI", "ANTHROPIC", "GEMINI")}
    config = {"environment_variables": bases | keys, "general_settings": {"master_key": KEY}}
    with running(tmp_path_factory.mktemp("passthrough"), config) as running_gateway:
        yield running_gateway


@pytest.fixture(scope="module")
def gpt(gateway: Gateway) -> Iterator[OpenAI]:
    url = f"{gateway.url}/openai_passthrough/v1"
    with OpenAI(api_key=KEY, base_url=url, max_retries=0, http_client=DefaultHttpxClient(trust_env=False)) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def claude(gateway: Gateway) -> Iterator[Anthropic]:
    url = f"{gateway.url}/anthropic"
    with Anthropic(api_key=KEY, base_url=url, max_retries=0, http_client=AnthropicClient(trust_env=False)) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def gemini(gateway: Gateway) -> genai.Client:
    options = types.HttpOptions(base_url=f"{gateway.url}/gemini", client_args={"trust_env": False})
    return genai.Client(api_key=KEY, http_options=options)


def test_openais(gpt: OpenAI, vendor: Vendor) -> None:
    vendor.answers(ok("hello"))
    answer = gpt.chat.completions.create(model=vendor.model, messages=[{"role": "user", "content": "hi"}])
    assert answer.choices[0].message.content == "hello"
    chunks = gpt.chat.completions.create(
        model=vendor.model,
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "hello"
    assert gpt.responses.create(model=vendor.model, input="hi", metadata={"a": "b"}).output_text == "hello"
    received = vendor.received
    assert [entry.path for entry in received] == ["/v1/chat/completions"] * 2 + ["/v1/responses"]
    assert {entry.headers["authorization"] for entry in received} == {"Bearer openai-up"}
    assert received[2].body["metadata"] == {"a": "b"}


def test_anthropics(claude: Anthropic, vendor: Vendor) -> None:
    vendor.answers(ok("hello"))
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": "hi"}]
    message = claude.messages.create(model=vendor.model, max_tokens=9, messages=messages)
    assert isinstance(message.content[0], anthropic.types.TextBlock)
    assert message.content[0].text == "hello"
    with claude.messages.stream(model=vendor.model, max_tokens=9, messages=messages) as stream:
        assert "".join(stream.text_stream) == "hello"
    assert claude.messages.count_tokens(model=vendor.model, messages=messages).input_tokens == 10
    for entry in vendor.received:
        assert entry.headers["x-api-key"] == "anthropic-up"
        assert entry.headers["anthropic-version"]
        assert KEY not in str(entry.headers)


def test_googles(gemini: genai.Client, vendor: Vendor) -> None:
    vendor.answers(ok("hello"))
    assert gemini.models.generate_content(model=vendor.model, contents="hi").text == "hello"
    parts = gemini.models.generate_content_stream(model=vendor.model, contents="hi")
    assert "".join(part.text or "" for part in parts) == "hello"
    assert gemini.models.count_tokens(model=vendor.model, contents="hi").total_tokens == 10
    for entry in vendor.received:
        assert entry.query["key"] == "gemini-up"
        assert KEY not in str(entry.headers)


def test_errors_are_the_sdks_own(gpt: OpenAI, claude: Anthropic, vendor: Vendor) -> None:
    vendor.answers(rate_limited(7))
    with pytest.raises(openai.RateLimitError) as limited:
        gpt.chat.completions.create(model=vendor.model, messages=[{"role": "user", "content": "hi"}])
    assert limited.value.response.headers["retry-after"] == "7"
    with pytest.raises(anthropic.RateLimitError):
        claude.messages.create(model=vendor.model, max_tokens=9, messages=[{"role": "user", "content": "hi"}])
    with pytest.raises(openai.AuthenticationError):
        gpt.with_options(api_key="").models.list(extra_headers={"authorization": ""})
