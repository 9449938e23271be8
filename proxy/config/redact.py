"""Masking of secrets in anything that a person may read: representations, summaries, messages."""

import re
from typing import Any, Final

MASK: Final = "***"
_SECRET_NAME: Final = re.compile(
    r"(api_?key|secret|passw|token(?!s|izer|_limit)|credential|master_key|salt_key|environment_variables|database_url|redis_url|webhook|headers|license)"
    r"|(^|_)(key|auth)$",
    re.IGNORECASE,
)
_NOT_SECRET: Final = re.compile(
    r"cost_per|_per_|token_cost|max_.*token|custom_auth|configurable_clientside|credential_name"
)


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name holds, or may hold, a secret."""
    return bool(_SECRET_NAME.search(name)) and not _NOT_SECRET.search(name)


def masked(value: Any, name: str = "") -> Any:
    """A copy of ``value`` in which every secret, at any depth, is replaced by ``***``; ``name`` is the value's own."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict):
        secret = is_secret_name(name)
        return {key: MASK if secret else masked(item, str(key)) for key, item in value.items()}
    if type(value) in {list, tuple}:
        return type(value)(masked(item, name) for item in value)
    return MASK if name and is_secret_name(name) else value


def without_query(url: str) -> str:
    """A deployment's address without its query, where some vendors take keys. Other credentials are refused in it."""
    return url.partition("?")[0]
