"""A6: how each vendor is asked for a session."""

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("A6", config="A6/realtime.yaml")
KIND = ["messages[*].binary"]


def test_xai(case: Case) -> None:
    case.script({"grok-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=grok-voice")
    assert socket.receive()["type"] == "session.created"
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    [call] = case.journal()
    assert (call.path, call.query) == ("/v1/realtime", {"model": "grok-voice-upstream"})
    assert call.headers["authorization"] == "Bearer xai-up-voice"
    assert "openai-beta" not in call.headers


def test_azure(case: Case) -> None:
    case.script({"azure-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=azure-voice")
    assert socket.receive()["type"] == "session.created"
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    [call] = case.journal()
    assert call.entry["host"] == "contoso.openai.azure.com"
    assert call.path == "/openai/realtime"
    assert call.query == {"api-version": "2025-04-01-preview", "deployment": "azure-voice-upstream"}
    assert call.headers["api-key"] == "azure-up-voice"
    assert "openai-beta" not in call.headers


def test_azure_without_versions(case: Case) -> None:
    case.script({"general-voice-upstream": []})
    socket = case.connect("/v1/realtime?model=general-voice")
    assert socket.receive()["session"]["model"] == "general-voice-upstream"
    socket.close()
    case.assert_same_as_recorded(ignore=KIND)
    [call] = case.journal()
    assert (call.path, call.query) == ("/openai/v1/realtime", {"model": "general-voice-upstream"})


def test_a_vendor_without_sessions(case: Case) -> None:
    case.script({"silent-voice-upstream": []})
    ended = case.connect("/v1/realtime?model=silent-voice").ended()

    def as_recorded(ended: Exchange) -> None:
        assert (ended.end, ended.reason) == ("dropped", "")

    def required(ended: Exchange) -> None:
        assert ended.end == "1008"
        assert ended.reason == "Unsupported model: silent-voice-upstream; anthropic has no realtime API"

    assert len(case.journal()) == 0
    case.deviates(ended, as_recorded=as_recorded, required=required)
