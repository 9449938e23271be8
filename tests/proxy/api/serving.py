"""The gateway's application in this process, for a config of a few lines."""

from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from proxy.app import build_app
from proxy.config.loader import load_config
from proxy.gateway import Gateway

Client = TestClient[Litestar]
KEY = "sk-test-master-key"


@contextmanager
def serving(folder: Path, config: str, *, upstream: str = "", key: str | None = KEY) -> Iterator[Client]:
    """A client of the gateway, with its key; ``UPSTREAM`` in the config stands for ``upstream``."""
    file = folder / "config.yaml"
    text = config.replace("UPSTREAM", upstream)
    file.write_text(f"{text}\ngeneral_settings: {{master_key: {KEY}}}\n" if "general_settings" not in text else text)
    app = build_app(Gateway(load_config(file)), _nothing)
    with TestClient(app) as client:
        if key is not None:
            client.headers["authorization"] = f"Bearer {key}"
        yield client


@asynccontextmanager
async def _nothing(_: Gateway) -> Any:
    yield
