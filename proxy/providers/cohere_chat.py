"""``cohere_chat/MODEL``: another prefix of Cohere's."""

from proxy.providers.cohere import provider

__all__ = ["provider"]
