"""Spend of calls as a running gateway keeps it: what contracts cannot show."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.replies import ok, status
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running


@pytest.fixture
def gateway(tmp_path: Path, upstream: UpstreamControl) -> Iterator[Gateway]:
    config = {
        "model_list": [
            deployment("paid", upstream.url, input_cost_per_token=0.001, output_cost_per_token=0.002),
        ],
        "router_settings": {"num_retries": 0},
        "general_settings": {
            "master_key": KEY,
            "database_url": f"sqlite:///{tmp_path}/gateway.db",
            "proxy_batch_write_at": 0.2,
            "pass_through_endpoints": [
                {
                    "path": "/paid-path",
                    "target": f"{upstream.url}/v1/chat/completions",
                    "headers": {"authorization": "Bearer sk-upstream"},
                    "cost_per_request": 0.5,
                }
            ],
        },
    }
    with running(tmp_path, config) as started:
        yield started


def rows(tmp_path: Path, count: int) -> list[dict[str, Any]]:
    """The rows of calls, as soon as there are so many."""
    deadline = time.monotonic() + 10
    while True:
        with sqlite3.connect(f"{tmp_path}/gateway.db") as database:
            database.row_factory = sqlite3.Row
            found = [dict(row) for row in database.execute("SELECT * FROM spend_logs ORDER BY startTime")]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} rows of {count}"
        time.sleep(0.05)


def test_a_call_that_was_passed_through(gateway: Gateway, upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("passed", {"passed": [ok("Hello")]})
    body = {"model": "passed", "messages": [{"role": "user", "content": "hi"}]}
    assert gateway.http.post("/paid-path", json=body).status_code == 200
    [row] = rows(tmp_path, 1)
    assert (row["call_type"], row["spend"], row["status"]) == ("pass_through_endpoint", 0.5, "success")


def test_a_stream_whose_client_leaves_is_charged(gateway: Gateway, upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("left", {"paid": [ok(["word "] * 200).with_(pace=0.02)]})
    body = {"model": "paid", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with gateway.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        next(answer.iter_lines())
    [row] = rows(tmp_path, 1)
    assert (row["status"], row["model_group"], row["request_id"]) == ("success", "paid", "chatcmpl-up1")


def test_callers_without_a_key_leave_no_rows(gateway: Gateway, upstream: UpstreamControl, tmp_path: Path) -> None:
    upstream.script("strangers", {"paid": [status(500), ok("Hello")]})
    stranger = httpx.post(f"{gateway.url}/v1/chat/completions", json={"model": "paid", "messages": []})
    assert stranger.status_code == 401
    failed, answered = gateway.chat("paid"), gateway.chat("paid")
    assert (failed.status_code, answered.status_code) == (500, 200)
    assert [row["status"] for row in rows(tmp_path, 2)] == ["failure", "success"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("proxy_batch_write_at", "often"), ("proxy_batch_write_at", 0), ("spend_journal_folder", "/proc/no")],
)
def test_settings_that_cannot_be(tmp_path: Path, name: str, value: Any) -> None:
    general = {"master_key": KEY, "database_url": f"sqlite:///{tmp_path}/gateway.db", name: value}
    with pytest.raises(RuntimeError, match=name), running(tmp_path, {"model_list": [], "general_settings": general}):
        pass
