"""What can go wrong between the gateway and a vendor. Messages hold no URL, header or body."""

from typing import Literal

Phase = Literal["connect", "first_byte", "idle", "total"]


class UpstreamError(Exception):
    """Base of everything that :mod:`proxy.upstream` raises."""


class ConnectFailed(UpstreamError):
    """No connection, or a request that cannot be written: nothing was sent, so trying again is always safe."""


class TimedOut(UpstreamError):
    """The vendor took too long; ``phase`` says for what and ``seconds`` what was allowed.

    Nothing was sent when the phase is ``connect``.
    """

    def __init__(self, phase: Phase, seconds: float | None) -> None:
        super().__init__(f"timed out ({phase}, {seconds} s)")
        self.phase: Phase = phase
        self.seconds = seconds


class Broken(UpstreamError):
    """The connection ended early, or what came over it is not HTTP. The vendor may have done the work."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class TooLarge(UpstreamError):
    """More than ``limit`` bytes came."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit
