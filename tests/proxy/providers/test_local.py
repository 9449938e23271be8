"""Answers without a vendor: ``mock_response`` and the offline model."""

import asyncio
import json
from typing import Any

import pytest

from proxy.call import Usage
from proxy.errors import Failure
from proxy.providers.base import Attempt, Reply
from proxy.providers.mock import mock_reply
from proxy.providers.offline import provider as offline
from proxy.providers.openai.format import raw
from tests.proxy.providers.pumping import events_of
from tests.proxy.routing.making import deployment


def attempt(endpoint: str = "chat", *, stream: bool = False, **body: Any) -> Attempt:
    return Attempt(
        deployment=deployment(model="offline/echo"),
        endpoint=endpoint,
        body={name: raw(value) for name, value in body.items()},
        stream=stream,
        timeout=1.0,
        shown_model="asked-for",
    )


def offline_reply(asked: Attempt) -> Reply:
    return asyncio.run(offline.send(asked, None))  # type: ignore[arg-type]


def events(reply: Reply) -> list[Any]:
    async def read() -> list[bytes]:
        assert reply.stream is not None
        return await events_of(reply.stream)

    *chunks, last = asyncio.run(read())
    assert last == b"[DONE]"
    return [json.loads(chunk) for chunk in chunks]


class TestMock:
    def test_a_chat_completion(self) -> None:
        answer = json.loads(mock_reply(attempt(), "hello").body)
        assert answer["model"] == "asked-for"
        assert answer["choices"][0]["message"] == {"content": "hello", "role": "assistant"}
        assert answer["usage"] == {"completion_tokens": 20, "prompt_tokens": 10, "total_tokens": 30}

    def test_a_stream(self) -> None:
        chunks = events(mock_reply(attempt(stream=True), "hello world"))
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "hello world"
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        assert len({chunk["id"] for chunk in chunks}) == 1

    def test_a_stream_of_nothing_ends_properly(self) -> None:
        assert events(mock_reply(attempt(stream=True), ""))[-1]["choices"][0]["finish_reason"] == "stop"

    def test_a_text_completion(self) -> None:
        assert json.loads(mock_reply(attempt("completions"), "hello").body)["choices"][0]["text"] == "hello"
        chunks = events(mock_reply(attempt("completions", stream=True), "hello"))
        assert "".join(chunk["choices"][0].get("text", "") for chunk in chunks) == "hello"

    def test_embeddings(self) -> None:
        answer = json.loads(mock_reply(attempt("embeddings", input="a"), [0.1, 0.2]).body)
        assert answer["data"] == [{"embedding": [0.1, 0.2], "index": 0, "object": "embedding"}]

    @pytest.mark.parametrize("name", ["RateLimitError", "InternalServerError", "ContextWindowExceededError"])
    def test_errors_by_name(self, name: str) -> None:
        with pytest.raises(Failure) as caught:
            mock_reply(attempt(), f"litellm.{name}")
        assert caught.value.message.startswith(f"litellm.{name}: ")

    @pytest.mark.parametrize("response", [5, True, {"a": 1}, [1], "\u2028\u0000é"])
    def test_anything_may_be_said(self, response: Any) -> None:
        json.loads(mock_reply(attempt(), response).body)


class TestOffline:
    def test_it_repeats_the_user(self) -> None:
        messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "x"}]
        messages.append({"role": "user", "content": [{"type": "text", "text": "two"}, {"type": "image_url"}]})
        reply = offline_reply(attempt(messages=messages))
        assert json.loads(reply.body)["choices"][0]["message"]["content"] == "You said: two"
        assert reply.usage == Usage(1, 3, 4)

    def test_equal_texts_have_equal_vectors(self) -> None:
        data = json.loads(offline_reply(attempt("embeddings", input=["a", "a", "b"])).body)["data"]
        one, same, other = (item["embedding"] for item in data)
        assert one == same != other
        assert all(-1 <= number <= 1 for number in one)

    def test_a_stream_says_the_same(self) -> None:
        chunks = events(offline_reply(attempt(stream=True, messages=[{"role": "user", "content": "hi there"}])))
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        assert text == "You said: hi there"

    @pytest.mark.parametrize(
        "messages", [[], [{}], [{"role": "user"}], [{"role": "user", "content": 5}], [{"role": "user", "content": [5]}]]
    )
    def test_odd_messages_are_answered(self, messages: Any) -> None:
        assert offline_reply(attempt(messages=messages)).body

    @pytest.mark.parametrize("messages", [None, "text", [1], {"role": "user"}])
    def test_what_is_no_list_of_messages_is_refused(self, messages: Any) -> None:
        with pytest.raises(Failure) as caught:
            offline_reply(attempt(messages=messages))
        assert caught.value.status == 400
