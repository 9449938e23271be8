"""Stand-in for the reference's response objects and the names that annotate hooks."""

from typing import Any, TypeAlias

from proxy.compat.objects import (
    Choices,
    Delta,
    EmbeddingResponse,
    ImageResponse,
    Message,
    ModelResponse,
    ModelResponseStream,
    TextCompletionResponse,
    Usage,
)

__all__ = [
    "CallTypesLiteral",
    "Choices",
    "Delta",
    "EmbeddingResponse",
    "ImageResponse",
    "LLMResponseTypes",
    "Message",
    "ModelResponse",
    "ModelResponseStream",
    "StandardLoggingPayload",
    "TextCompletionResponse",
    "Usage",
]

CallTypesLiteral: TypeAlias = str
LLMResponseTypes: TypeAlias = ModelResponse | EmbeddingResponse | ImageResponse | TextCompletionResponse
StandardLoggingPayload: TypeAlias = dict[str, Any]
