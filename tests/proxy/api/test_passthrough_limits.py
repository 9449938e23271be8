"""Limits and budgets for models hold for calls that are passed through, however they say their model."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running

PATH = "/openai/v1/chat/completions"
AUTH = """
from litellm.proxy._types import UserAPIKeyAuth


async def auth(request, api_key: str) -> UserAPIKeyAuth:
    return UserAPIKeyAuth(api_key="one", metadata={"model_rpm_limit": {"mine": 1}})
"""


def config(upstream: str, **settings: Any) -> dict[str, Any]:
    address = {"OPENAI_API_BASE": f"{upstream}/case/passed", "OPENAI_API_KEY": "sk-up"}
    return {
        "model_list": [deployment("mine", upstream, model="mine-up"), deployment("theirs", upstream)],
        "environment_variables": address,
        "general_settings": {"master_key": KEY, **settings},
    }


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("passed")
    with running(folder, config(upstream.url, database_url=f"sqlite:///{folder}/keys.db")) as started:
        yield started


@pytest.fixture(autouse=True)
def script(upstream: UpstreamControl) -> None:
    upstream.script("passed", {})


def key(gateway: Gateway, **fields: Any) -> dict[str, str]:
    made = gateway.http.post("/key/generate", json=fields)
    assert made.status_code == 200
    return {"authorization": f"Bearer {made.json()['key']}"}


def refused(answer: Any) -> bool:
    return answer.status_code == 429 and "Rate limit exceeded for model_per_key" in answer.text


SAID: dict[str, tuple[str, dict[str, str], bytes]] = {
    "json": (PATH, {"content-type": "application/json"}, b'{"model": "mine"}'),
    "text": (PATH, {"content-type": "text/plain"}, b'{"model": "mine"}'),
    "urlencoded": (PATH, {"content-type": "application/x-www-form-urlencoded"}, b"model=mine"),
    "another-name": (PATH, {"content-type": "application/json"}, b'{"model": "id-mine-up"}'),
    "path": ("/bedrock/model/mine/invoke", {"content-type": "application/json"}, b"{}"),
    "segment": ("/azure/openai/deployments/mine/chat/completions", {"content-type": "application/json"}, b"{}"),
}


@pytest.mark.parametrize("how", SAID)
def test_a_limit_for_a_model_holds(gateway: Gateway, how: str) -> None:
    path, headers, content = SAID[how]
    caller = key(gateway, metadata={"model_rpm_limit": {"mine": 1}})
    answers = [gateway.http.post(path, content=content, headers={**caller, **headers}) for _ in range(2)]
    assert [refused(answer) for answer in answers] == [False, True]
    assert refused(gateway.chat("mine", headers=caller)), "it counts together with the others"
    other = gateway.http.post(PATH, json={"model": "theirs"}, headers=caller)
    assert other.status_code != 429


def test_a_model_with_two_names_counts_once(gateway: Gateway) -> None:
    caller = key(gateway, metadata={"model_rpm_limit": {"mine": 2}}, aliases={"short": "mine"})
    path = "/azure/openai/deployments/mine/chat/completions"
    answers = [gateway.http.post(path, json={"model": "short"}, headers=caller) for _ in range(3)]
    assert [refused(answer) for answer in answers] == [False, False, True]


@pytest.mark.parametrize("metadata", [{"model_rpm_limit": {"mine": 9}}, {"model_tpm_limit": {"mine": 9}}], ids=str)
def test_a_compressed_body_hides_no_limit(gateway: Gateway, metadata: dict[str, Any]) -> None:
    headers = {**key(gateway, metadata=metadata), "content-encoding": "gzip", "content-type": "application/json"}
    answer = gateway.http.post(PATH, content=gzip.compress(b'{"model": "mine"}'), headers=headers)
    assert answer.status_code == 415
    assert "send it as it is" in answer.json()["error"]["message"]


def test_a_model_whose_tokens_are_used_up_is_refused(gateway: Gateway) -> None:
    caller = key(gateway, metadata={"model_tpm_limit": {"mine": 2}})
    body = {"model": "mine", "messages": [{"role": "user", "content": "hello"}]}
    answers = [gateway.http.post(PATH, json=body, headers=caller) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_a_budget_for_a_model_holds(gateway: Gateway, kind: str) -> None:
    caller = key(gateway, model_max_budget={"gpt-4o": {"budget_limit": 1e-6, "time_period": "1d"}})
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    assert gateway.http.post(PATH, json=body, headers=caller).status_code == 200
    content = b"model=gpt-4o" if "form" in kind else b'{"model": "gpt-4o"}'
    answer = gateway.http.post(PATH, content=content, headers={**caller, "content-type": kind})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "budget_exceeded")


def test_a_compressed_body_hides_no_budget(gateway: Gateway) -> None:
    caller = key(gateway, model_max_budget={"gpt-4o": {"budget_limit": 1, "time_period": "1d"}})
    headers = {**caller, "content-encoding": "gzip", "content-type": "application/json"}
    answer = gateway.http.post(PATH, content=gzip.compress(b'{"model": "gpt-4o"}'), headers=headers)
    assert answer.status_code == 415


def test_a_live_session_may_name_any_model(gateway: Gateway) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    url = gateway.url.replace("http", "ws") + "/vertex_ai/live?model=mine"
    caller = key(gateway, metadata={"model_rpm_limit": {"mine": 9}})
    with pytest.raises(InvalidStatus) as error, connect(url, additional_headers=caller):
        pass
    assert error.value.response.status_code == 403


def test_limits_that_a_function_says_hold(upstream: UpstreamControl, tmp_path: Any) -> None:
    (tmp_path / "own_auth.py").write_text(AUTH)
    with running(tmp_path, config(upstream.url, custom_auth="own_auth.auth")) as gateway:
        answers = [gateway.http.post(PATH, json={"model": "mine"}) for _ in range(2)]
    assert [refused(answer) for answer in answers] == [False, True]


def test_limits_that_models_have_hold(upstream: UpstreamControl, tmp_path: Any) -> None:
    settings = config(upstream.url)
    settings["model_list"] = [deployment(name, upstream.url, rpm=1) for name in ("mine", "theirs")]
    settings["litellm_settings"] = {"callbacks": ["dynamic_rate_limiter_v3"]}
    with running(tmp_path, settings) as gateway:
        answers = [gateway.http.post(PATH, json={"model": "mine"}) for _ in range(2)]
        both = gateway.http.post("/azure/openai/deployments/theirs/x", json={"model": "mine"})
        other = gateway.http.post(PATH, json={"model": "theirs"})
    assert ["Model capacity reached for mine" in answer.text for answer in (*answers, both)] == [False, True, True]
    assert other.status_code != 429
