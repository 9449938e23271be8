"""The HTTP side of Anthropic's API: where calls go, as whom, and what comes of them."""

import os
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from proxy.deployment import Deployment
from proxy.errors import Headers
from proxy.providers.anthropic.betas import known_betas
from proxy.providers.anthropic.failures import no_key
from proxy.providers.base import Attempt

DEFAULT_BASE = "https://api.anthropic.com"
BASE_VARIABLES = ("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL")
KEY_VARIABLE = "ANTHROPIC_API_KEY"
VERSION = "2023-06-01"
"""Of Anthropic's API: https://docs.anthropic.com/en/api/versioning"""
PATH = "/v1/messages"
_OAUTH = "sk-ant-oat"
"""Begins tokens that a person's login gave, which are no API keys."""
_OAUTH_BETA = "oauth-2025-04-20"
_LIMITS = ("limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens")


class Target(NamedTuple):
    """Where the calls of a deployment go, and as whom."""

    api_base: str
    url: str
    headers: dict[str, str]
    betas: tuple[str, ...]


def make_target(deployment: Deployment) -> Target:
    """Where the calls of a deployment go.

    Raises:
        Failure: 401, it has no key.
    """
    params = deployment.params
    key = params.api_key or os.environ.get(KEY_VARIABLE)
    if not key:
        raise no_key(deployment.group)
    from_variables = next(filter(None, map(os.environ.get, BASE_VARIABLES)), None)
    base = (params.api_base or from_variables or DEFAULT_BASE).rstrip("/")
    headers = {name.lower(): text for name, text in params.extra_headers.items()}
    betas = [beta.strip() for beta in headers.pop("anthropic-beta", "").split(",")]
    headers |= {"accept": "application/json", "content-type": "application/json", "anthropic-version": VERSION}
    if key.startswith(_OAUTH):
        headers |= {"authorization": f"Bearer {key}", "anthropic-dangerous-direct-browser-access": "true"}
        betas.append(_OAUTH_BETA)
    else:
        headers["x-api-key"] = key
    return Target(base, base if base.endswith(PATH) else base + PATH, headers, tuple(known_betas(betas)))


def own_target(attempt: Attempt) -> Target | None:
    """Where the attempt's own credentials say that it goes, if they say anything; raises as :func:`make_target`."""
    own = attempt.credentials
    base, key = own.get("api_base") or own.get("base_url"), own.get("api_key")
    if not base and not key:
        return None
    params = attempt.deployment.params
    params = msgspec.structs.replace(params, api_base=base or params.api_base, api_key=key or params.api_key)
    return make_target(msgspec.structs.replace(attempt.deployment, params=params))


def headers_of(target: Target, attempt: Attempt, betas: Iterable[str]) -> Headers:
    """The headers of a call: the deployment's, those that the client may add, and what the body needs switched on."""
    named = attempt.client_headers.get(b"anthropic-beta", b"").decode("latin-1")
    wanted = {*target.betas, *betas, *known_betas(named.split(","))}
    headers = dict(target.headers)
    for name, text in attempt.headers:
        if name == "anthropic-beta":
            wanted.update(known_betas(text.split(",")))
        else:
            headers.setdefault(name, text)
    if wanted:
        headers["anthropic-beta"] = ",".join(sorted(wanted))
    return list(headers.items())


def rate_limits(headers: Headers) -> Headers:
    """The vendor's headers, and what they tell of its limits under OpenAI's names."""
    told = dict(headers)
    ours = ((f"x-ratelimit-{name}", told.get(_anthropic_name(name))) for name in _LIMITS)
    return headers + [(name, text) for name, text in ours if text is not None]


def _anthropic_name(limit: str) -> str:
    which, what = limit.split("-")
    return f"anthropic-ratelimit-{what}-{which}"
