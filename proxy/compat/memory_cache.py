"""The key-value cache that hooks are given."""

import time
from typing import Any


class DualCache:
    """Values with an expiry (``ttl`` in seconds, absent: never), in this process's memory."""

    def __init__(self, default_in_memory_ttl: float | None = None, **_: Any) -> None:
        self._default_ttl = default_in_memory_ttl
        self._values: dict[str, tuple[Any, float | None]] = {}

    def set_cache(self, key: str, value: Any, ttl: float | None = None, **_: Any) -> None:
        """Store a value."""
        seconds = self._default_ttl if ttl is None else ttl
        self._values[key] = (value, None if seconds is None else time.monotonic() + seconds)

    def get_cache(self, key: str, **_: Any) -> Any:
        """The value, or None when there is none or it has expired."""
        value, expiry = self._values.get(key, (None, None))
        if expiry is not None and expiry <= time.monotonic():
            del self._values[key]
            return None
        return value

    def batch_get_cache(self, keys: list[str], **_: Any) -> list[Any]:
        """The values of several keys."""
        return [self.get_cache(key) for key in keys]

    def increment_cache(self, key: str, value: float, ttl: float | None = None, **_: Any) -> float:
        """Add to a counter, which keeps its expiry, and return it."""
        current = self.get_cache(key)
        if current is None:
            self.set_cache(key, value, ttl)
            return value
        total: float = current + value
        self._values[key] = (total, self._values[key][1])
        return total

    def delete_cache(self, key: str) -> None:
        """Forget a value."""
        self._values.pop(key, None)

    def flush_cache(self) -> None:
        """Forget everything."""
        self._values.clear()

    async def async_set_cache(self, key: str, value: Any, ttl: float | None = None, **_: Any) -> None:
        """Store a value."""
        self.set_cache(key, value, ttl)

    async def async_get_cache(self, key: str, **_: Any) -> Any:
        """The value, or None when there is none or it has expired."""
        return self.get_cache(key)

    async def async_batch_get_cache(self, keys: list[str], **_: Any) -> list[Any]:
        """The values of several keys."""
        return self.batch_get_cache(keys)

    async def async_increment_cache(self, key: str, value: float, ttl: float | None = None, **_: Any) -> float:
        """Add to a counter, which keeps its expiry, and return it."""
        return self.increment_cache(key, value, ttl)

    async def async_delete_cache(self, key: str) -> None:
        """Forget a value."""
        self.delete_cache(key)
