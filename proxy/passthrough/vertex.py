"""Vertex AI and Discovery Engine: the gateway's service account calls, in its own project and location."""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from proxy.deployment import Deployment
from proxy.errors import GatewayError
from proxy.passthrough.addresses import Base, base_of, below, check, with_query
from proxy.passthrough.target import Asked, Target, VendorRoute, unset
from proxy.providers.google.auth import CredentialsError, access_token
from proxy.routing.request import RouteRequest
from proxy.routing.router import Router

FORWARDED = frozenset(("anthropic-beta",))
DISCOVERY = "discovery/"
_project_in = re.compile(r"(?:^|/)projects/([^/]+)")
_location_in = re.compile(r"(?:^|/)locations/([^/]+)")
_model_in = re.compile(r"(?:^|/)models/([^:]+)")
_both_in = re.compile(r"(^|/)projects/[^/]+/locations/[^/]+/")
_version = re.compile(r"(v1|v1beta1)/(.*)", re.DOTALL)
_place = re.compile(r"[a-z0-9-]+")
"""Locations, which become part of a host."""


class Account(msgspec.Struct, frozen=True):
    """Who calls Google, and in which project and location."""

    project: str | None
    location: str | None
    credentials: str | Mapping[str, Any] | None


class VertexAccounts:
    """The accounts of a config.

    Args:
        sections: top-level sections of the config, for ``default_vertex_config``.
        deployments: those with ``use_in_pass_through`` lend their credentials to calls in their project and location.
    """

    def __init__(self, sections: Mapping[str, Any], deployments: tuple[Deployment, ...]) -> None:
        self._default = _default_account(sections.get("default_vertex_config"))
        self._accounts = {
            (account.project, account.location): account
            for deployment in deployments
            if deployment.provider in ("vertex_ai", "vertex_ai_beta") and deployment.params.use_in_pass_through
            for account in [_account_of(deployment)]
        }

    def find(self, project: str | None, location: str | None) -> Account | None:
        """Who makes the calls in a project and location; ``None``: nobody."""
        return self._accounts.get((project, location)) or self._default


class VertexRoute(VendorRoute):
    """``/vertex-ai`` and ``/vertex_ai``. Arguments as for :class:`VertexAccounts`."""

    def __init__(self, path: str, sections: Mapping[str, Any], deployments: tuple[Deployment, ...]) -> None:
        super().__init__(path)
        self._accounts = VertexAccounts(sections, deployments)

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        check(asked.rest)
        is_discovery = asked.rest.startswith(DISCOVERY)
        rest = asked.rest.removeprefix(DISCOVERY)
        project, location = _first(_project_in, rest), _first(_location_in, rest)
        named = _model_in.search(rest)
        model = named[1] if named is not None else ""
        lent = _deployment(asked.router, unquote(model))
        if lent is not None and named is not None:
            own = _account_of(lent)
            project, location = own.project or project, own.location or location
            rest = rest[: named.start(1)] + lent.model + rest[named.end(1) :]
        account = self._accounts.find(project, location)
        if account is not None:
            project, location = account.project or project, account.location or location
        headers = await self._headers(asked, account, project, location)
        base = base_of(f"https://{'discoveryengine.googleapis.com' if is_discovery else vertex_host(location)}")
        address = _address(base, rest, project, location)
        return Target(
            url=with_query(address, asked.query),
            shown=address,
            headers=headers,
            forwarded=FORWARDED if account is not None else None,
            vendor="vertex_ai",
            model=model if lent is None else lent.model,
            deployment=lent,
        )

    async def _headers(
        self, asked: Asked, account: Account | None, project: str | None, location: str | None
    ) -> Mapping[str, str]:
        if account is not None:
            try:
                token, _ = await access_token(account.credentials, asked.client)
            except CredentialsError as error:
                raise unset(f"No access token for Vertex AI: {error}") from error
            return {"Authorization": f"Bearer {token}"}
        if b"authorization" in asked.headers and b"authorization" not in asked.private:
            return {}  # the client's own account
        raise unset(
            f"No credentials found on proxy for project_name={project} + location={location}: set default_vertex_config "
            "(vertex_project, vertex_location, vertex_credentials), or use_in_pass_through of a vertex_ai model; or send a "
            "token of your own as Authorization, and the gateway's key as x-litellm-api-key"
        )


def _default_account(config: Any) -> Account | None:
    """``default_vertex_config``, else the variables; ``None`` where neither names a project."""
    given = config if isinstance(config, dict) else {}
    account = Account(
        given.get("vertex_project") or os.environ.get("DEFAULT_VERTEXAI_PROJECT"),
        given.get("vertex_location") or os.environ.get("DEFAULT_VERTEXAI_LOCATION"),
        given.get("vertex_credentials") or os.environ.get("DEFAULT_GOOGLE_APPLICATION_CREDENTIALS"),
    )
    return account if account.project else None


def _account_of(deployment: Deployment) -> Account:
    settings = deployment.params.other
    return Account(
        settings.get("vertex_project") or settings.get("vertex_ai_project"),
        settings.get("vertex_location") or settings.get("vertex_ai_location"),
        settings.get("vertex_credentials") or settings.get("vertex_ai_credentials"),
    )


def _deployment(router: Router, model: str) -> Deployment | None:
    """The deployment of a configured model that may be used here."""
    found = router.groups.find(model) if model else None
    usable = [deployment for deployment in found or () if deployment.params.use_in_pass_through]
    return router.pick(model, usable, set(), RouteRequest(model=model)) if usable else None


def vertex_host(location: str | None) -> str:
    """Where a location is served.

    Raises:
        GatewayError: 400, it is none.
    """
    if location == "global":
        return "aiplatform.googleapis.com"
    if location is None or not _place.fullmatch(location):
        raise GatewayError(
            400,
            f"{location!r} is no location of Vertex AI; name one in the path (/locations/us-central1/), or set "
            "default_vertex_config.vertex_location",
            type="invalid_request_error",
            param="path",
        )
    return f"{location}-aiplatform.googleapis.com"


def _address(base: Base, rest: str, project: str | None, location: str | None) -> str:
    """With project and location where the client's path has others, or none."""
    if "locations" in rest:
        if project and location:
            place = f"projects/{project}/locations/{location}/"
            rest = _both_in.sub(lambda found: found[1] + place, rest)
        return below(base, rest)
    version = "v1beta1" if "cachedContent" in rest else "v1"
    found = _version.fullmatch(rest)
    if found is not None:
        version, rest = found[1], found[2]
    return below(base, f"{version}/projects/{project}/locations/{location}/{rest}")


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return None if found is None else found[1]
