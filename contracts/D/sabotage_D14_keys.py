"""Patches that the contracts of D14 about virtual keys must notice."""

from typing import Any

from contracts.harness.sabotaged import Sabotage


async def never(*_args: Any, **_options: Any) -> list[Any]:
    """Nothing is due."""
    return []


SABOTAGES = [
    Sabotage(
        name="nothing-is-due",
        patches=[("proxy.management.keys_rotation.rotate_due_keys", never)],
        trips=["test_a_key_that_is_due_is_rotated", "test_a_rotated_key_goes_on_for_a_while"],
    ),
    Sabotage(
        name="knows-no-grace",
        patches=[("proxy.management.keys_rotation.grace_of", lambda _original, _asked, _now: None)],
        trips=[
            "test_a_rotated_key_goes_on_for_a_while",
            "test_a_grace_period",
            "test_a_deleted_key_takes_its_predecessors_along",
        ],
    ),
    Sabotage(
        name="keys-widen-on-the-way",
        patches=[("proxy.api.management.keys_rotation.check_not_wider", lambda _original, _key, _changes: None)],
        trips=["test_users_regenerate_their_own_keys_alone"],
    ),
    Sabotage(
        name="the-master-key-cannot-change",
        patches=[("proxy.api.management.keys_rotation._is_master", lambda _original, _asked, _key: False)],
        trips=["test_a_new_master_key", "test_a_new_master_key_must_be_named"],
    ),
]
