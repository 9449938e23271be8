"""Everything a case needs to know about the run it is part of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from contracts.harness.cassette import Recorder, Recording
from contracts.harness.mark import Contract
from contracts.harness.reseed import Naming
from contracts.harness.targets import Kind
from contracts.harness.translation import Translation


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case runs. With a `player` it runs against a recording, with a `recorder` it makes one.

    `name` is what upstreams know the case by, `case_id` its node id, `cassette` where its recording lies.
    """

    kind: Kind
    name: str
    case_id: str
    contract: Contract
    cassette: Path
    translation: Translation
    check_alive: Callable[[], None]
    naming: Naming = Naming(None)
    player: Recording | None = None
    recorder: Recorder | None = None

    @property
    def is_live(self) -> bool:
        """Whether a gateway answers, so that time and waiting mean something."""
        return self.player is None

    def recording(self) -> Recording:
        """What the reference did. Raises HarnessError when it was never recorded."""
        return self.player or Recording.load(self.cassette)
