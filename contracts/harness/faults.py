"""Whose fault a failure is, as exception types; each carries a message that is complete by itself."""

from __future__ import annotations

from collections.abc import Sequence


class HarnessError(Exception):
    """The suite itself is wrong: a stale recording, a misused method, a broken fixture."""


class TargetUnavailable(Exception):
    """The gateway did not start or is gone; the message ends with its last log lines."""


class Untestable(Exception):
    """A prerequisite is missing. A failure, never a silent skip; `needs` says what to provide."""

    def __init__(self, needs: str) -> None:
        super().__init__(f"untestable: needs {needs}")
        self.needs = needs


class CheckFailed(AssertionError):
    """The gateway does not keep the contract.

    `differences` are rendered lines (a path, what was expected, what came) that follow the title.
    """

    def __init__(self, title: str, differences: Sequence[str] = ()) -> None:
        super().__init__("\n".join([title, *differences]))
        self.title = title


class NeverHeld(CheckFailed):
    """What a case waited for did not come about. It is the case's own assertion, unlike other comparisons."""
