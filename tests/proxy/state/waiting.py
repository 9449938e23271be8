"""What tests of outages wait for, and what they read of the log."""

import asyncio

import pytest

from proxy.state.resilient import ResilientState


async def back(state: ResilientState) -> None:
    """Wait until commands go to the remote state again."""
    async with asyncio.timeout(5):
        while not state._usable:
            await asyncio.sleep(0.005)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("proxy.state")]
