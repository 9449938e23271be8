"""Limits and budgets for models hold however a call comes to them: by its name, a client's fallback, an auto router."""

from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.replies import ok, status, stream
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, eventually, running

CASE = "rerouting"
GROUPS = ("failing", "kept", "spare", "dear")
PRICE = {"input_cost_per_token": 1.0, "output_cost_per_token": 1.0}
TIERS = dict.fromkeys(("SIMPLE", "MEDIUM", "COMPLEX", "REASONING"), "dear")


def config(upstream: str, folder: Any) -> dict[str, Any]:
    return {
        "model_list": [
            *(deployment(name, upstream, max_retries=0) for name in ("failing", "kept", "spare")),
            deployment("dear", upstream, **PRICE),
            deployment("backed", upstream, model="failing"),
            {
                "model_name": "auto",
                "litellm_params": {
                    "model": "auto_router/complexity_router",
                    "complexity_router_config": {"tiers": TIERS},
                    "complexity_router_default_model": "dear",
                },
            },
        ],
        "router_settings": {
            "num_retries": 0,
            "allowed_fails": 10**6,
            "fallbacks": [{"backed": ["kept"]}, {"auto": ["spare"]}],
        },
        "litellm_settings": {"responses": {"background_mode": {"polling_via_cache": "all"}}},
        "general_settings": {"master_key": KEY, "database_url": f"sqlite:///{folder}/keys.db"},
    }


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("rerouting")
    with running(folder, config(upstream.url, folder)) as started:
        yield started


@pytest.fixture(autouse=True)
def script(upstream: UpstreamControl) -> None:
    upstream.script(CASE, {**{name: [] for name in GROUPS}, "failing": [status(500)] * 9})


def key(gateway: Gateway, **fields: Any) -> dict[str, str]:
    made = gateway.http.post("/key/generate", json=fields)
    assert made.status_code == 200
    return {"authorization": f"Bearer {made.json()['key']}"}


def served(upstream: UpstreamControl) -> list[str]:
    """The models that vendors were asked for."""
    return [entry.body["model"] for entry in upstream.journal(CASE)]


@pytest.mark.parametrize(
    "fallbacks",
    [["kept"], [{"model": "kept", "temperature": 0}], [{"failing": ["kept"]}], [{"*": ["kept"]}]],
    ids=["name", "fields", "list", "default"],
)
def test_a_fallback_that_a_client_names_has_limits(
    gateway: Gateway, upstream: UpstreamControl, fallbacks: list[Any]
) -> None:
    caller = key(gateway, metadata={"model_rpm_limit": {"kept": 1}})
    answers = [gateway.chat("failing", headers=caller, fallbacks=fallbacks) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 500]
    assert "Error doing the fallback: Rate limit exceeded for model_per_key" in answers[1].json()["error"]["message"]
    assert served(upstream) == ["failing", "kept", "failing"]
    assert gateway.chat("kept", headers=caller).status_code == 429


def test_the_next_fallback_is_tried(gateway: Gateway, upstream: UpstreamControl) -> None:
    caller = key(gateway, metadata={"model_rpm_limit": {"kept": 0}})
    answer = gateway.chat("failing", headers=caller, fallbacks=["kept", "spare"])
    assert answer.status_code == 200
    assert served(upstream) == ["failing", "spare"]


