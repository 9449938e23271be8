"""Stand-in for the reference's cache."""

from proxy.compat.memory_cache import DualCache

__all__ = ["DualCache"]
