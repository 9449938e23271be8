"""``/`` and ``/test``: what this is, and that it answers."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from litestar import Response, get

from proxy.api.headers import CONTRACT_VERSION
from proxy.api.plain import json_response

_ABOUT = {
    "name": "TianjiLLM gateway",
    "version": version("tianji"),
    "contract_version": CONTRACT_VERSION.decode(),
    "endpoints": {
        "chat": "/v1/chat/completions",
        "completions": "/v1/completions",
        "embeddings": "/v1/embeddings",
        "models": "/v1/models",
        "model_info": "/v1/model/info",
    },
    "health": {"alive": "/health/liveliness", "ready": "/health/readiness", "deployments": "/health"},
    "metrics": "/metrics",
    "openapi": "/openapi.json",
}


def about() -> Mapping[str, Any]:
    """Where to go from here, for ``/``."""
    return _ABOUT


@get("/test", sync_to_thread=False)
def test() -> Response[bytes]:
    """That the gateway answers; needs no key, as in the reference."""
    return json_response({"route": "/test"})
