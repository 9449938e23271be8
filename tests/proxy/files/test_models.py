"""The models that a batch asks for are those that its caller may call."""

import itertools
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from fixtures.replies import Reply, status
from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running

_numbers = itertools.count()


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("models")
    paid = {"input_cost_per_token": 1.0, "output_cost_per_token": 1.0}
    config = {
        "model_list": [
            deployment("night", f"{upstream.url}/u/models", model="gpt-night"),
            deployment("day", f"{upstream.url}/u/models", model="gpt-day", **paid),
        ],
        "files_settings": [
            {"custom_llm_provider": "openai", "api_base": f"{upstream.url}/u/models/v1", "api_key": "sk-up"}
        ],
        "environment_variables": {"OPENAI_API_BASE": f"{upstream.url}/u/models", "OPENAI_API_KEY": "sk-up"},
        "general_settings": {
            "master_key": KEY,
            "database_url": f"sqlite:///{folder}/gateway.db",
            "proxy_batch_write_at": 0.1,
        },
    }
    with running(folder, config) as started:
        yield started


def lines(*models: object) -> bytes:
    bodies = [{"messages": []} if model is None else {"model": model, "messages": []} for model in models]
    return b"\n".join(msgspec.json.encode({"custom_id": "a", "body": body}) for body in bodies)


def key_with(gateway: Gateway, **fields: Any) -> dict[str, str]:
    answer = gateway.http.post("/key/generate", json=fields)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['key']}"}


def made(
    gateway: Gateway, upstream: UpstreamControl, key: dict[str, str], content: bytes, model: str | None = None
) -> httpx.Response:
    """The answer to a batch of these lines."""
    name = f"models{next(_numbers)}"
    upstream.script(name, {name: []})
    form = {"purpose": "batch"} | ({} if model is None else {"model": model})
    # the lines are somebody's who may do anything: not the upload decides
    file = gateway.http.post("/v1/files", data=form, files={"file": (f"{name}.jsonl", content)})
    assert file.status_code == 200, file.text
    asked = {"input_file_id": file.json()["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    answer = gateway.http.post("/v1/batches", json=asked, headers=key)
    assert (answer.status_code == 200) == any(call.path.endswith("/batches") for call in upstream.journal(name))
    return answer


def test_a_model_that_the_key_may_not_call(gateway: Gateway, upstream: UpstreamControl) -> None:
    key = key_with(gateway, models=["gpt-small"])
    assert made(gateway, upstream, key, lines("gpt-small", "gpt-small")).status_code == 200
    answer = made(gateway, upstream, key, lines("gpt-small", "gpt-small", "gpt-large", "gpt-huge"))
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert "line 3: key not allowed to access model." in error["message"]
    assert "Tried to access gpt-large" in error["message"]
    assert (error["type"], error["param"]) == ("key_model_access_denied", "model")


def test_a_model_that_the_team_may_not_call(gateway: Gateway, upstream: UpstreamControl) -> None:
    team = gateway.http.post("/team/new", json={"models": ["gpt-small"]}).json()["team_id"]
    key = key_with(gateway, team_id=team)
    assert made(gateway, upstream, key, lines("gpt-small")).status_code == 200
    answer = made(gateway, upstream, key, lines("gpt-large"))
    assert answer.status_code == 401
    assert "line 1: team not allowed to access model." in answer.json()["error"]["message"]


def test_the_vendors_name_of_the_model_that_the_account_is_of(gateway: Gateway, upstream: UpstreamControl) -> None:
    key = key_with(gateway, models=["night"])
    assert made(gateway, upstream, key, lines("gpt-night"), model="night").status_code == 200
    assert made(gateway, upstream, key, lines("gpt-day"), model="night").status_code == 401
    assert made(gateway, upstream, key, lines("gpt-night")).status_code == 401


@pytest.mark.parametrize("model", [None, 7, ["gpt-small"]])
def test_a_line_that_names_no_model(gateway: Gateway, upstream: UpstreamControl, model: object) -> None:
    content = lines("gpt-small", model)
    answer = made(gateway, upstream, key_with(gateway, models=["gpt-small"]), content)
    assert answer.status_code == 403
    assert "line 2: it names no model" in answer.json()["error"]["message"]
    assert made(gateway, upstream, key_with(gateway), content).status_code == 200


def test_an_alias_grants_no_model_of_its_name(gateway: Gateway, upstream: UpstreamControl) -> None:
    """A batch goes to the vendor as it is, where the alias means nothing."""
    asked = {"models": ["gpt-small"], "model_aliases": {"gpt-large": "gpt-small"}}
    team = gateway.http.post("/team/new", json=asked).json()["team_id"]
    assert made(gateway, upstream, key_with(gateway, team_id=team), lines("gpt-large")).status_code == 401


def test_a_model_whose_budget_is_spent(gateway: Gateway, upstream: UpstreamControl) -> None:
    upstream.script("models-spent", {"gpt-day": []})
    key = key_with(gateway, model_max_budget={"day": {"budget_limit": 0.05, "time_period": "1d"}})
    assert made(gateway, upstream, key, lines("day")).status_code == 200
    body = {"model": "day", "messages": [{"role": "user", "content": "hi"}]}
    assert gateway.http.post("/v1/chat/completions", json=body, headers=key).status_code == 200
    answer = made(gateway, upstream, key, lines("gpt-other", "day"))
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "budget_exceeded"
    assert "line 2: " in answer.json()["error"]["message"]
    assert made(gateway, upstream, key, lines("gpt-other")).status_code == 200


@pytest.mark.parametrize(("models", "expected"), [(["gpt-small"], 404), ([], 200)])
def test_a_file_that_cannot_be_read(
    gateway: Gateway, upstream: UpstreamControl, models: list[str], expected: int
) -> None:
    name = f"models{next(_numbers)}"
    upstream.script(name, {name: [Reply(), status(404), Reply()]})
    key = key_with(gateway, models=models)
    gateway.http.post("/v1/files", data={"purpose": "batch"}, files={"file": (f"{name}.jsonl", lines("gpt-small"))})
    asked = {"input_file_id": f"file-up:{name}", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    answer = gateway.http.post("/v1/batches", json=asked, headers=key)
    assert answer.status_code == expected
    if models:
        assert "The input file cannot be read" in answer.json()["error"]["message"]
