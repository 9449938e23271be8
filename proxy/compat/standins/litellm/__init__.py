"""Stand-in for the reference's top-level names."""

from proxy.compat.memory_cache import DualCache
from proxy.compat.objects import EmbeddingResponse, ImageResponse, ModelResponse, TextCompletionResponse, Usage
from proxy.compat.upstream_errors import *  # noqa: F403

__all__ = [
    "DualCache",
    "EmbeddingResponse",
    "ImageResponse",
    "ModelResponse",
    "TextCompletionResponse",
    "Usage",
    "set_verbose",
]

#: Users' files read it before they print.
set_verbose = False
