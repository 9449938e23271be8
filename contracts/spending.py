"""What cases about spend share: answers with ids of their own, keys, and waiting for what is written."""

from typing import Any

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from fixtures.replies import Reply, json

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def answer(name: str, **usage: Any) -> Reply:
    """A chat completion with an id of its own: rows are stored by it."""
    return json(
        {
            "id": f"chatcmpl-{name}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "paid",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Paid"}, "finish_reason": "stop"}],
            "usage": {**USAGE, **usage},
        }
    )


def chunks(name: str) -> Reply:
    """The same as a stream, which says its usage."""
    head = {"id": f"chatcmpl-{name}", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "streamed"}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, {"content": "Pa"}, {"content": "id"}]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    events: list[Any] = [{**head, "choices": [choice]} for choice in choices]
    return Reply(events=[*events, {**head, "choices": [], "usage": USAGE}, "[DONE]"])


def new_key(case: Case, alias: str, **fields: Any) -> str:
    made = case.post("/key/generate", {"key_alias": alias, **fields})
    assert made.status == 200
    return str(made.json["key"])


def logged(case: Case, key: str, rows: int = 1) -> Exchange:
    """The rows of a key, as soon as there are so many."""
    return case.until(lambda: case.get(f"/spend/logs?api_key={key}"), lambda found: len(found.json) >= rows)


def charged(case: Case, name: str, *, group: str = "priced-group", **fields: Any) -> str:
    """A key with one call that is stored as `chatcmpl-NAME`; the case has scripted its answer."""
    key = new_key(case, name, **fields)
    options = {"key": key, "headers": {"x-litellm-customer-id": f"{name}-customer"}}
    case.chat(group, options=options, metadata={"tags": [f"{name}-tag"]})
    logged(case, key)
    return key
