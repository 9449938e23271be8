"""A gateway of a few lines, so that the harness can be tried without any real one.

    python fake_gateway.py --config FILE --port N [--status 418] [--text CHANGED] [--leak]

It serves chat completions by relaying them to the deployment's `api_base`; the options break it in one way each.
"""

from __future__ import annotations

import argparse
import json
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


def make_handler(options: argparse.Namespace, deployments: dict[str, dict[str, str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(200, {"status": "healthy"})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.headers["authorization"] != "Bearer sk-1234":
                self.answer(401, {"error": {"message": "no", "type": "auth_error", "param": None, "code": "401"}})
                return
            deployment = deployments[body["model"]]
            sent = {**body, "model": deployment["model"].removeprefix("openai/")}
            key = self.headers["authorization"] if options.leak else f"Bearer {deployment['api_key']}"
            request = urllib.request.Request(
                f"{deployment['api_base']}/chat/completions",
                json.dumps(sent).encode(),
                {"content-type": "application/json", "authorization": key},
            )
            with urllib.request.urlopen(request) as answer:
                if body.get("stream"):
                    self.relay(answer)
                    return
                received = json.loads(answer.read())
            received["model"] = body["model"]
            if options.text:
                received["choices"][0]["message"]["content"] = options.text
            self.answer(options.status, received)

        def relay(self, answer: Any) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            while piece := answer.read1():
                self.wfile.write(piece)

        def answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.send_header("x-litellm-call-id", str(uuid.uuid4()))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--status", type=int, default=200)
    parser.add_argument("--text", default="")
    parser.add_argument("--leak", action="store_true")
    parser.add_argument("--refuse-to-start", action="store_true")
    options = parser.parse_args()
    if options.refuse_to_start:
        raise SystemExit("the fake gateway refuses to start")
    config = yaml.safe_load(Path(options.config).read_text())
    deployments = {entry["model_name"]: entry["litellm_params"] for entry in config["model_list"]}
    ThreadingHTTPServer(("127.0.0.1", options.port), make_handler(options, deployments)).serve_forever()


if __name__ == "__main__":
    main()
