"""Groups and roles that Microsoft says outside OpenID Connect."""

import asyncio
from typing import Any

import httpx
import pytest

from proxy.sso import microsoft
from proxy.sso.microsoft import Group, groups_of, role_of
from proxy.sso.settings import GRAPH


def _groups(pages: dict[str, Any], environment: dict[str, str] | None = None) -> tuple[Any, list[httpx.Request]]:
    asked: list[httpx.Request] = []

    def answering(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        page = pages.get(str(request.url))
        return httpx.Response(404) if page is None else httpx.Response(200, json=page)

    async def run() -> Any:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answering)) as client:
            return await groups_of(client, environment or {}, "the-token")

    return asyncio.run(run()), asked


def test_all_pages_are_read() -> None:
    pages = {
        f"{GRAPH}/me/memberOf": {"value": [{"id": "a"}, {"name": "x"}], "@odata.nextLink": f"{GRAPH}/me/memberOf?p=2"},
        f"{GRAPH}/me/memberOf?p=2": {"value": [{"id": "b"}]},
    }
    found, asked = _groups(pages)
    assert found == (["a", "b"], [])
    assert all(request.headers["authorization"] == "Bearer the-token" for request in asked)


def test_the_token_goes_nowhere_else() -> None:
    pages = {f"{GRAPH}/me/memberOf": {"value": [{"id": "a"}], "@odata.nextLink": "https://evil.example/me/memberOf"}}
    found, asked = _groups(pages)
    assert found == (["a"], [])
    assert len(asked) == 1


def test_pages_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microsoft, "MOST_PAGES", 3)
    pages = {f"{GRAPH}/me/memberOf": {"value": [{"id": "a"}], "@odata.nextLink": f"{GRAPH}/me/memberOf"}}
    found, asked = _groups(pages)
    assert found[0] == ["a"] * 3
    assert len(asked) == 3


def test_groups_of_an_application() -> None:
    assigned = [
        {"principalType": "Group", "principalId": "a", "principalDisplayName": "A"},
        {"principalType": "Group", "principalId": "c"},
        {"principalType": "User", "principalId": "u"},
    ]
    pages = {
        f"{GRAPH}/servicePrincipals/sp%2F1/appRoleAssignedTo": {"value": assigned},
        f"{GRAPH}/me/memberOf": {"value": [{"id": "a"}, {"id": "b"}]},
    }
    found, _ = _groups(pages, {"MICROSOFT_SERVICE_PRINCIPAL_ID": "sp/1"})
    assert found == (["a"], [Group("a", "A"), Group("c")])


def test_graph_that_is_away() -> None:
    assert _groups({})[0] == ([], [])
    assert _groups({f"{GRAPH}/me/memberOf": ["a"]})[0] == ([], [])


@pytest.mark.parametrize(
    ("claims", "role"),
    [
        ({"app_roles": ["Other", "Proxy_Admin"]}, "proxy_admin"),
        ({"roles": ["internal_user"]}, "internal_user"),
        ({"roles": ["boss"]}, None),
        ({"roles": "proxy_admin"}, None),
        ({}, None),
    ],
)
def test_app_roles(claims: dict[str, Any], role: str | None) -> None:
    assert role_of(claims) == role
