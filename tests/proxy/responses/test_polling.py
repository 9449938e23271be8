import asyncio
import time
from typing import Any

import msgspec
import pytest

from proxy.call import Identity
from proxy.responses import polling
from proxy.responses.polling import Polls, Progress
from proxy.state.memory import MemoryState

MESSAGE = {"id": "msg_1", "type": "message", "content": []}


def progress(*events: Any) -> Progress:
    made = Progress(Identity(user_id="alice"), {"a": "b"})
    made.begin()
    for event in events:
        made.take(event if isinstance(event, bytes) else msgspec.json.encode(event))
    return made


def test_it_begins_with_nothing() -> None:
    response = Progress(Identity(), {}).response
    assert response["id"].startswith("litellm_poll_")
    assert (response["status"], response["output"], response["model"]) == ("queued", [], None)


def test_it_grows() -> None:
    made = progress(
        {"type": "response.output_item.added", "item": MESSAGE},
        {"type": "response.content_part.added", "item_id": "msg_1", "part": {"type": "output_text", "text": ""}},
        {"type": "response.output_text.delta", "item_id": "msg_1", "content_index": 0, "delta": "Good"},
        {"type": "response.output_text.delta", "item_id": "msg_1", "content_index": 0, "delta": " day."},
    )
    assert made.response["status"] == "in_progress"
    assert made.response["output"][0]["content"][0]["text"] == "Good day."


@pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
def test_its_end_is_the_vendors(status: str) -> None:
    told = {"id": "resp_1", "model": "m", "error": {"code": "x"} if status == "failed" else None, "usage": {"a": 1}}
    made = progress({"type": f"response.{status}", "response": told | {"output": [MESSAGE]}})
    assert made.response["status"] == status
    assert made.response["output"] == [MESSAGE]
    assert made.response["error"] == told["error"]
    assert made.poll.made == "resp_1"
    assert made.response["id"].startswith("litellm_poll_")


@pytest.mark.parametrize(
    "event",
    [
        b"no json",
        b"[]",
        b"7",
        b'{"type": "\xff"}',
        b'{"type":' + b"[" * 100_000,
        {"type": "response.hologram"},
        {"type": "response.output_text.delta", "item_id": "unknown", "delta": "x"},
        {"type": 5, "item": {}},
        {"type": "response.output_item.added"},
        {"type": "response.output_item.added", "item": 7},
        {"type": "response.completed", "response": {"output": [7]}},
    ],
)
def test_what_is_no_event_is_skipped(event: Any) -> None:
    assert progress(event).response["output"] == []


def test_a_wish_to_stop_is_no_response() -> None:
    async def scenario() -> None:
        state = MemoryState()
        polls, made = Polls(state, 60), progress()
        await polls.put(made.poll)
        await polls.stop(made.id, "deleted")
        assert await polls.stopped(made.id) == "deleted"
        await state.put("response:litellm_poll_1", b"no poll", 60)
        for name in (f"{made.id}:stop", "litellm_poll_1", f"{made.id}\n"):
            assert await polls.get(name) is None

    asyncio.run(scenario())


def test_an_error_fails_it() -> None:
    made = progress({"type": "error", "message": "it broke"})
    assert made.response["status"] == "failed"
    assert made.response["error"]["message"] == "it broke"


def test_one_whose_process_is_gone_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def looked_up() -> str:
        polls = Polls(MemoryState(), 60)
        made = progress()
        await polls.put(made.poll)
        poll = await polls.get(made.id)
        assert poll is not None
        assert poll.seen()["status"] == "in_progress"
        now = time.time()
        monkeypatch.setattr(polling.time, "time", lambda: now + polling.DEAD_SECONDS + 1)
        seen: dict[str, Any] = poll.seen()
        assert seen["error"]["code"] == "background_interrupted"
        return str(seen["status"])

    assert asyncio.run(looked_up()) == "failed"
