"""How the failures of one vendor are told: what its errors mean, and its names for what goes wrong here."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from proxy.errors import Failure, Headers, Kind
from proxy.providers.failures import MAX_QUOTED, retry_after

TIMEOUT_NOTE = "\n\nDeployment Info: request_timeout: None\ntimeout: None"
"""After the vendor's own timeouts."""


class Meaning(NamedTuple):
    """What an error of a vendor means to the client."""

    status: int | None
    """``None``: the vendor's."""
    kind: Kind
    prefix: str
    suffix: str = ""

    def told(self, text: str) -> str:
        """The message for the vendor's text."""
        return f"{self.prefix}{text}{self.suffix}"


class FailureTable(NamedTuple):
    """The failures of one vendor."""

    signs: Sequence[tuple[Sequence[str], Meaning]]
    """What the text says counts before the status."""
    by_status: Mapping[int, Meaning]
    other: Callable[[int], Meaning]
    """Of a status that ``by_status`` lacks."""
    no_connection: str
    """The message of a call that reached nobody, or whose connection broke before the answer was complete."""
    no_answer: str
    """Begins the message of an answer with a good status that is not what was asked for."""
    late: str = "litellm.Timeout: "
    """Begins the message of our own timeout."""

    def meaning(self, status: int, text: str) -> Meaning:
        """Of an error with this status and text."""
        for signs, meaning in self.signs:
            if any(sign in text for sign in signs):
                return meaning
        return self.by_status.get(status) or self.other(status)

    def refused(self, status: int, headers: Headers, body: bytes) -> Failure:
        """The failure that an error answer means; its body is quoted whole."""
        text = body.decode(errors="replace")[:MAX_QUOTED]
        return self.failure(self.meaning(status, text), status, text, headers)

    @staticmethod
    def failure(meaning: Meaning, status: int, text: str, headers: Headers) -> Failure:
        """The failure of that meaning; ``status`` and ``text`` are the vendor's."""
        own = status if 400 <= status <= 599 else 502
        failure = Failure(
            own if meaning.status is None else meaning.status,
            meaning.told(text),
            kind=meaning.kind,
            retry_after=retry_after(headers),
        )
        if failure.status == 429:
            failure.type = "throttling_error"
        return failure

    def unreachable(self) -> Failure:
        """No connection, or one that broke before the answer was complete."""
        return Failure(500, self.no_connection, kind="server", reached=False)

    def unreadable(self, what: str) -> Failure:
        """An answer with a good status that is not what was asked for, and what is wrong with it."""
        return Failure(500, f"{self.no_answer}{what}", kind="server")

    def timed_out(self, allowed: float, taken: float, own: float | None) -> Failure:
        """Our own timeout, in seconds: what was allowed and taken, and what the deployment's ``timeout`` says."""
        return Failure(
            408,
            f"{self.late}Connection timed out. Timeout passed={float(allowed)}, time taken={taken:.3f} seconds"
            f"\n\nDeployment Info: request_timeout: None\ntimeout: {own}",
            kind="timeout",
        )
