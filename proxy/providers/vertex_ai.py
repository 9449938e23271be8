"""Google's Vertex AI (``vertex_ai/MODEL``). https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference"""

import os
import re
from typing import Any, NamedTuple

from proxy.deployment import Deployment
from proxy.providers.anthropic.http import Target as AnthropicTarget
from proxy.providers.anthropic.provider import Host, ask
from proxy.providers.base import Attempt, Reply
from proxy.providers.google.auth import CredentialsError, access_token
from proxy.providers.google.failures import bad_request, no_credentials
from proxy.providers.google.generative import Google
from proxy.providers.google.http import EVENTS, GENERATE_STREAM, Target, headers_of, own_deployment, path_of
from proxy.providers.prompts import as_chat, as_text
from proxy.providers.vendor_counts import VendorCount
from proxy.upstream.client import UpstreamClient

DEFAULT_LOCATION = "us-central1"
GLOBAL = "global"
_SETTINGS = {
    "project": ("VERTEXAI_PROJECT", "VERTEX_PROJECT"),
    "location": ("VERTEXAI_LOCATION", "VERTEX_LOCATION"),
    "credentials": ("VERTEXAI_CREDENTIALS", "VERTEX_CREDENTIALS"),
}
"""Environment variables in place of ``vertex_project`` and so on, best first."""
CLAUDE = Host(
    adapt=lambda fields: (
        {name: value for name, value in fields.items() if name != "model"} | {"anthropic_version": "vertex-2023-10-16"}
    ),
    schemas=False,
)
"""https://docs.anthropic.com/en/api/claude-on-vertex-ai"""
_location = re.compile(r"[a-z0-9-]{1,64}")


class VertexAI(Google):
    """Vertex AI, which knows callers by the access token of an account."""

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`. Models of Anthropic's are asked in its format."""
        if "claude" not in attempt.deployment.model:
            return await super().send(attempt, client)
        if attempt.endpoint == "completions":
            return as_text(await self.send(as_chat(attempt), client), stream=attempt.stream)
        if attempt.endpoint != "chat":
            raise bad_request(self.vendor, f"Claude has no {attempt.endpoint}; it answers chat completions")
        method = "streamRawPredict" if attempt.stream else "rawPredict"
        target = await self.target_of(attempt, client, method)
        headers = {**dict(headers_of(target, attempt)), "accept": "application/json"}
        return await ask(attempt, AnthropicTarget(target.shown, target.url, headers, ()), client, CLAUDE)

    async def count_chat(self, attempt: Attempt, client: UpstreamClient) -> VendorCount:
        """See :meth:`Google.count_chat`; Google does not count for models of Anthropic's."""
        if "claude" in attempt.deployment.model:
            raise bad_request(self.vendor, "Vertex AI counts the tokens of Gemini models")
        return await super().count_chat(attempt, client)

    async def target_of(self, attempt: Attempt, client: UpstreamClient, method: str) -> Target:
        """See :meth:`Google.target_of`."""
        deployment = own_deployment(attempt)
        try:
            token, own_project = await access_token(setting(deployment, "credentials"), client)
        except CredentialsError as error:
            raise no_credentials(self.vendor, f"{error} (model {deployment.group!r})") from error
        auth = {"authorization": f"Bearer {token}"}
        events = EVENTS if method == GENERATE_STREAM else ""
        base = deployment.params.api_base
        if base:
            url = f"{base}:{method}"
            return Target(url, events, auth, url if events else base)
        project = setting(deployment, "project") or own_project
        if not project:
            raise no_credentials(
                self.vendor, f"vertex_project: missing of model {deployment.group!r}, and its account has none"
            )
        version = "v1beta1" if attempt.endpoint == "contents" else "v1"
        where = Place(str(project), setting(deployment, "location") or DEFAULT_LOCATION, version)
        url = f"{where.url}/{_resource(deployment.model)}:{method}"
        return Target(url, events, auth, url)


def setting(deployment: Deployment, name: str) -> Any:
    """``vertex_NAME`` of a deployment, else of the environment."""
    other = deployment.params.other
    variables = (os.environ.get(variable) for variable in _SETTINGS[name])
    return other.get(f"vertex_{name}") or other.get(f"vertex_ai_{name}") or next(filter(None, variables), None)


class Place(NamedTuple):
    """Where the models of a project are."""

    project: str
    location: str
    version: str

    @property
    def url(self) -> str:
        """Raises Failure: there can be no such location."""
        return f"https://{host_of(self.location)}/{self.version}/projects/{path_of(self.project)}/locations/{self.location}"


def host_of(location: str) -> str:
    """The host of a location.

    Raises:
        Failure: there can be no such place.
    """
    if _location.fullmatch(location) is None:
        what = f"vertex_location: {location!r} is no region; write one such as us-central1, or global"
        raise no_credentials("vertex_ai", what)
    return "aiplatform.googleapis.com" if location == GLOBAL else f"{location}-aiplatform.googleapis.com"


def _resource(model: str) -> str:
    """A model within its location; one that is a number was tuned."""
    model = model.rpartition("gemini/")[2]
    maker = "anthropic" if "claude" in model else "google"
    kind = "endpoints" if model.isdigit() else f"publishers/{maker}/models"
    return f"{kind}/{path_of(model)}"


provider = VertexAI("vertex_ai")
