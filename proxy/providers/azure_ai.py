"""Azure AI Foundry (``azure_ai/MODEL``): models of any maker; those of OpenAI are Azure OpenAI's."""

import re
from urllib.parse import urlencode, urlsplit

from proxy.deployment import Deployment
from proxy.providers import quirks
from proxy.providers.azure import provider as azure
from proxy.providers.base import Attempt, Reply
from proxy.providers.openai.params import Facts, ParamRules
from proxy.providers.openai.provider import PATHS, OpenAICompatible
from proxy.providers.vendor import ALL, Vendor
from proxy.upstream.client import UpstreamClient

FOUNDRY = ".services.ai.azure.com"
_KEY_HOSTS = (FOUNDRY, ".openai.azure.com")
_of_openai = re.compile(r"(gpt-(?!oss)|o[134]\b|chatgpt-|text-embedding-)")


class AzureAI(OpenAICompatible):
    """Azure AI Foundry."""

    def rules(self, model: str, facts: Facts) -> ParamRules:
        """As Azure OpenAI's where the model is."""
        return azure.provider.rules(model, facts) if _of_openai.match(model) else super().rules(model, facts)

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """See :meth:`proxy.providers.base.Provider.send`."""
        if _of_openai.match(attempt.deployment.model):
            return await azure.provider.send(attempt, client)
        return await super().send(attempt, client)

    def _credentials(self, deployment: Deployment) -> dict[str, str]:
        host = urlsplit(self.vendor.base_of(deployment)).hostname or ""
        key = self.vendor.key_of(deployment)
        return {"api-key": key} if host.endswith(_KEY_HOSTS) else {"authorization": f"Bearer {key}"}

    def _url(self, deployment: Deployment, api_base: str, endpoint: str) -> str:
        address = urlsplit(api_base)
        path = address.path.rstrip("/").removesuffix(PATHS[endpoint])
        if FOUNDRY in address.netloc and not path.endswith("/models"):
            path += "/models"
        version = deployment.params.api_version
        query = address.query or (urlencode({"api-version": version}) if version else "")
        return f"{address.scheme}://{address.netloc}{path}{PATHS[endpoint]}" + (f"?{query}" if query else "")


provider = AzureAI(
    Vendor(
        name="azure_ai",
        base_variables=("AZURE_AI_API_BASE",),
        key_variables=("AZURE_AI_API_KEY",),
        takes=ALL - {"tool_choice"},
        if_able={"tool_choice": "supports_tool_choice"},
        not_of={"stop": ("grok-3-mini", "grok-4", "grok-code-fast")},
        sends={"stream": False},
        adapt=quirks.plain_texts,
        quotes_body=True,
    )
)
