"""Generated requests: every operation of the management answers as the document promises, hidden ones too.

The database is SQLite, or with ``--database=postgres`` a real Postgres.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.harness.databases import Database, Databases
from proxy.api.management.table import OPERATIONS
from proxy.api.openapi.document import VERSION
from proxy.api.openapi.management import parts_of, untyped
from proxy.api.openapi.written import written_parts
from tests.gateways import AUTHORIZED, KEY, Gateway

POSITIVE, NEGATIVE = 15, 5
"""Requests an operation that are as it wants them, and that are not."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MADE = {
    "/budget/new": {"budget_id": "made-budget", "max_budget": 10},
    "/organization/new": {"organization_alias": "made", "organization_id": "made-organization"},
    "/user/new": {"user_id": "made-user", "user_email": "made@example.com", "auto_create_key": False},
    "/team/new": {"team_id": "made-team", "team_alias": "made"},
    "/customer/new": {"user_id": "made-customer"},
    "/key/generate": {"key": "sk-made-key", "key_alias": "made", "team_id": "made-team"},
    "/credentials": {"credential_name": "made", "credential_values": {"api_key": "sk-up"}, "credential_info": {}},
    "/tag/new": {"name": "made-tag"},
    "/model/new": {
        "model_name": "made",
        "litellm_params": {"model": "offline/echo"},
        "model_info": {"id": "made-model"},
    },
}
"""What is there before the first generated request."""
KNOWN: dict[str, Any] = {
    "budget_id": "made-budget",
    "budgets": ["made-budget"],
    "credential_name": "made",
    "end_user_id": "made-customer",
    "key": "sk-made-key",
    "keys": ["sk-made-key"],
    "model_id": "made-model",
    "model": "made",
    "organization_id": "made-organization",
    "organization_ids": ["made-organization"],
    "tag_name": "made-tag",
    "team_id": "made-team",
    "team_ids": ["made-team"],
    "user_id": "made-user",
    "user_ids": ["made-user"],
    "start_date": "2026-01-01",
    "end_date": "2026-01-31",
}
"""What most requests name, so that they get somewhere."""
SHUTS_OUT = frozenset(("/add/allowed_ip", "/delete/allowed_ip"))
"""After these nobody may call from here any more; their gateway is theirs alone."""

paths, schemas = parts_of(OPERATIONS)
common = written_parts()["components"]
SCHEMA = schemathesis.openapi.from_dict(
    {
        "openapi": VERSION,
        "info": {"title": "management", "version": "1"},
        "paths": paths,
        # as a header: the invalid credential to try is then one that is no bearer token
        "security": [{"APIKeyHeader": []}],
        "components": {**common, "schemas": {**schemas, **common["schemas"]}},
    }
)
TAGS = {f"{operation.method} {untyped(path)}": operation.tag for operation in OPERATIONS for path in operation.paths}
FOUND = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}


class Gateways:
    """One gateway at a time with a database of its own: one for most operations, and for some one that is theirs alone."""

    def __init__(self, kind: Database, folder: Callable[[], Path]) -> None:
        self._databases = Databases(kind)
        self._folder = folder
        self._group = ""
        self._gateway: Gateway | None = None

    def of(self, group: str) -> Gateway:
        if self._gateway is None or self._group != group:
            self._stop()
            folder = self._folder()
            self._group, self._gateway = group, Gateway(folder, self._config(folder))
            for path, body in MADE.items():
                answer = self._gateway.http.post(path, json=body)
                assert answer.status_code == 200, f"{path}: {answer.text}"
        return self._gateway

    def close(self) -> None:
        self._stop()
        self._databases.stop()

    def _stop(self) -> None:
        if self._gateway is not None:
            self._gateway.stop()
            self._gateway = None

    def _config(self, folder: Path) -> dict[str, Any]:
        return {
            "model_list": [{"model_name": "echo", "litellm_params": {"model": "offline/echo"}}],
            "general_settings": {
                "master_key": KEY,
                "database_url": self._databases.environment("D1/users.yaml", folder)["DATABASE_URL"],
                "store_model_in_db": True,
            },
        }


@pytest.fixture(scope="module")
def gateways(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateways]:
    made = Gateways(Database(request.config.getoption("--database")), lambda: tmp_path_factory.mktemp("generated"))
    yield made
    made.close()


def profile(wanted: int | None, examples: int) -> hypothesis.settings:
    """The same few requests in each run, or `--schemathesis-examples` random ones."""
    return settings(
        max_examples=wanted or examples,
        derandomize=wanted is None,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.parametrize(
    "label", sorted(FOUND, key=lambda label: (label.split(" ")[1] in SHUTS_OUT, TAGS[label], label))
)
def test_an_operation_answers_as_promised(gateways: Gateways, pytestconfig: pytest.Config, label: str) -> None:
    load_all_checks()
    path = label.split(" ")[1]
    gateway = gateways.of(path if path in SHUTS_OUT else "")
    wanted = pytestconfig.getoption("--schemathesis-examples")

    checks = [*CHECKS, ignored_auth]

    @profile(wanted, POSITIVE)
    @given(generated=FOUND[label].as_strategy(), known=st.booleans())
    def send(generated: schemathesis.Case, known: bool) -> None:
        if known:
            name_what_is_there(generated)
        answer = generated.call(base_url=gateway.url, headers=AUTHORIZED, allow_redirects=False)
        generated.validate_response(answer, checks=checks, headers=AUTHORIZED)
        del checks[len(CHECKS) :]  # one request tells whether a key is needed

    @profile(wanted, NEGATIVE)
    @given(generated=FOUND[label].as_strategy(GenerationMode.NEGATIVE))
    def send_wrong(generated: schemathesis.Case) -> None:
        answer = generated.call(base_url=gateway.url, headers=AUTHORIZED, allow_redirects=False)
        assert answer.status_code < 500, f"{generated.as_curl_command()}: {answer.text}"

    send()
    if FOUND[label].body or FOUND[label].query:
        send_wrong()


def name_what_is_there(generated: schemathesis.Case) -> None:
    """Put what is known wherever the operation takes it."""
    for part in (generated.path_parameters, generated.query, generated.body):
        if isinstance(part, dict):
            part.update({name: value for name, value in KNOWN.items() if name in part})
