"""Requests as bytes, and errors as they must be told."""

from typing import Any

import httpx

from tests.gateways import Gateway

CHAT = "/v1/chat/completions"
MESSAGES = [{"role": "user", "content": "hi"}]


def post(gateway: Gateway, content: bytes, path: str = CHAT, **headers: str) -> httpx.Response:
    return gateway.http.post(path, content=content, headers={"content-type": "application/json", **headers})


def error(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    told: dict[str, Any] = answer.json()["error"]
    assert set(told) == {"message", "type", "param", "code"}
    assert told["code"] == str(status)
    return told
