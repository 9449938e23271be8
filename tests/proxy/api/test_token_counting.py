"""``/utils/token_counter``: whatever is sent is counted or refused, and nobody else waits meanwhile."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fixtures.replies import Reply
from fixtures.running import UpstreamControl
from tests.gateways import AUTHORIZED, KEY, Gateway, deployment, running

PATH = "/utils/token_counter"
ASKED = f"{PATH}?call_endpoint=true"
VENDORS = {
    "claude": {"model": "anthropic/claude-upstream", "api_base": "{url}", "api_key": "sk-up"},
    "gem": {"model": "gemini/gem-upstream", "api_base": "{url}/v1beta", "api_key": "gm-up"},
    "rock": {
        "model": "bedrock/converse/rock-upstream",
        "api_base": "{url}",
        "aws_access_key_id": "AKIDUPSTREAM",
        "aws_secret_access_key": "aws-up-secret",
        "aws_region_name": "eu-west-1",
    },
}


@pytest.fixture(scope="module")
def counting(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    entries = [
        {
            "model_name": name,
            "litellm_params": {field: value.format(url=upstream.url) for field, value in params.items()},
        }
        for name, params in VENDORS.items()
    ]
    models = [deployment("four", upstream.url, model="gpt-4o"), *entries]
    config = {"model_list": models, "general_settings": {"master_key": KEY}}
    with running(tmp_path_factory.mktemp("counting"), config) as gateway:
        yield gateway


def count(gateway: Gateway, path: str = PATH, **body: Any) -> httpx.Response:
    return gateway.http.post(path, json={"model": "four", **body})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"model": 5, "prompt": "a"}',
        b'{"model": "four", "prompt": 5}',
        b'{"model": "four", "messages": "hi"}',
        b'{"model": "four", "messages": [3]}',
        b'{"model": "four", "contents": {}}',
        b'{"model": "four"}',
        b'{"model": "four", "prompt": "\\ud800"}',
        b'{"model": "four", "messages": [{"content": "\\ud800"}]}',
        b'{"model": "four", "messages": [{"role": "user", "content": ' + b'[{"type": "tool_result", "content": ' * 90,
    ],
)
def test_bad_bodies_are_refused(counting: Gateway, content: bytes) -> None:
    answer = counting.http.post(PATH, content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)


def test_without_a_key(counting: Gateway) -> None:
    assert httpx.post(f"{counting.url}{PATH}", json={"model": "four", "prompt": "a"}).status_code == 401


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "type", "text", "tool_calls", "function", "image_url", "parts", "name"]
            ),
            inner | st.sampled_from(["system", "user", "assistant", "tool", "text", "image_url", "tool_use"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


roles = st.sampled_from(["system", "developer", "user", "assistant", "tool", "function"])
likely = st.fixed_dictionaries(
    {"role": roles, "content": anything},
    optional={"tool_calls": anything, "tool_call_id": anything, "name": anything, "parts": anything},
)


@example(model="gem", messages=[{}], name="messages")
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    model=st.sampled_from(["four", *VENDORS]),
    messages=st.lists(anything | likely, max_size=3),
    name=st.sampled_from(["messages", "contents"]),
)
def test_no_message_is_the_gateways_mistake(counting: Gateway, model: str, messages: list[Any], name: str) -> None:
    answer = count(counting, ASKED, model=model, **{name: messages})
    assert answer.status_code in (200, 400, 422), f"{model} {name} {messages}\n{counting.log()[-3000:]}"
    assert "Traceback" not in counting.log()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="no json"),
        Reply(body=[]),
        Reply(body={}),
        Reply(body={"input_tokens": "x", "totalTokens": None, "inputTokens": {}}),
        Reply(status=200, text=""),
        Reply(status=500),
        Reply(reset=True),
    ],
    ids=["text", "list", "nothing", "no-number", "empty", "failed", "reset"],
)
@pytest.mark.parametrize("vendor", VENDORS)
def test_what_a_vendor_cannot_say_is_counted_here(
    counting: Gateway, upstream: UpstreamControl, vendor: str, reply: Reply
) -> None:
    model = VENDORS[vendor]["model"].rpartition("/")[2]
    upstream.script(f"counting-{vendor}", {model: [reply]})
    answer = count(counting, ASKED, model=vendor, messages=[{"role": "user", "content": "Hello, how are you today?"}])
    assert answer.status_code == 200
    assert answer.json()["total_tokens"] == 14
    assert answer.json()["tokenizer_type"] == "openai_tokenizer"
    assert "could not count them" in counting.log()
    assert "aws-up-secret" not in counting.log()


def test_others_do_not_wait_for_a_huge_text(counting: Gateway) -> None:
    """5 MB take a second or two."""
    count(counting, prompt="a")
    text = "The quick brown fox jumps over the lazy dog. " * 110_000
    answers: list[httpx.Response] = []
    client = httpx.Client(headers=AUTHORIZED, trust_env=False, timeout=60)
    body = json.dumps({"model": "four", "prompt": text}).encode()
    thread = threading.Thread(target=lambda: answers.append(client.post(f"{counting.url}{PATH}", content=body)))
    thread.start()
    served = 0
    while thread.is_alive():
        assert counting.http.get("/health/liveliness").status_code == 200
        served += 1
        time.sleep(0.01)
    thread.join()
    assert answers[0].json()["total_tokens"] == 1_100_001
    assert served > 5
