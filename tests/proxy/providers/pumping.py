"""Streams read to their end."""

from proxy.providers.base import Stream


async def events_of(stream: Stream, events: list[bytes] | None = None) -> list[bytes]:
    """Every event of a stream; also added to ``events`` as they come, for streams that break."""
    collected = [] if events is None else events
    await stream.pump(collected.extend)
    return collected
