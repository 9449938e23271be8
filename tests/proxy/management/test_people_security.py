"""What people may not do to each other, tried through a served gateway."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateways import running


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("people")
    settings = {"master_key": "sk-1234", "database_url": f"sqlite:///{folder}/people.db"}
    with running(folder, {"model_list": [], "general_settings": settings}) as gateway:
        headers = {"authorization": "Bearer sk-1234"}
        with httpx.Client(base_url=f"http://127.0.0.1:{gateway.port}", headers=headers, timeout=30) as made:
            yield made


def user(client: httpx.Client, name: str, **fields: Any) -> dict[str, str]:
    """A new user; what authorizes calls in his name."""
    body = {"user_id": name, "user_role": "internal_user", **fields}
    answer = client.post("/user/new", json=body)
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['key']}"}


def test_nobody_makes_the_team_of_sessions(client: httpx.Client) -> None:
    answer = client.post("/team/new", json={"team_id": "litellm-dashboard"})
    assert answer.status_code == 400
    assert "reserved" in answer.text


@pytest.mark.parametrize(
    "fields", [{"password": "a password"}, {"sso_user_id": "theirs"}, {"user_role": "proxy_admin"}]
)
def test_accounts_in_use_are_invited_by_admins_alone(client: httpx.Client, fields: dict[str, str]) -> None:
    [name] = fields
    host, guest = f"host-{name}", f"guest-{name}"
    key = org_admin(client, host)
    own = {"user_id": guest, "organization_id": f"{host}-org"}
    if name == "sso_user_id":
        client.post("/user/new", json={**own, **fields}).raise_for_status()
    else:
        client.post("/user/new", json=own, headers=key).raise_for_status()
        assert client.post("/invitation/new", json={"user_id": guest}, headers=key).status_code == 200
        client.post("/user/update", json={"user_id": guest, **fields}).raise_for_status()
    assert client.post("/invitation/new", json={"user_id": guest}, headers=key).status_code == 400
    assert client.post("/invitation/new", json={"user_id": guest}).status_code == 200


def test_team_admins_invite_nobody(client: httpx.Client) -> None:
    key = user(client, "head")
    user(client, "added", auto_create_key=False)
    members = [{"user_id": "head", "role": "admin"}, {"user_id": "added", "role": "user"}]
    client.post("/team/new", json={"team_id": "of-head", "members_with_roles": members}).raise_for_status()
    assert client.post("/invitation/new", json={"user_id": "added"}, headers=key).status_code == 400


def test_organizations_have_no_power_over_who_joined(client: httpx.Client) -> None:
    key = org_admin(client, "joiner")
    user(client, "joined")
    member = {"organization_id": "joiner-org", "member": {"user_id": "joined", "role": "internal_user"}}
    client.post("/organization/member_add", json=member).raise_for_status()
    params = {"organization_id": "joiner-org"}
    for path, body in (
        ("/user/update", {"user_id": "joined", "user_email": "mine@users.test"}),
        ("/user/delete", {"user_ids": ["joined"]}),
        ("/invitation/new", {"user_id": "joined"}),
    ):
        answer = client.post(path, params=params, json=body, headers=key)
        assert answer.status_code in (400, 401, 403), (path, answer.text)
    assert client.get("/user/info", params={"user_id": "joined"}).json()["user_info"]["user_email"] is None


def org_admin(client: httpx.Client, name: str) -> dict[str, str]:
    """Who administers the new organization ``NAME-org``."""
    key = user(client, name)
    organization = {"organization_id": f"{name}-org", "organization_alias": name}
    client.post("/organization/new", json=organization).raise_for_status()
    member = {"organization_id": f"{name}-org", "member": {"user_id": name, "role": "org_admin"}}
    client.post("/organization/member_add", json=member).raise_for_status()
    return key


def test_the_organization_of_a_team_is_one_that_the_caller_administers(client: httpx.Client) -> None:
    key = org_admin(client, "mover")
    client.post("/organization/new", json={"organization_id": "foreign", "organization_alias": "f"}).raise_for_status()
    mine = {"params": {"organization_id": "mover-org"}, "headers": key}
    assert client.post("/team/new", json={"team_id": "free"}, **mine).status_code == 403
    assert client.post("/team/new", json={"team_id": "there", "organization_id": "foreign"}, **mine).status_code == 403
    made = client.post("/team/new", json={"team_id": "moved", "organization_id": "mover-org"}, headers=key)
    assert made.status_code == 200, made.text
    for other in ("", "foreign"):
        change = {"team_id": "moved", "organization_id": other}
        assert client.post("/team/update", json=change, **mine).status_code == 403


def test_a_route_granted_for_one_organization_changes_no_team_of_another(client: httpx.Client) -> None:
    key = org_admin(client, "crosser")
    other = org_admin(client, "crossed")
    members = [{"user_id": "crosser", "role": "admin"}]
    team = {"team_id": "theirs", "organization_id": "crossed-org", "members_with_roles": members}
    client.post("/team/new", json=team).raise_for_status()
    change = {"team_id": "theirs", "team_alias": "changed"}
    mine = {"params": {"organization_id": "crosser-org"}, "headers": key}
    assert client.post("/team/update", json=change, **mine).status_code == 403
    assert client.post("/team/update", json={**change, "organization_id": "crosser-org"}, **mine).status_code == 403
    changed = client.post("/team/update", json=change, params={"organization_id": "crossed-org"}, headers=other)
    assert changed.status_code == 200, changed.text


def test_organizations_open_no_pass_through(client: httpx.Client) -> None:
    key = org_admin(client, "passer")
    team = {"team_id": "passing", "organization_id": "passer-org"}
    client.post("/team/new", json=team, headers=key).raise_for_status()
    for path, body in (("/team/new", {"organization_id": "passer-org"}), ("/team/update", team)):
        for granted in ({"allowed_passthrough_routes": ["/x"]}, {"metadata": {"allowed_passthrough_routes": ["/x"]}}):
            assert client.post(path, json={**body, **granted}, headers=key).status_code == 403
    client.post("/team/update", json={**team, "allowed_passthrough_routes": ["/x"]}).raise_for_status()
    kept = client.post("/team/update", json={**team, "allowed_passthrough_routes": ["/x"]}, headers=key)
    assert kept.status_code == 200, kept.text


def test_a_delegate_changes_not_everybody(client: httpx.Client) -> None:
    made = client.post("/key/generate", json={"allowed_routes": ["/user/bulk_update"]})
    headers = {"authorization": f"Bearer {made.json()['key']}"}
    change = {"all_users": True, "user_updates": {"user_role": "proxy_admin"}}
    assert client.post("/user/bulk_update", json=change, headers=headers).status_code == 403


def test_spend_is_not_negative(client: httpx.Client) -> None:
    user(client, "spender")
    organization = {"organization_id": "spending", "organization_alias": "s"}
    client.post("/organization/new", json=organization).raise_for_status()
    assert client.post("/user/update", json={"user_id": "spender", "spend": -1}).status_code == 400
    change = {"organization_id": "spending", "spend": -1}
    assert client.patch("/organization/update", json=change).status_code == 400


def test_organizations_take_no_strangers(client: httpx.Client) -> None:
    key = org_admin(client, "taker")
    user(client, "stranger")
    answers = [
        client.post(
            "/organization/member_add",
            json={"organization_id": "taker-org", "member": {"user_id": name, "role": "internal_user"}},
            headers=key,
        ).status_code
        for name in ("stranger", "newcomer")
    ]
    assert answers == [403, 200]
