"""Keys of a database: who is let in, and which models and routes a key may call."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract, slow

pytestmark = contract("core", config="core/virtual_keys.yaml")


def generated(case: Case, **fields: Any) -> str:
    """A new key."""
    key: str = case.post("/key/generate", fields).json["key"]
    return key


def refusal(answer: Exchange) -> tuple[int, str]:
    """The status and type of an error."""
    return answer.status, answer.json["error"]["type"]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/key/info"])
def test_an_unknown_key(case: Case, path: str) -> None:
    body = {"model": "vk-used", "messages": [{"role": "user", "content": "Hello"}]}
    answer = case.post(path, body, key="sk-unknown-key") if "chat" in path else case.get(path, key="sk-unknown-key")
    case.assert_same_as_recorded(headers=["x-litellm-call-id"])
    assert refusal(answer) == (401, "token_not_found_in_db")
    assert "Received API Key = sk-...-key" in answer.json["error"]["message"]


@pytest.mark.parametrize("key", ["unknown-key-without-prefix", "short", "SK-1234"])
def test_a_key_that_does_not_begin_as_keys_do(case: Case, key: str) -> None:
    answer = case.chat("vk-used", options={"key": key})
    case.assert_same_as_recorded()
    assert refusal(answer) == (401, "auth_error")
    assert "expected to start with 'sk-'" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "key", ["sk-' OR '1'='1", "sk-1234'; DROP TABLE keys; --", "sk-" + "x" * 5000], ids=["quoted", "statement", "long"]
)
def test_a_key_that_is_no_key(case: Case, key: str) -> None:
    answer = case.chat("vk-used", options={"key": None, "headers": {"authorization": f"Bearer {key}"}})
    case.assert_same_as_recorded()
    assert refusal(answer) == (401, "token_not_found_in_db")


@slow("a key has to expire")
def test_an_expired_key(case: Case) -> None:
    key = generated(case, key="sk-expired-1", duration="1s")
    case.wait(2.5)
    answer = case.chat("vk-used", options={"key": key})
    case.assert_same_as_recorded(ignore=["body.error.message"])
    assert refusal(answer) == (400, "expired_key")
    assert "Expired Key. Key Expiry time" in answer.json["error"]["message"]


def test_a_key_that_is_deleted(case: Case) -> None:
    case.script({"vk-used-up": []})
    key = generated(case, key="sk-deleted-1")
    before = case.chat("vk-used", options={"key": key})
    case.post("/key/delete", {"keys": [key]})
    after = case.chat("vk-used", options={"key": key})
    case.assert_same_as_recorded()
    assert before.status == 200
    assert refusal(after) == (401, "token_not_found_in_db")


def test_a_key_may_call_its_models(case: Case) -> None:
    case.script({"vk-team-up": []})
    key = generated(case, models=["vk-team", "vk-unknown"])
    allowed = case.chat("vk-team", options={"key": key})
    refused = case.chat("vk-other", options={"key": key})
    unknown = case.chat("vk-nowhere", options={"key": key})
    case.assert_same_as_recorded()
    assert allowed.status == 200
    assert refusal(refused) == refusal(unknown) == (401, "key_model_access_denied")


def test_refusals_of_other_endpoints(case: Case) -> None:
    key = generated(case, models=["vk-team"])
    answers = [
        case.embed("vk-other", options={"key": key}),
        case.completion("vk-other", options={"key": key}),
        case.post(
            "/v1/messages",
            {"model": "vk-other", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]},
            key=key,
        ),
        case.post("/v1/responses", {"model": "vk-other", "input": "Hi"}, key=key),
        case.post("/v1beta/models/vk-other:generateContent", {"contents": [{"parts": [{"text": "Hi"}]}]}, key=key),
        case.post(
            "/openai/deployments/vk-other/chat/completions",
            {"messages": [{"role": "user", "content": "Hi"}]},
            key=key,
        ),
    ]
    case.assert_same_as_recorded()
    assert [refusal(answer) for answer in answers] == [(401, "key_model_access_denied")] * 6


def test_a_key_is_listed_its_models(case: Case) -> None:
    key = generated(case, models=["vk-team", "vk-beta", "vk-unknown"])
    listed = case.get("/v1/models", key=key)
    case.assert_same_as_recorded()
    assert [model["id"] for model in listed.json["data"]] == ["vk-team", "vk-unknown", "vk-grouped"]


def test_wildcards(case: Case) -> None:
    case.script({"vk-wild-up": []})
    key = generated(case, models=["vk-wild-*"])
    allowed = case.chat("vk-wild-one", options={"key": key})
    refused = case.chat("vk-other", options={"key": key})
    case.assert_same_as_recorded()
    assert (allowed.status, refused.status) == (200, 401)


@pytest.mark.parametrize("name", ["*", "all-proxy-models"])
def test_names_of_everything(case: Case, name: str) -> None:
    case.script({"vk-used-up": []})
    answer = case.chat("vk-used", options={"key": generated(case, models=[name])})
    case.assert_same_as_recorded()
    assert answer.status == 200


def test_access_groups(case: Case) -> None:
    case.script({"vk-grouped-up": []})
    key = generated(case, models=["vk-beta"])
    allowed = case.chat("vk-grouped", options={"key": key})
    refused = case.chat("vk-other", options={"key": key})
    case.assert_same_as_recorded()
    assert (allowed.status, refused.status) == (200, 401)


def test_an_alias_of_the_router(case: Case) -> None:
    case.script({"vk-aliased-up": []})
    by_name = case.chat("vk-group-alias", options={"key": generated(case, models=["vk-group-alias"])})
    by_target = case.chat("vk-group-alias", options={"key": generated(case, models=["vk-aliased"])})
    target = case.chat("vk-aliased", options={"key": generated(case, models=["vk-group-alias"])})
    case.assert_same_as_recorded()
    assert [answer.status for answer in (by_name, by_target, target)] == [200, 200, 401]


def test_aliases_of_a_key(case: Case) -> None:
    case.script({"vk-aliased-up": []})
    key = generated(case, models=["vk-short"], aliases={"vk-short": "vk-aliased"})
    answer = case.chat("vk-short", options={"key": key})
    case.assert_same_as_recorded(headers=["x-litellm-model-group"])
    assert answer.status == 200
    assert case.journal().models == ["vk-aliased-up"]


def test_aliases_of_a_team(case: Case) -> None:
    case.script({"vk-team-aliased-up": []})
    team = case.post(
        "/team/new",
        {"team_id": "vk-aliasing", "models": ["vk-team"], "model_aliases": {"vk-nick": "vk-team-aliased"}},
    ).json["team_id"]
    key = generated(case, team_id=team)
    answer = case.chat("vk-nick", options={"key": key})
    case.assert_same_as_recorded(
        headers=["x-litellm-model-group"], ignore=["body.model_id", "body.litellm_model_table.id"]
    )
    assert answer.status == 200
    assert case.journal().models == ["vk-team-aliased-up"]


def test_models_of_a_team(case: Case) -> None:
    case.script({"vk-team-up": []})
    case.post("/team/new", {"team_id": "vk-limited", "models": ["vk-team"]})
    own = generated(case, team_id="vk-limited", models=["vk-team"])
    all_of_team = generated(case, team_id="vk-limited", models=["all-team-models"])
    open_key = generated(case, team_id="vk-limited")
    answers = [
        case.chat("vk-team", options={"key": own}),
        case.chat("vk-team", options={"key": all_of_team}),
        case.chat("vk-other", options={"key": all_of_team}),
        case.chat("vk-other", options={"key": open_key}),
        case.get("/v1/models", key=all_of_team),
        case.get("/v1/models", key=open_key),
    ]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [200, 200, 401, 401, 200, 200]
    assert refusal(answers[2]) == (401, "team_model_access_denied")
    assert [model["id"] for model in answers[5].json["data"]] == ["vk-team"]


def test_models_of_a_user(case: Case) -> None:
    case.post("/user/new", {"user_id": "vk-narrow", "models": ["vk-team"], "auto_create_key": False})
    case.post("/user/new", {"user_id": "vk-none", "models": ["no-default-models"], "auto_create_key": False})
    narrow = case.chat("vk-other", options={"key": generated(case, user_id="vk-narrow")})
    none = case.chat("vk-other", options={"key": generated(case, user_id="vk-none")})
    case.assert_same_as_recorded()
    assert refusal(narrow) == (401, "user_model_access_denied")
    assert refusal(none) == (401, "key_model_access_denied")


@pytest.mark.parametrize("fallback", ["vk-other", {"model": "vk-other"}], ids=["name", "object"])
def test_fallbacks_that_clients_name(case: Case, fallback: Any) -> None:
    key = generated(case, models=["vk-team"])
    answer = case.chat("vk-team", fallbacks=[fallback], options={"key": key})
    case.assert_same_as_recorded()
    assert refusal(answer) == (401, "key_model_access_denied")


def test_a_blocked_team(case: Case) -> None:
    case.script({"vk-team-up": []})
    case.post("/team/new", {"team_id": "vk-blocked"})
    key = generated(case, team_id="vk-blocked")
    case.post("/team/block", {"team_id": "vk-blocked"})
    answer = case.chat("vk-team", options={"key": key})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert refusal(answer) == (401, "auth_error")
        assert answer.json["error"]["message"].startswith("Authentication Error, Team=vk-blocked is blocked.")

    case.deviates(answer, as_recorded=as_recorded, required=required)


ROUTES = ["/v1/chat/completions", "/v1/models", "/key/info", "/key/generate"]


def called(case: Case, key: str, path: str) -> Exchange:
    """A call of one of ``ROUTES``."""
    if path == "/v1/chat/completions":
        return case.chat("vk-routed", options={"key": key})
    return case.post(path, {}, key=key) if path == "/key/generate" else case.get(path, key=key)


@pytest.mark.parametrize(
    ("routes", "allowed"),
    [
        (["llm_api_routes"], [True, True, False, False]),
        (["/v1/models"], [False, True, False, False]),
        (["/v1/chat"], [True, False, False, False]),
        (["/v1/*"], [True, True, False, False]),
        (["info_routes"], [False, True, True, False]),
        (["openai_routes", "/key/info"], [True, True, True, False]),
    ],
    ids=["llm", "exact", "beginning", "wildcard", "info", "several"],
)
def test_allowed_routes(case: Case, routes: list[str], allowed: list[bool]) -> None:
    case.script({"vk-routed-up": []})
    key = generated(case, allowed_routes=routes)
    answers = [called(case, key, path) for path in ROUTES]
    case.assert_same_as_recorded()
    assert [answer.status not in (401, 403) for answer in answers] == allowed


@pytest.mark.parametrize("kind", ["llm_api", "management", "read_only"])
def test_kinds_of_keys(case: Case, kind: str) -> None:
    case.script({"vk-routed-up": []})
    key = generated(case, key_type=kind)
    answers = [called(case, key, path) for path in ROUTES]
    case.assert_same_as_recorded()
    assert (answers[0].status == 200) is (kind == "llm_api")
