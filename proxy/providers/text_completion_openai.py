"""``text-completion-openai/MODEL``: OpenAI's models of the old kind, by the reference's name for them."""

from proxy.providers.openai import provider

__all__ = ["provider"]
