"""``cohere_chat/MODEL``: another prefix of Cohere's."""

from proxy.providers.cohere.provider import provider

__all__ = ["provider"]
