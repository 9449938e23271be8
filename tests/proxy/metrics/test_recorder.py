"""The recorder's memory is bounded, whatever clients send."""

from pathlib import Path

import pytest

from proxy.call import Call, Identity, Outcome, Usage
from proxy.config.model import DeploymentParams, ModelEntry, ProxyConfig
from proxy.gateway import Gateway
from proxy.metrics import recorder as recorder_module
from proxy.metrics.exposition import exposition
from proxy.metrics.recorder import OTHER
from proxy.routing.plan import Hop, Route

CALLER = Identity(user_id="someone")


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    monkeypatch.setattr(recorder_module, "MAX_SERIES", 20)
    entry = ModelEntry(model_name="group", params=DeploymentParams(model="openai/*"), model_info={"id": "it"})
    return Gateway(ProxyConfig(model_list=(entry,), folder=Path()))


def ended(gateway: Gateway, *, path: str = "/v1/chat/completions", agent: str = "agent", model: str = "group") -> None:
    call = Call(gateway.snapshot, "chat", {b"user-agent": agent.encode()})
    call.path, call.model, call.identity = path, model, CALLER
    deployment = gateway.snapshot.router.groups.deployments[0].serving(model)
    call.outcome = Outcome("done", 200, Usage(1, 1, 2), route=Route(deployment, Hop("group"), 0, None, 0))
    gateway.recorder.ended(call, call.outcome)


def test_all_calls_are_counted_beyond_the_limit(gateway: Gateway) -> None:
    for number in range(100):
        ended(gateway, agent=f"agent-{number}", model=f"model-{number}")
    series = gateway.recorder.calls
    assert len(series) <= 20 + 1
    assert sum(item.calls for item in series.values()) == 100
    assert sum(item.calls for of, item in series.items() if of.user_agent == OTHER.encode()) == 80
    assert len(gateway.recorder.deployments) <= 20


def test_paths_that_hold_a_name_are_one_route(gateway: Gateway) -> None:
    for number in range(10):
        ended(gateway, path=f"/openai/deployments/{number}/chat/completions")
    ended(gateway, path="/chat/completions")
    assert {of.route for of in gateway.recorder.calls} == {"/v1/chat/completions", "/chat/completions"}


def test_labels_of_any_text_can_be_shown(gateway: Gateway) -> None:
    ended(gateway, agent='bad"\n\\agent')
    text = exposition(gateway.recorder, gateway.cooldowns, gateway.snapshot.router.groups.deployments, 0)
    assert rb'user_agent="bad\"\n\\agent"' in text
