"""D1: what operations of models, credentials and settings answer without a database."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/no_database.yaml")

MODEL = {"model_name": "x", "litellm_params": {"model": "openai/x"}, "model_info": {"id": "x"}}
CREDENTIAL = {"credential_name": "x", "credential_values": {"api_key": "x"}, "credential_info": {}}
FIELD = {"field_name": "max_parallel_requests", "field_value": 1, "config_type": "general_settings"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/model/new", MODEL, 500),
        ("POST", "/model/update", MODEL, 500),
        ("POST", "/model/delete", {"id": "x"}, 500),
        ("PATCH", "/model/x/update", {"model_name": "y"}, 500),
        ("GET", "/v2/model/info", None, 500),
        ("POST", "/model_group/make_public", {"model_groups": ["x"]}, 500),
        ("POST", "/credentials", CREDENTIAL, 500),
        ("POST", "/config/update", {"router_settings": {"num_retries": 1}}, 400),
        ("POST", "/config/field/update", FIELD, 400),
        ("POST", "/config/field/delete", FIELD, 400),
        ("GET", "/config/field/info?field_name=max_parallel_requests", None, 400),
        ("GET", "/config/list?config_type=general_settings", None, 400),
        ("POST", "/config/callback/delete", {"callback_name": "x"}, 400),
        ("GET", "/get/ui_settings", None, 500),
        ("PATCH", "/update/ui_settings", {}, 500),
    ],
    ids=lambda value: value.partition("?")[0].strip("/").replace("/", "-") if isinstance(value, str) else "",
)
def test_what_needs_a_database(case: Case, method: str, path: str, body: Any, status: int) -> None:
    answer = case.request(method, path, **({} if body is None else {"json": body}))
    case.assert_same_as_recorded()
    assert answer.status == status
    assert "connect" in answer.text.lower() or "STORE_MODEL_IN_DB" in answer.text


def test_there_are_no_credentials(case: Case) -> None:
    answer = case.get("/credentials")
    case.assert_same_as_recorded()
    assert answer.json == {"success": True, "credentials": []}


@pytest.mark.parametrize("path", ["/config/list", "/model/new"])
def test_bodies_and_queries_are_looked_at_first(case: Case, path: str) -> None:
    answer = case.get(path) if path == "/config/list" else case.post("/model/delete", {})
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["type"] == "missing"


def test_the_theme_needs_none(case: Case) -> None:
    answer = case.get("/get/ui_theme_settings", key=None)
    case.assert_same_as_recorded(ignore=["body.field_schema"])
    assert answer.json["values"] == {"logo_url": None}
