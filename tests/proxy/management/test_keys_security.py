"""Users who want more of keys than they may have."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.api.management.keys_routes import check_routes
from proxy.call import Identity
from proxy.errors import DetailError
from tests.gateways import running

USER = Identity(user_id="user", role="internal_user")


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("keys")
    config = {
        "model_list": [{"model_name": "cheap", "litellm_params": {"model": "offline/echo"}}],
        "general_settings": {"master_key": "sk-1234", "database_url": f"sqlite:///{folder}/keys.db"},
    }
    with running(folder, config) as gateway:
        address = f"http://127.0.0.1:{gateway.port}"
        with httpx.Client(base_url=address, headers={"authorization": "Bearer sk-1234"}, timeout=30) as client:
            yield client


def sent(client: httpx.Client, path: str, by: str = "sk-1234", **body: Any) -> httpx.Response:
    return client.post(path, json=body, headers={"authorization": f"Bearer {by}"})


def person(admin: httpx.Client, user_id: str, role: str = "internal_user") -> str:
    made = sent(admin, "/user/new", user_id=user_id, user_role=role, auto_create_key=False)
    assert made.status_code == 200
    return key_of(admin, user_id=user_id)


def key_of(admin: httpx.Client, **fields: Any) -> str:
    key: str = sent(admin, "/key/generate", **fields).json()["key"]
    return key


@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer", "org_admin"])
def test_a_team_admin_gets_no_key_of_an_admin(admin: httpx.Client, role: str) -> None:
    head, team = person(admin, f"head-{role}"), f"team-{role}"
    mighty = f"mighty-{role}"
    person(admin, mighty, "internal_user" if role == "org_admin" else role)
    if role == "org_admin":
        sent(admin, "/organization/new", organization_id="org", organization_alias="org")
        member = {"user_id": mighty, "role": "org_admin"}
        assert sent(admin, "/organization/member_add", organization_id="org", member=member).status_code == 200
    members = [{"role": "admin", "user_id": f"head-{role}"}, {"role": "user", "user_id": mighty}]
    sent(admin, "/team/new", team_id=team, members_with_roles=members)
    theirs = key_of(admin, team_id=team, user_id=mighty)
    assert sent(admin, "/key/generate", head, team_id=team, user_id=mighty).status_code == 403
    assert sent(admin, "/key/regenerate", head, key=theirs).status_code == 403


@pytest.mark.parametrize(
    "entry",
    [
        *("/credentials/NAME", "/credentials/op*", "/credentials/{credential_name}", "/credentials", "/audit/1"),
        *("/config/pass_through_endpoint/ID", "/fallback/some-model", "/a-pass-through", "/v1/*", "/key", "/", ""),
    ],
)
def test_users_widen_no_key_by_a_path(entry: str) -> None:
    with pytest.raises(DetailError) as refused:
        check_routes(USER, {"allowed_routes": [entry]})
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "entry", ["/v1/chat/completions", "/v1/models", "/key/generate", "llm_api_routes", "info_routes"]
)
def test_users_narrow_keys_to_what_they_may_call(entry: str) -> None:
    check_routes(USER, {"allowed_routes": [entry]})


def test_a_key_stays_where_an_admin_put_it(admin: httpx.Client) -> None:
    user = person(admin, "leaving")
    own = key_of(admin, user_id="leaving", allowed_routes=["llm_api_routes", "self_managed_routes"])
    assert sent(admin, "/key/update", user, key=own, user_id=None).status_code == 403
    head = person(admin, "leaving-head")
    sent(admin, "/team/new", team_id="left", members_with_roles=[{"role": "admin", "user_id": "leaving-head"}])
    of_team = key_of(admin, team_id="left")
    assert sent(admin, "/key/update", head, key=of_team, team_id=None).status_code == 403


def test_a_key_of_nobody_with_groups_of_routes_changes_no_team(admin: httpx.Client) -> None:
    sent(admin, "/team/new", team_id="foreign")
    nobodys = key_of(admin, allowed_routes=["llm_api_routes", "info_routes", "self_managed_routes"])
    member = {"role": "admin", "user_id": "anybody"}
    assert sent(admin, "/team/member_add", nobodys, team_id="foreign", member=member).status_code == 403
    headers = {"authorization": f"Bearer {nobodys}"}
    assert admin.get("/team/info?team_id=foreign", headers=headers).status_code == 403


@pytest.mark.parametrize("change", [{"max_budget": None}, {"models": []}, {"blocked": False}], ids=str)
def test_another_key_of_the_user_lifts_no_limit(admin: httpx.Client, change: dict[str, Any]) -> None:
    name = f"sibling-{next(iter(change))}"
    user = person(admin, name)
    limited = key_of(admin, user_id=name, max_budget=0, models=["cheap"])
    sent(admin, "/key/block", key=limited)
    assert sent(admin, "/key/update", user, key=limited, **change).status_code == 403


def test_a_team_admin_gives_no_permission_that_he_has_not(admin: httpx.Client) -> None:
    head = person(admin, "generous")
    sent(admin, "/team/new", team_id="given", members_with_roles=[{"role": "admin", "user_id": "generous"}])
    key = key_of(admin, team_id="given")
    changes = {"key": key, "permissions": {"get_spend_routes": True}}
    assert sent(admin, "/key/update", head, **changes).status_code == 403
    assert sent(admin, "/key/update", **changes).status_code == 200


def test_a_user_unblocks_no_key(admin: httpx.Client) -> None:
    user = person(admin, "blocked-user")
    blocked = key_of(admin, user_id="blocked-user")
    assert sent(admin, "/key/block", user, key=blocked).status_code == 200
    assert sent(admin, "/key/unblock", user, key=blocked).status_code == 403
    assert sent(admin, "/key/unblock", key=blocked).status_code == 200


@pytest.mark.parametrize("path", ["generate", "update", "regenerate"])
@pytest.mark.parametrize(
    "fields",
    [{"models": [{}]}, {"models": [1]}, {"aliases": {"a": {}}}, {"allowed_passthrough_routes": [{}]}],
    ids=str,
)
def test_names_are_texts(admin: httpx.Client, path: str, fields: dict[str, Any]) -> None:
    assert sent(admin, f"/key/{path}", key="sk-any", **fields).status_code == 422


@pytest.mark.parametrize(
    "wanted",
    [{"allowed_passthrough_routes": ["/custom/api"]}, {"metadata": {"allowed_passthrough_routes": ["/custom/api"]}}],
    ids=["field", "metadata"],
)
def test_nobody_grants_himself_pass_through_endpoints(
    admin: httpx.Client, wanted: dict[str, Any], request: Any
) -> None:
    user = f"passing-{request.node.callspec.id}"
    key = person(admin, user)
    assert sent(admin, "/key/generate", key, user_id=user, **wanted).status_code == 403
    other = sent(admin, "/key/generate", key, user_id=user).json()["key"]
    assert sent(admin, "/key/update", key, key=other, **wanted).status_code == 403
    assert sent(admin, "/key/update", key=other, **wanted).status_code == 200


def test_routes_that_no_admin_chose_open_nothing(admin: httpx.Client) -> None:
    user = person(admin, "chooser")
    chosen = sent(admin, "/key/generate", user, allowed_routes=["/key/generate", "/key/info"]).json()["key"]
    granted = key_of(admin, user_id="chooser", allowed_routes=["/key/generate"])
    assert sent(admin, "/key/generate", chosen).status_code == 200
    sent(admin, "/user/update", user_id="chooser", user_role="internal_user_viewer").raise_for_status()
    assert sent(admin, "/key/generate", granted).status_code == 200
    assert sent(admin, "/key/generate", chosen).status_code == 401
    shown = admin.get("/key/info", params={"key": chosen}).json()["info"]
    assert shown["allowed_routes"] == ["/key/generate", "/key/info"]
    assert "routes_granted" not in shown


def test_routes_that_an_admin_chose_stay_his_when_they_become_fewer(admin: httpx.Client) -> None:
    user = person(admin, "narrower")
    key = key_of(admin, user_id="narrower", allowed_routes=["/key/generate", "/key/info"])
    sent(admin, "/key/update", user, key=key, allowed_routes=["/key/generate"]).raise_for_status()
    sent(admin, "/user/update", user_id="narrower", user_role="internal_user_viewer").raise_for_status()
    assert sent(admin, "/key/generate", key).status_code == 200
