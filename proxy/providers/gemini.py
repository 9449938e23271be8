"""Google AI Studio (``gemini/MODEL``). https://ai.google.dev/api"""

import os

from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.providers.base import Attempt
from proxy.providers.google.contents import is_third
from proxy.providers.google.failures import no_credentials
from proxy.providers.google.generative import Google
from proxy.providers.google.http import EVENTS, GENERATE, GENERATE_STREAM, Target, own_deployment, path_of
from proxy.upstream.client import UpstreamClient

GOOGLE = "https://generativelanguage.googleapis.com"
BASE_VARIABLE = "GEMINI_API_BASE"
KEY_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


class Gemini(Google):
    """Google AI Studio, which knows callers by a key."""

    async def target_of(self, attempt: Attempt, client: UpstreamClient, method: str) -> Target:  # noqa: ARG002
        """See :meth:`Google.target_of`."""
        deployment = own_deployment(attempt)
        model = deployment.model
        key, base = key_of(deployment), deployment.params.api_base or os.environ.get(BASE_VARIABLE)
        events = EVENTS if method == GENERATE_STREAM else ""
        if base:
            url = f"{base.rstrip('/')}/models/{path_of(model)}:{method}"
            return Target(url, events, {"x-goog-api-key": key}, url if events else base)
        version = "v1alpha" if is_third(model) and method in (GENERATE, GENERATE_STREAM) else "v1beta"
        url = f"{GOOGLE}/{version}/models/{path_of(model)}:{method}"
        return Target(url, f"key={path_of(key)}" + (f"&{events}" if events else ""), {}, url)


def key_of(deployment: Deployment) -> str:
    """The key of a deployment's calls.

    Raises:
        Failure: there is none.
    """
    key = deployment.params.api_key or next(filter(None, map(os.environ.get, KEY_VARIABLES)), None)
    if key:
        return key
    raise _no_key(deployment.group)


def _no_key(group: str) -> Failure:
    names = " or ".join(KEY_VARIABLES)
    return no_credentials(
        "gemini", f"Missing API key: set litellm_params.api_key of model {group!r}, or the {names} variable"
    )


provider = Gemini("gemini")
