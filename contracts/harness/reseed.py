"""`--reseed N`: other names for model groups, upstream models and texts, so that no answer can be a learned one."""

from __future__ import annotations


def renaming(config: str, *, seed: int | None) -> dict[str, str]:
    """The new name of each word of a config; none without a seed."""
    return {}
