"""Settings and bodies that would harm the gateway."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from proxy.api.management.spend_logs import MOST_DAYS_AHEAD, _by_day
from proxy.management.config import may_be_variable
from tests.gateways import running


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("settings")
    general = {"master_key": "sk-1234", "database_url": f"sqlite:///{folder}/g.db", "store_model_in_db": True}
    with running(folder, {"model_list": [], "general_settings": general}) as gateway:
        headers = {"authorization": "Bearer sk-1234"}
        with httpx.Client(base_url=gateway.url, headers=headers, timeout=30, trust_env=False) as client:
            yield client


def test_nobody_shuts_himself_out(admin: httpx.Client) -> None:
    refused = admin.post("/add/allowed_ip", json={"ip": "10.0.0.0/8"})
    assert refused.status_code == 400
    assert "would shut out" in refused.json()["detail"]
    assert admin.post("/add/allowed_ip", json={"ip": "127.0.0.0/8"}).status_code == 200
    assert admin.post("/add/allowed_ip", json={"ip": "10.0.0.0/8"}).status_code == 200
    assert admin.post("/delete/allowed_ip", json={"ip": "127.0.0.0/8"}).status_code == 400
    assert admin.post("/delete/allowed_ip", json={"ip": "10.0.0.0/8"}).status_code == 200
    assert admin.post("/delete/allowed_ip", json={"ip": "127.0.0.0/8"}).status_code == 200
    assert admin.get("/key/list").status_code == 200


def test_bodies_are_not_nested_without_end(admin: httpx.Client) -> None:
    metadata: dict[str, Any] = {}
    for _ in range(900):
        metadata = {"a": metadata}
    assert admin.post("/key/generate", json={"metadata": metadata}).status_code == 422
    assert admin.post("/key/generate", json={"metadata": {"a": [{"b": [{}]}] * 200}}).status_code == 200


@pytest.mark.parametrize(
    "name", ["SSLKEYLOGFILE", "OPENSSL_CONF", "GCONV_PATH", "BASH_ENV", "JWT_PUBLIC_KEY_URL", "PROXY_ADMIN_ID", "PATH"]
)
def test_variables_of_the_process_are_not_stored(name: str) -> None:
    assert not may_be_variable(name)
    assert may_be_variable("LANGFUSE_SECRET_KEY")


def test_days_to_come_have_an_end() -> None:
    began = datetime.now(UTC) - timedelta(days=2)
    told = _by_day([(began, "key", "user", "model", 1.0)], began + timedelta(days=100_000))
    assert len(told) <= MOST_DAYS_AHEAD + 4
    assert len(_by_day([(began, "key", "user", "model", 1.0)], began + timedelta(days=2))) == 3
