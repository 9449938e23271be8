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


@pytest.mark.parametrize("fields", [{"password": "a password"}, {"sso_user_id": "theirs"}])
def test_accounts_in_use_are_invited_by_admins_alone(client: httpx.Client, fields: dict[str, str]) -> None:
    [name] = fields
    host, guest, team = f"host-{name}", f"guest-{name}", f"team-{name}"
    key = user(client, host)
    user(client, guest, **({} if name == "password" else fields))
    if name == "password":
        client.post("/user/update", json={"user_id": guest, **fields}).raise_for_status()
    members = [
        {"user_id": host, "role": "admin"},
        {"user_id": guest, "role": "user"},
        {"user_id": f"{guest}-new", "role": "user"},
    ]
    client.post("/team/new", json={"team_id": team, "members_with_roles": members}).raise_for_status()
    assert client.post("/invitation/new", json={"user_id": guest}, headers=key).status_code == 400
    assert client.post("/invitation/new", json={"user_id": f"{guest}-new"}, headers=key).status_code == 200
    assert client.post("/invitation/new", json={"user_id": guest}).status_code == 200


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
