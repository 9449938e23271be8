"""What a config says of limits."""

from enum import StrEnum
from typing import Any, Final

import msgspec

from proxy.call import Usage
from proxy.config.model import ProxyConfig


class Counted(StrEnum):
    """Which tokens count (``general_settings.token_rate_limit_type``). Those that came from a vendor's cache do not."""

    TOTAL = "total"
    INPUT = "input"
    OUTPUT = "output"

    def of(self, usage: Usage) -> int:
        """How many of a call's."""
        if self == Counted.OUTPUT:
            return usage.completion_tokens
        tokens = usage.prompt_tokens if self == Counted.INPUT else usage.total_tokens
        return max(0, tokens - usage.cached_tokens)


class LimitSettings(msgspec.Struct, frozen=True):
    """Of one snapshot."""

    counted: Counted = Counted.TOTAL


def limit_settings(config: ProxyConfig) -> LimitSettings:
    """What a config says.

    Raises:
        ConfigError: it says what cannot be.
    """
    return LimitSettings(_counted(config.general_settings.other.get("token_rate_limit_type")))


_KINDS: Final = frozenset(Counted)


def _counted(value: Any) -> Counted:
    """What is none of them is the first, as in the reference."""
    return Counted(value) if value in _KINDS else Counted.TOTAL
