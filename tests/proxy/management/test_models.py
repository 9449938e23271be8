"""Who may store which models, and that nothing stored is shown or sent where it must not go."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.call import Identity
from proxy.errors import GatewayError
from proxy.management import models
from tests.proxy.api.serving import KEY, Client, serving

CONFIG = """
model_list:
  - model_name: of-file
    litellm_params: {model: offline/echo}
    model_info: {id: file-1}
router_settings: {num_retries: 0}
general_settings:
  master_key: MASTER
  store_model_in_db: true
  database_url: sqlite:///FOLDER/gateway.db
"""
ADMIN = Identity(is_admin=True)
TEAM_ADMIN = Identity(user_id="tea", team_id="team", role="internal_user")
TEAM = {
    "team_id": "team",
    "members_with_roles": [{"user_id": "tea", "role": "admin"}, {"user_id": "u", "role": "user"}],
}
FINE = {"model": "openai/gpt-4o", "api_key": "sk-of-the-team"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with serving(tmp_path, CONFIG.replace("MASTER", KEY).replace("FOLDER", str(tmp_path))) as client:
        yield client


def new(client: Client, name: str, key: str = KEY, team: str | None = None, **params: Any) -> Any:
    info = {"id": f"{name}-id"} | ({} if team is None else {"team_id": team})
    body = {"model_name": name, "litellm_params": {"model": "offline/echo", **params}, "model_info": info}
    return client.post("/model/new", json=body, headers={"authorization": f"Bearer {key}"})


def chat(client: Client, model: str, key: str = KEY) -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"authorization": f"Bearer {key}"}
    return int(client.post("/v1/chat/completions", json=body, headers=headers).status_code)


@pytest.mark.parametrize(
    ("caller", "team", "allowed"),
    [
        (ADMIN, None, True),
        (ADMIN, TEAM, True),
        (TEAM_ADMIN, TEAM, True),
        (TEAM_ADMIN, None, False),
        (Identity(user_id="u", team_id="team"), TEAM, False),
        (Identity(user_id="stranger"), TEAM, False),
        (Identity(user_id=None), TEAM, False),
        (Identity(role="proxy_admin_viewer"), None, False),
    ],
)
def test_who_may(caller: Identity, team: dict[str, Any] | None, allowed: bool) -> None:
    if allowed:
        models.check_author(caller, team, "team" if team else None)
        return
    with pytest.raises(models.Refused) as raised:
        models.check_author(caller, team, "team" if team else None)
    assert raised.value.status == 403


@pytest.mark.parametrize(
    ("params", "info"),
    [
        ({"api_base": "http://169.254.169.254/latest"}, {}),
        ({"base_url": "http://127.0.0.1:6379"}, {}),
        ({"litellm_credential_name": "of-the-operator"}, {}),
        ({"api_key": "os.environ/OPENAI_API_KEY"}, {}),
        ({"api_key": None}, {}),
        ({"model": "bedrock/anthropic.claude"}, {}),
        ({"model": "vertex_ai/gemini"}, {}),
        ({"model": "ollama/llama"}, {}),
        ({"vertex_credentials": "/etc/passwd"}, {}),
        ({"aws_web_identity_token": "oidc/file/etc/passwd"}, {}),
        ({"input_cost_per_token": 0}, {}),
        ({"mock_response": "free"}, {}),
        ({"extra_headers": {"host": "x"}}, {}),
        ({"configurable_clientside_auth_params": ["api_base"]}, {}),
        ({"custom_llm_provider": "vllm"}, {}),
        ({}, {"base_model": "gpt-4o-mini"}),
        ({}, {"input_cost_per_token": 0}),
        ({}, {"access_groups": ["everything"]}),
    ],
)
def test_what_a_teams_admin_may_not_say(params: dict[str, Any], info: dict[str, Any]) -> None:
    models.check_params(TEAM_ADMIN, FINE, {"team_id": "team"})
    with pytest.raises(GatewayError) as raised:
        models.check_params(TEAM_ADMIN, {**FINE, **params}, {"team_id": "team", **info})
    assert raised.value.status == 400


@pytest.mark.parametrize(
    "params",
    [
        {"api_key": "os.environ/LITELLM_MASTER_KEY"},
        {"extra_headers": {"x": "os.environ/TIANJI_SALT_KEY"}},
        {"tags": ["os.environ/DATABASE_URL"]},
        {"api_base": "http://x/?k=os.environ/REDIS_PASSWORD"},
    ],
)
def test_nobody_sends_the_gateways_own_secrets_anywhere(params: dict[str, Any]) -> None:
    models.check_params(ADMIN, {**FINE, "api_key": "os.environ/OPENAI_API_KEY"}, {})
    with pytest.raises(GatewayError, match="secret of the gateway itself"):
        models.check_params(ADMIN, {**FINE, **params}, {})


def test_nothing_is_stored_in_clear(client: Client, tmp_path: Path) -> None:
    new(client, "one", api_key="sk-very-secret", extra_headers={"x-key": "very-secret-too"})
    values = {"credential_name": "c", "credential_values": {"api_key": "sk-very-secret"}, "credential_info": {}}
    client.post("/credentials", json=values)
    endpoint = {"path": "/p", "target": "http://x/y", "headers": {"authorization": "Bearer very-secret-too"}}
    assert client.post("/config/pass_through_endpoint", json=endpoint).status_code == 200
    variables = {"environment_variables": {"LANGFUSE_SECRET_KEY": "very-secret-too"}}
    assert client.post("/config/update", json=variables).status_code == 200
    with sqlite3.connect(tmp_path / "gateway.db") as database:
        assert "very-secret" not in "".join(database.iterdump())
    answers = [client.get("/model/info"), client.get("/v2/model/info"), client.get("/credentials")]
    answers += [client.get("/config/list?config_type=general_settings"), client.get("/get/config/callbacks")]
    answers += [client.get("/config/pass_through_endpoint")]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert "very-secret" not in "".join(answer.text for answer in answers)


def test_a_teams_model_is_the_teams_alone(client: Client) -> None:
    client.post("/team/new", json={"team_id": "team", "models": ["of-file"]})
    made = new(client, "shared", team="team")
    assert made.status_code == 200
    inner = made.json()["model_name"]
    member = client.post("/key/generate", json={"team_id": "team"}).json()["key"]
    stranger = client.post("/key/generate", json={}).json()["key"]
    assert chat(client, "shared", member) == 200
    assert chat(client, "shared", stranger) == 400
    headers = {"authorization": f"Bearer {stranger}"}
    assert inner not in client.get("/v1/models", headers=headers).text
    assert inner not in client.get("/v2/model/info", headers=headers).text
    client.patch(f"/model/{made.json()['model_id']}/update", json={"model_name": "called-anew"})
    assert chat(client, "called-anew", member) == 200
    assert chat(client, "shared", member) in (400, 401)
    client.post("/model/delete", json={"id": made.json()["model_id"]})
    team = client.get("/team/info?team_id=team").json()["team_info"]
    assert team["models"] == ["of-file"]


def test_a_team_of_one_model_is_not_widened_when_that_is_deleted(client: Client) -> None:
    client.post("/team/new", json={"team_id": "narrow", "models": ["no-such-model"]})
    made = new(client, "only", team="narrow").json()
    client.post("/team/update", json={"team_id": "narrow", "models": ["only"]})
    client.post("/model/delete", json={"id": made["model_id"]})
    assert client.get("/team/info?team_id=narrow").json()["team_info"]["models"] == ["no-default-models"]
    member = client.post("/key/generate", json={"team_id": "narrow"}).json()["key"]
    assert chat(client, "of-file", member) in (401, 403)


def test_a_change_that_cannot_be_changes_nothing(client: Client) -> None:
    new(client, "kept")
    answer = client.patch("/model/kept-id/update", json={"litellm_params": {"model": "no-such-vendor/x"}})
    assert answer.status_code == 400
    assert chat(client, "kept") == 200
    assert client.get("/v2/model/info?modelId=kept-id").json()["data"][0]["litellm_params"]["model"] == "offline/echo"


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "HTTPS_PROXY", "LITELLM_MASTER_KEY", "OPENAI_BASE_URL", "a=b"])
def test_variables_that_cannot_be_set(client: Client, name: str) -> None:
    answer = client.post("/config/update", json={"environment_variables": {name: "x"}})
    assert answer.status_code == 400
    assert "can be set where the gateway is started only" in answer.text


def test_a_megabyte_of_information(client: Client) -> None:
    body = {"model_name": "large", "litellm_params": {"model": "offline/echo"}, "model_info": {"note": "x" * 1_000_000}}
    assert client.post("/model/new", json=body).status_code == 200
    assert chat(client, "large") == 200
