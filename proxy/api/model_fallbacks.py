"""What the config lists as fallbacks of a model, for those who ask."""

from typing import Any

from proxy.config.model import RouterSettings
from proxy.config.redact import masked
from proxy.routing.fallbacks import configured_lists, lookup

KINDS = ("general", "context_window", "content_policy")


def configured_fallbacks(settings: RouterSettings, kind: str, model: str) -> list[Any]:
    """What the config lists for a name and a kind of failure, secrets in entries masked."""
    configured = {
        "general": settings.fallbacks,
        "context_window": settings.context_window_fallbacks,
        "content_policy": settings.content_policy_fallbacks,
    }[kind]
    found: list[Any] = masked(lookup(configured_lists(configured) or [], model) or [])
    return found
