"""A store for the length of a scenario."""

import asyncio
from collections.abc import Awaitable, Callable

from proxy.store.store import Store


def using(url: str, scenario: Callable[[Store], Awaitable[None]]) -> None:
    """Run a scenario with a started store."""

    async def run() -> None:
        store = Store(url)
        await store.start()
        try:
            await scenario(store)
        finally:
            await store.aclose()

    asyncio.run(run())
