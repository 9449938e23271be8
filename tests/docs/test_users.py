"""The page on users, customers and tags: its calls, in order, on its config."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.docs.pages import after_its_calls
from tests.gateways import Gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with after_its_calls("users", tmp_path_factory.mktemp("users")) as served:
        yield served


def _asked(gateway: Gateway, path: str, body: Any = None) -> Any:
    url, headers = f"http://127.0.0.1:{gateway.port}{path}", {"authorization": "Bearer sk-1234"}
    answer = httpx.get(url, headers=headers) if body is None else httpx.post(url, headers=headers, json=body)
    assert answer.status_code == 200
    return answer.json()


def test_the_user_has_a_key_and_what_new_users_get(gateway: Gateway) -> None:
    found = _asked(gateway, "/user/info?user_id=ada")
    assert (found["user_info"]["user_alias"], found["user_info"]["max_budget"]) == ("Ada", 20.0)
    assert (found["user_info"]["user_role"], found["user_info"]["budget_duration"]) == ("internal_user", "30d")
    assert len(found["keys"]) == 1


def test_the_customers(gateway: Gateway) -> None:
    assert _asked(gateway, "/customer/info?end_user_id=shop-7")["litellm_budget_table"]["max_budget"] == 5.0
    assert _asked(gateway, "/customer/info?end_user_id=shop-8")["blocked"] is True


def test_the_tag(gateway: Gateway) -> None:
    assert _asked(gateway, "/tag/info", {"names": ["batch"]})["batch"]["litellm_budget_table"]["max_budget"] == 50.0


def test_paths_that_are_named_exist(gateway: Gateway) -> None:
    for path in (
        "/user/list",
        "/user/available_roles",
        "/get/internal_user_settings",
        "/customer/list",
        "/end_user/list",
        "/tag/list",
        "/tag/dau",
        "/tag/wau",
        "/tag/mau",
        "/tag/distinct",
        "/tag/user-agent/per-user-analytics",
        "/tag/summary?start_date=2026-01-01&end_date=2026-02-01",
    ):
        _asked(gateway, path)
