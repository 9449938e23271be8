"""What is read from sessions, and what is said of their end."""

from __future__ import annotations

import json

import pytest

from proxy.api.realtime import with_key
from proxy.call import Usage
from proxy.config.model import GeneralSettings
from proxy.realtime.limits import VARIABLE, max_message_bytes
from proxy.realtime.relay import LOST, ended_well, told_to_client
from proxy.realtime.usage import LiveUsage, ResponseUsage
from proxy.upstream.websocket import Closed, short


def done(**usage: object) -> str:
    return json.dumps({"type": "response.done", "response": {"usage": usage}})


class TestUsage:
    def test_responses_add_up(self) -> None:
        read = ResponseUsage()
        details = {"cached_tokens": 3, "audio_tokens": 1}
        read(done(input_tokens=10, output_tokens=5, total_tokens=15, input_token_details=details))
        read(done(input_tokens=1, output_tokens=2, total_tokens=3).encode())
        assert read.total == Usage(prompt_tokens=11, completion_tokens=7, total_tokens=18, cached_tokens=3)

    @pytest.mark.parametrize(
        "message",
        [
            '"response.done"',
            '{"type": "response.done"',
            b'\xff"response.done"',
            json.dumps({"type": "other", "says": "response.done", "response": {"usage": {"input_tokens": 5}}}),
            json.dumps({"type": "response.done", "response": None}),
            json.dumps({"type": "response.done", "response": {"usage": {"input_tokens": "five"}}}),
            "[" * 5000 + '"response.done"' + "]" * 5000,
        ],
    )
    def test_what_is_not_understood_counts_nothing(self, message: str | bytes) -> None:
        read = ResponseUsage()
        read(message)
        assert read.total == Usage()

    def test_live_turns_add_up_and_setup_names_the_model(self) -> None:
        read = LiveUsage()
        read.said(json.dumps({"setup": {"model": "projects/p/locations/l/publishers/google/models/gemini-live"}}))
        read.said(json.dumps({"setup": {"model": "models/other"}}))
        counts = {"promptTokenCount": 4, "responseTokenCount": 2, "thoughtsTokenCount": 1, "totalTokenCount": 7}
        for _ in range(2):
            read.heard(json.dumps({"usageMetadata": counts}).encode())
        read.heard(b'{"usageMetadata": 1}')
        assert read.model == "gemini-live"
        assert read.total == Usage(prompt_tokens=8, completion_tokens=6, total_tokens=14, reasoning_tokens=2)


class TestEndings:
    @pytest.mark.parametrize(
        ("closed", "told"),
        [
            (Closed(1000, "bye"), Closed(1000, "bye")),
            (Closed(4999), Closed(4999)),
            (Closed(1013), Closed(1013)),
            (Closed(1005), Closed(1000)),
            (Closed(1006), LOST),
            (Closed(None), LOST),
            (Closed(1015), LOST),
            (Closed(2000), LOST),
            (Closed(5000), LOST),
        ],
    )
    def test_codes_that_may_stand_in_a_frame_are_passed_on(self, closed: Closed, told: Closed) -> None:
        assert told_to_client(closed) == told

    def test_what_is_a_good_end(self) -> None:
        assert [ended_well(closed) for closed in (None, Closed(1000), Closed(1001))] == [True] * 3
        assert [ended_well(closed) for closed in (Closed(1011), Closed(None), Closed(1005))] == [False] * 3

    @pytest.mark.parametrize("reason", ["", "x" * 200, "ü" * 100, "\U0001f399" * 50])
    def test_reasons_are_cut_between_characters(self, reason: str) -> None:
        cut = short(reason)
        assert reason.startswith(cut)
        assert len(cut.encode()) <= 123
        assert len(cut.encode()) > 119 or cut == reason


class TestKeys:
    def test_a_key_among_the_subprotocols_becomes_a_header_and_is_forgotten(self) -> None:
        protocols = ["realtime", "openai-insecure-api-key.sk-1"]
        given = {b"sec-websocket-protocol": b", ".join(name.encode() for name in protocols)}
        assert with_key(given, protocols) == {b"authorization": b"Bearer sk-1", b"sec-websocket-protocol": b"realtime"}

    def test_a_header_counts_more(self) -> None:
        headers = with_key({b"authorization": b"Bearer sk-2"}, ["openai-insecure-api-key.sk-1"])
        assert headers[b"authorization"] == b"Bearer sk-2"

    def test_without_one_nothing_changes(self) -> None:
        assert with_key({b"a": b"b"}, ["realtime"]) == {b"a": b"b"}


class TestLimits:
    def test_the_setting_then_the_variable_then_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(VARIABLE, raising=False)
        assert max_message_bytes(GeneralSettings()) == 16_000_000
        monkeypatch.setenv(VARIABLE, "5000")
        assert max_message_bytes(GeneralSettings()) == 5000
        assert max_message_bytes(GeneralSettings(realtime_max_message_mb=0.5)) == 500_000
        monkeypatch.setenv(VARIABLE, "many")
        assert max_message_bytes(GeneralSettings()) == 16_000_000
