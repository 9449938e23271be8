"""Patches that the contracts of D14 about keys of vendors must notice."""

from typing import Any

from contracts.harness.sabotaged import Sabotage


async def _never(*_args: Any, **_options: Any) -> bool:
    """Nothing is replaced."""
    return False


async def _unheard(_original: Any, *_args: Any, **_options: Any) -> None:
    """Nobody is told."""


SABOTAGES = [
    Sabotage(
        name="keys-of-vendors-stay",
        patches=[("proxy.management.rotation_stored.rotate", _never)],
        trips=[
            "test_the_next_key_is_fetched_and_used",
            "test_a_call_in_progress_ends_with_the_key_it_began_with",
            "test_after_a_failure_it_is_tried_again",
        ],
    ),
    Sabotage(
        name="any-text-is-a-key",
        patches=[("proxy.secrets.hashicorp_vault.checked", lambda _original, secret, _name: secret)],
        trips=["test_a_failure_keeps_the_old_key[empty]", "test_a_failure_keeps_the_old_key[lines]"],
    ),
    Sabotage(
        name="rotations-are-not-audited",
        patches=[("proxy.management.rotation_stored.audit.record", _unheard)],
        trips=["test_after_a_failure_it_is_tried_again"],
    ),
]
