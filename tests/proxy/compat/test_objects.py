import asyncio
import json
from typing import Any

import pytest

from proxy.compat.custom_logger import CustomLogger
from proxy.compat.memory_cache import DualCache
from proxy.compat.objects import ModelResponse, Usage

ANSWER = {"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}}], "usage": None}


def test_fields_are_attributes_and_keys() -> None:
    response = ModelResponse(**ANSWER)
    assert response.choices[0].message.content == response["choices"][0]["message"]["content"] == "hi"
    response.choices[0].message.content = "changed"
    response["usage"] = {"total_tokens": 3}
    assert response.usage.total_tokens == 3
    assert response.model_dump()["choices"][0]["message"] == {"role": "assistant", "content": "changed"}
    assert json.loads(response.model_dump_json()) == response.model_dump() == response.json()
    assert response.get("absent", 1) == 1
    assert "usage" in response
    assert "usage" not in ModelResponse(**ANSWER).model_dump(exclude_none=True)
    with pytest.raises(AttributeError, match="ModelResponse has no field 'absent'"):
        _ = response.absent
    assert Usage(total_tokens=3) == response.usage


def test_a_logger_does_nothing_by_default() -> None:
    logger = CustomLogger(turn_off_message_logging=True)
    assert logger.turn_off_message_logging

    async def run() -> list[Any]:
        async def chunks() -> Any:
            for chunk in "ab":
                yield chunk

        stream = logger.async_post_call_streaming_iterator_hook(None, chunks(), {})
        return [
            await logger.async_pre_call_hook(None, None, {}, "acompletion"),
            await logger.async_log_success_event({}, None, None, None),
            await logger.async_filter_deployments("m", [1], None),
            [chunk async for chunk in stream],
        ]

    assert asyncio.run(run()) == [None, None, [1], ["a", "b"]]
    assert logger.logging_hook({"a": 1}, 2, "x") == ({"a": 1}, 2)


def test_the_cache_keeps_values_until_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    cache = DualCache()
    cache.set_cache("forever", 1)
    cache.set_cache("short", {"a": 1}, ttl=10)
    assert asyncio.run(cache.async_increment_cache("count", 2, ttl=10)) == 2
    now[0] += 9
    assert cache.increment_cache("count", 3) == 5
    assert cache.batch_get_cache(["forever", "short", "absent"]) == [1, {"a": 1}, None]
    now[0] += 1
    assert asyncio.run(cache.async_batch_get_cache(["forever", "short", "count"])) == [1, None, None]
    cache.delete_cache("forever")
    assert cache.get_cache("forever") is None
