"""What Microsoft says of somebody outside OpenID Connect: groups (Graph) and app roles (the ID token).

https://learn.microsoft.com/graph/api/user-list-memberof, .../serviceprincipal-list-approleassignedto
"""

import logging
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from proxy.sso.person import role_named
from proxy.sso.provider import Claims
from proxy.sso.settings import GRAPH, Environment

log = logging.getLogger(__name__)

MOST_PAGES: Final = 200


class Group(msgspec.Struct, frozen=True):
    """Of a tenant; its id is that of a team here."""

    id: str
    name: str | None = None


async def groups_of(
    client: httpx.AsyncClient, environment: Environment, access_token: str
) -> tuple[list[str], list[Group]]:
    """The groups of somebody.

    Returns:
        ids of their groups, only those of the enterprise application ``MICROSOFT_SERVICE_PRINCIPAL_ID`` if that is set and
        has some; and all groups of that application, which are teams here whether somebody of them signed in or not.
        Nothing when Graph does not answer: nobody is kept out by that.
    """
    bearer = {"authorization": f"Bearer {access_token}"}
    principal = environment.get("MICROSOFT_SERVICE_PRINCIPAL_ID")
    try:
        assigned: list[Group] = []
        if principal:
            url = f"{GRAPH}/servicePrincipals/{quote(principal, safe='')}/appRoleAssignedTo"
            assigned = [
                Group(item["principalId"], item.get("principalDisplayName"))
                async for item in _items(client, url, bearer)
                if item.get("principalType") == "Group" and isinstance(item.get("principalId"), str)
            ]
        own = [
            item["id"]
            async for item in _items(client, f"{GRAPH}/me/memberOf", bearer)
            if isinstance(item.get("id"), str)
        ]
    except (httpx.HTTPError, ValueError) as error:
        log.warning("Microsoft Graph does not say which groups somebody is in: %r", error)
        return [], []
    known = {group.id for group in assigned}
    return ([group for group in own if group in known] if known else own), assigned


def role_of(id_token_claims: Claims) -> str | None:
    """The first app role that is the name of a role here."""
    listed = id_token_claims.get("app_roles") or id_token_claims.get("roles")
    return next(filter(None, map(role_named, listed)), None) if isinstance(listed, list) else None


async def _items(client: httpx.AsyncClient, url: str, headers: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
    """The items of all pages. The token goes to Graph alone, whatever a page calls the next one."""
    origin = urlsplit(url)[:2]
    for _ in range(MOST_PAGES):
        answer = await client.get(url, headers=headers)
        page = msgspec.json.decode(answer.raise_for_status().content, type=dict[str, Any])
        for item in page.get("value") or ():
            if isinstance(item, dict):
                yield item
        following = page.get("@odata.nextLink")
        if not isinstance(following, str) or urlsplit(following)[:2] != origin:
            return
        url = following
    log.warning("somebody is in more groups than %d pages of Microsoft Graph hold; the others are left out", MOST_PAGES)