def test_a_fallback_by_another_list_has_limits(gateway: Gateway, upstream: UpstreamControl) -> None:
    overlong = {
        "error": {"message": "This model's maximum context length is 9 tokens.", "type": "invalid_request_error"}
    }
    refusal = status(400).with_(body=overlong)
    upstream.script(CASE, {**{name: [] for name in GROUPS}, "failing": [refusal] * 2})
    caller = key(gateway, metadata={"model_rpm_limit": {"kept": 1}})
    lists = {"context_window_fallbacks": [{"failing": ["kept"]}]}
    answers = [gateway.chat("failing", headers=caller, **lists) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert served(upstream) == ["failing", "kept", "failing"]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_fallbacks_tokens_count_on_its_model(gateway: Gateway, upstream: UpstreamControl, streamed: bool) -> None:
    caller = key(gateway, metadata={"model_tpm_limit": {"kept": 9, "spare": 9}})
    told = stream(["a", "b"]) if streamed else ok("an answer")
    kept = [status(500), told]
    upstream.script(CASE, {**{name: [] for name in GROUPS}, "failing": [status(500)], "kept": kept, "spare": [told]})
    first = gateway.chat("failing", headers=caller, fallbacks=["kept", "spare"], stream=streamed)
    assert first.status_code == 200
    assert served(upstream) == ["failing", "kept", "spare"]
    # "kept" answered nothing: it has the one token of an attempt, and "spare" has all that were used
    assert gateway.chat("kept", headers=caller, max_tokens=1).status_code == 200
    assert gateway.chat("spare", headers=caller).status_code == 429


def test_fallbacks_of_the_config_have_none(gateway: Gateway, upstream: UpstreamControl) -> None:
    caller = key(gateway, metadata={"model_rpm_limit": {"kept": 0}})
    assert gateway.chat("backed", headers=caller).status_code == 200
    assert served(upstream) == ["failing", "kept"]


def test_a_broken_stream_is_continued_within_limits(gateway: Gateway, upstream: UpstreamControl) -> None:
    broken = stream(["a", "b"], error_after=2)
    upstream.script(CASE, {**{name: [] for name in GROUPS}, "failing": [broken] * 2, "kept": [stream(["c"])]})
    caller = key(gateway, metadata={"model_rpm_limit": {"kept": 1}})
    answers = [gateway.chat("failing", headers=caller, fallbacks=["kept"], stream=True) for _ in range(2)]
    assert ["error" in answer.text for answer in answers] == [False, True]
    assert served(upstream) == ["failing", "kept", "failing"]


def test_a_response_in_the_background_has_limits_too(gateway: Gateway, upstream: UpstreamControl) -> None:
    caller = key(gateway, metadata={"model_rpm_limit": {"kept": 1}})
    body = {"model": "failing", "input": "hi", "background": True, "fallbacks": ["kept"]}

    def done() -> str:
        begun = gateway.http.post("/v1/responses", json=body, headers=caller).json()
        path = f"/v1/responses/{begun['id']}"
        states = {"queued", "in_progress"}
        assert eventually(lambda: gateway.http.get(path, headers=caller).json()["status"] not in states)
        return str(gateway.http.get(path, headers=caller).json()["status"])

    assert [done(), done()] == ["completed", "failed"]
    assert served(upstream) == ["failing", "kept", "failing"]


def test_the_choice_of_an_auto_router_has_limits(gateway: Gateway, upstream: UpstreamControl) -> None:
    caller = key(gateway, metadata={"model_rpm_limit": {"dear": 1}})
    answers = [gateway.chat("auto", headers=caller) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert "Rate limit exceeded for model_per_key" in answers[1].json()["error"]["message"]
    assert served(upstream) == ["dear"], "a call that is refused has no fallback"


def test_the_choice_of_an_auto_router_has_a_budget(gateway: Gateway, upstream: UpstreamControl) -> None:
    budget = {"budget_limit": 0.5, "time_period": "1d"}
    caller = key(gateway, model_max_budget={"dear": budget})
    answers = [gateway.chat("auto", headers=caller) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert answers[1].json()["error"]["type"] == "budget_exceeded"
    assert served(upstream) == ["dear"]


def test_an_auto_router_that_a_client_falls_back_to_chooses_within_budgets(
    gateway: Gateway, upstream: UpstreamControl
) -> None:
    caller = key(gateway, model_max_budget={"dear": {"budget_limit": 0.5, "time_period": "1d"}})
    assert gateway.chat("dear", headers=caller).status_code == 200
    answer = gateway.chat("failing", headers=caller, fallbacks=["auto", "spare"])
    assert answer.status_code == 200
    assert served(upstream) == ["dear", "failing", "spare"]


def test_a_models_own_limits_hold_for_fallbacks(upstream: UpstreamControl, tmp_path: Any) -> None:
    upstream.script(CASE, {"failing": [status(500)] * 2, "kept": []})
    settings = {
        "model_list": [
            deployment("failing", upstream.url, max_retries=0),
            deployment("kept", upstream.url, rpm=1),
        ],
        "router_settings": {"num_retries": 0, "allowed_fails": 10**6},
        "litellm_settings": {"callbacks": ["dynamic_rate_limiter_v3"]},
        "general_settings": {"master_key": KEY},
    }
    with running(tmp_path, settings) as gateway:
        answers = [gateway.chat("failing", fallbacks=["kept"]) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 500]
        assert "Model capacity reached for kept" in answers[1].json()["error"]["message"]
    assert served(upstream) == ["failing", "kept", "failing"]
