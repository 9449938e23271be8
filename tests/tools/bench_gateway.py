"""A trivial gateway for the benchmark's tests: passes requests on, well or badly.

python bench_gateway.py CONFIG PORT [FAULT]; a fault: cut-stream, lose-chunk, wrong-text, refuse, never-ready
"""

import sys
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml

CONFIG, PORT = Path(sys.argv[1]), int(sys.argv[2])
FAULT = sys.argv[3] if len(sys.argv) > 3 else ""
CHUNK_TO_LOSE = 50


def upstream() -> str:
    [deployment] = yaml.safe_load(CONFIG.read_text())["model_list"]
    base: str = deployment["litellm_params"]["api_base"]
    return f"{base}/chat/completions"


class Gateway:
    def __init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=30)
        self.url = upstream()
        self.answered = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        # The first request decides that the gateway is ready.
        self.answered += 1
        if FAULT == "refuse" and self.answered > 1:
            await respond(send, 503, b'{"error": "busy"}')
        elif b'"stream": true' in body:
            await self.stream(body, send)
        else:
            answer = await self.client.post(self.url, content=body)
            changed = FAULT == "wrong-text" and self.answered > 1
            await respond(
                send, answer.status_code, answer.content.replace(b"word042", b"") if changed else answer.content
            )

    async def stream(self, body: bytes, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        async with self.client.stream("POST", self.url, content=body) as answer:
            number = 0
            async for line in answer.aiter_lines():
                if not line:
                    continue
                number += 1
                if FAULT == "lose-chunk" and number == CHUNK_TO_LOSE:
                    continue
                if FAULT == "cut-stream" and number == CHUNK_TO_LOSE:
                    break
                await send({"type": "http.response.body", "body": f"{line}\n\n".encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def respond(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    if FAULT == "never-ready":
        sys.exit("this gateway refuses to start")
    uvicorn.run(Gateway(), host="127.0.0.1", port=PORT, lifespan="off", access_log=False, log_level="warning")
