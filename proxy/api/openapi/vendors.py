"""Pass-through routes as the document lists them: the vendors', and the operator's own."""

from typing import Any, Final

from proxy.passthrough.endpoints import EndpointRoute
from proxy.passthrough.routes import PassThrough
from proxy.passthrough.target import Route

REST: Final = "{endpoint}"
#: Of vendors, by path; the reference's tags.
NAMES: Final = {
    "/anthropic": "Anthropic",
    "/openai": "OpenAI",
    "/openai_passthrough": "OpenAI",
    "/gemini": "Google AI Studio",
    "/cohere": "Cohere",
    "/mistral": "Mistral",
    "/azure": "Azure",
    "/azure_ai": "Azure AI",
    "/vertex-ai": "Vertex AI",
    "/vertex_ai": "Vertex AI",
    "/bedrock": "Bedrock",
    "/vllm": "VLLM",
    "/milvus": "Milvus",
    "/assemblyai": "AssemblyAI",
    "/eu.assemblyai": "AssemblyAI EU",
    "/langfuse": "Langfuse",
}
VENDOR_TEXT: Final = (
    "Sent to the vendor as it comes, below its address, with the gateway's credentials in place of the client's; the answer "
    "comes back as it is."
)
OWN_TEXT: Final = "Sent to the endpoint's target as it comes, with the headers of the config."


def passed_paths(routes: PassThrough) -> dict[str, dict[str, Any]]:
    """The paths of all pass-through routes, one operation a method."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes.vendors:
        paths |= _of_vendor(route, f"{NAMES[route.path]} Pass-through")
    for endpoint in reversed(routes.endpoints):
        for path in (endpoint.path, f"{endpoint.path}/{REST}") if endpoint.serves("below") else (endpoint.path,):
            paths[path] = {**paths.get(path, {}), **_own(endpoint, path)}
    return paths


def _of_vendor(route: Route, tag: str) -> dict[str, dict[str, Any]]:
    path = f"{route.path}/{REST}"
    summary = f"Call {tag.removesuffix(' Pass-through')}"
    return {path: {method: _operation(path, method, tag, summary, VENDOR_TEXT) for method in _methods(route)}}


def _own(endpoint: EndpointRoute, path: str) -> dict[str, Any]:
    operations = {
        method: _operation(path, method, "pass-through", f"Pass on to {endpoint.name}", OWN_TEXT)
        for method in _methods(endpoint)
    }
    if path == endpoint.path and endpoint.is_public(""):
        for operation in operations.values():
            operation["security"] = []
    return operations


def _operation(path: str, method: str, tag: str, summary: str, description: str) -> dict[str, Any]:
    operation: dict[str, Any] = {"tags": [tag], "summary": summary, "description": description}
    if path.endswith(REST):
        text = "What comes after it in the vendor's path, slashes and all."
        operation["parameters"] = [
            {"name": "endpoint", "in": "path", "required": True, "schema": {"type": "string"}, "description": text}
        ]
    if method in ("post", "put", "patch"):
        operation["requestBody"] = {"content": {"*/*": {"schema": {}}}}
    operation["responses"] = {
        "default": {"description": "What the target answers.", "content": {"*/*": {"schema": {}}}},
        "401": {"$ref": "#/components/responses/Unauthorized"},
        "403": {"$ref": "#/components/responses/Forbidden"},
    }
    return operation


def _methods(route: Route) -> list[str]:
    return [method.lower() for method in sorted(route.methods)]
