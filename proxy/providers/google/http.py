"""The HTTP side of Google's APIs: what is sent where, and what comes of it."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from proxy.deployment import Deployment
from proxy.errors import Headers
from proxy.providers import calling
from proxy.providers.base import Attempt
from proxy.providers.google.failures import FAILURES
from proxy.providers.paths import piece_of_path
from proxy.upstream.client import UpstreamClient, UpstreamResponse

GENERATE, GENERATE_STREAM, COUNT = "generateContent", "streamGenerateContent", "countTokens"
EVENTS = "alt=sse"
"""Asks for an event stream; without it Google streams one long JSON list."""


class Target(NamedTuple):
    """Where a call goes, and as whom."""

    url: str
    query: str
    """With the key if Google is to find it there."""
    auth: Mapping[str, str]
    """Headers that say who calls."""
    shown: str
    """The address, for the client."""

    @property
    def whole_url(self) -> str:
        """With the query."""
        return f"{self.url}?{self.query}" if self.query else self.url


def path_of(model: str) -> str:
    """A model as a piece of a path; see :func:`piece_of_path`."""
    return piece_of_path(model, safe="@")


def own_deployment(attempt: Attempt) -> Deployment:
    """The deployment, with the credentials that the attempt has of its own."""
    own = attempt.credentials
    if not own:
        return attempt.deployment
    params = attempt.deployment.params
    accounts = {name: value for name, value in own.items() if name.startswith("vertex_")}
    params = msgspec.structs.replace(
        params,
        api_base=own.get("api_base") or own.get("base_url") or params.api_base,
        api_key=own.get("api_key") or params.api_key,
        other=params.other | accounts,
    )
    return msgspec.structs.replace(attempt.deployment, params=params)


def headers_of(target: Target, attempt: Attempt, content_type: str = "application/json") -> Headers:
    """The headers of a call: the deployment's, those that the client may add, and who calls."""
    headers = {"content-type": content_type}
    headers |= {name.lower(): text for name, text in attempt.deployment.params.extra_headers.items()}
    for name, text in attempt.headers:
        headers.setdefault(name.lower(), text)
    return list({**headers, **target.auth}.items())


async def post(
    client: UpstreamClient, target: Target, headers: Headers, body: bytes, attempt: Attempt
) -> UpstreamResponse:
    """The head of a good answer.

    Raises:
        Failure: Google refused, failed or could not be reached.
    """
    failures = FAILURES[attempt.deployment.provider]
    return await calling.post(client, target.whole_url, headers, body, attempt, failures=failures)


async def read(response: UpstreamResponse, attempt: Attempt) -> bytes:
    """The whole body of a good answer; raises as :func:`post`."""
    return await calling.read(response, attempt, failures=FAILURES[attempt.deployment.provider])
