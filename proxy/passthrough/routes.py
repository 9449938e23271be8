"""All pass-through routes of a snapshot, and how a path finds its own."""

from collections import defaultdict
from typing import NamedTuple

from proxy.config.model import ProxyConfig
from proxy.deployment import Deployment
from proxy.passthrough.bedrock import BedrockRoute
from proxy.passthrough.deployed import AzureRoute, VllmRoute
from proxy.passthrough.endpoints import EndpointRoute, endpoint_routes
from proxy.passthrough.milvus import MilvusRoute
from proxy.passthrough.prices import VendorPrices
from proxy.passthrough.target import Route
from proxy.passthrough.vendors import (
    ANTHROPIC,
    ASSEMBLYAI,
    ASSEMBLYAI_EU,
    COHERE,
    GEMINI,
    MISTRAL,
    OPENAI,
    GeminiRoute,
    KeyRoute,
    LangfuseRoute,
    OpenAIRoute,
)
from proxy.passthrough.vertex import VertexRoute


class Found(NamedTuple):
    """A route, and what of the path is below it."""

    route: Route
    rest: str


class PassThrough:
    """The operator's routes, then the vendors'.

    Raises:
        ConfigError: an entry of ``pass_through_endpoints`` cannot be served as written.
    """

    def __init__(self, config: ProxyConfig, deployments: tuple[Deployment, ...]) -> None:
        self.endpoints: list[EndpointRoute] = endpoint_routes(config.general_settings.pass_through_endpoints)
        self.prices = VendorPrices(config.settings.other)
        self._by_first: defaultdict[str, list[Route]] = defaultdict(list)
        self.vendors: list[Route] = _vendor_routes(config, deployments)
        for route in (*self.endpoints, *self.vendors):
            self._by_first[route.path.split("/", 2)[1]].append(route)

    def find(self, path: str, method: str) -> Found | None:
        """The route of a path, percent-encoded as it came: the first that takes the method, else one that does not."""
        refused: Found | None = None
        for route in self._by_first.get(path[1:].partition("/")[0], ()):
            rest = _below(route.path, path)
            if rest is None or not route.serves(rest):
                continue
            if method in route.methods:
                return Found(route, rest)
            refused = refused or Found(route, rest)
        return refused


def _below(prefix: str, path: str) -> str | None:
    """``""`` for the prefix itself; a slash at its end is nothing below it."""
    if not path.startswith(prefix):
        return None
    rest = path[len(prefix) :]
    if rest and not rest.startswith("/"):
        return None
    return rest[1:]


def _vendor_routes(config: ProxyConfig, deployments: tuple[Deployment, ...]) -> list[Route]:
    return [
        KeyRoute("/anthropic", ANTHROPIC),
        OpenAIRoute("/openai", OPENAI),
        OpenAIRoute("/openai_passthrough", OPENAI),
        GeminiRoute("/gemini", GEMINI),
        KeyRoute("/cohere", COHERE),
        KeyRoute("/mistral", MISTRAL),
        AzureRoute("/azure"),
        AzureRoute("/azure_ai"),
        *(VertexRoute(path, config.sections, deployments) for path in ("/vertex-ai", "/vertex_ai")),
        BedrockRoute("/bedrock"),
        VllmRoute("/vllm"),
        MilvusRoute("/milvus"),
        KeyRoute("/assemblyai", ASSEMBLYAI),
        KeyRoute("/eu.assemblyai", ASSEMBLYAI_EU),
        LangfuseRoute("/langfuse"),
    ]
