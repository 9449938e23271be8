"""The OpenAPI document: complete, consistent, and nothing in it that is nobody's business."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from jsonschema import Draft202012Validator

from contracts.harness.operations import unnamed
from proxy.api.management.table import OPERATIONS
from proxy.api.openapi.document import build_document
from proxy.api.openapi.management import management_parts
from proxy.api.openapi.settings import docs_settings
from proxy.api.openapi.written import examples, written_parts
from proxy.config.loader import load_config
from proxy.gateway import Gateway
from tests.proxy.api.serving import serving

CONFIG = """
model_list: [{model_name: echo, litellm_params: {model: offline/echo, api_key: sk-nobodys-business}}]
general_settings:
  master_key: sk-test-master-key
  pass_through_endpoints:
    - {path: /mine, target: "http://127.0.0.1:9/x", headers: {authorization: nobodys-business}}
    - {path: /open, target: "http://127.0.0.1:9/y", auth: false, include_subpath: false, methods: [GET]}
"""
#: Routes that no operation of the document is about: the document itself and what shows it.
UNLISTED = {"/openapi.json", "/docs", "/redoc", "/swagger/{}"}
SAMPLES = [key for key, shown in examples().items() if "request" in shown]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("openapi") / "config.yaml"
    file.write_text(CONFIG)
    return build_document(Gateway(load_config(file)).snapshot, docs_settings())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def test_each_operation_says_what_it_is(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["tags"], name
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["responses"], name
        assert "``" not in operation["description"], name
    ids = Counter(operation["operationId"] for _, operation in operations(document))
    assert [name for name, count in ids.items() if count > 1] == []
    assert {tag for _, operation in operations(document) for tag in operation["tags"]} == {
        tag["name"] for tag in document["tags"]
    }


def test_each_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":
                continue
            given = [*item.get("parameters", []), *operation.get("parameters", [])]
            described = {parameter["name"] for parameter in given if parameter["in"] == "path"}
            assert set(re.findall(r"{([^}]*)}", path)) == described, f"{method} {path}"


def test_each_reference_leads_somewhere_and_each_schema_is_one(document: dict[str, Any]) -> None:
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert schemathesis.openapi.from_dict(document).validate() is None


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            if name == "$ref":
                yield member
            else:
                yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_each_route_is_listed_or_hidden(document: dict[str, Any], tmp_path: Path) -> None:
    listed = {unnamed(name) for name, _ in operations(document)}
    hidden = {
        unnamed(f"{operation.method} {path}")
        for operation in OPERATIONS
        if operation.hidden
        for path in operation.paths
    }
    with serving(tmp_path, CONFIG) as client:
        served = {
            unnamed(f"{method} {route['path']}")
            for route in client.get("/routes").json()["routes"]
            for method in route["methods"]
            if method != "HEAD"
        }
    assert served - listed - hidden - {f"GET {path}" for path in UNLISTED} == set()
    assert hidden & listed == set()


def test_nothing_is_written_by_hand_that_the_table_says() -> None:
    written = {unnamed(f"{method} {path}") for path, item in written_parts()["paths"].items() for method in item}
    managed = {unnamed(f"{method} {path}") for path, item in management_parts()[0].items() for method in item}
    assert written & managed == set()


def test_each_body_of_the_management_has_an_example() -> None:
    paths, _ = management_parts()
    without = [
        f"{method.upper()} {path}"
        for path, item in paths.items()
        for method, operation in item.items()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if "example" not in content
    ]
    assert without == [], "show in proxy/api/openapi/examples.yaml what they take"


@pytest.mark.parametrize("key", SAMPLES)
def test_an_example_is_what_its_operation_takes(document: dict[str, Any], key: str) -> None:
    method, path = key.split(" ")
    operation = document["paths"].get(path, {}).get(method.lower())
    if operation is None:
        pytest.fail(f"examples.yaml has {key}, which is no operation")
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    validator = Draft202012Validator({**schema, "components": document["components"]})
    assert [error.message for error in validator.iter_errors(examples()[key]["request"])] == []


def test_the_operators_own_endpoints_are_listed(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert set(paths["/mine"]) == {"get", "post", "put", "patch", "delete"}
    assert set(paths["/mine/{endpoint}"]) == set(paths["/mine"])
    assert paths["/open"]["get"]["security"] == []
    assert "security" not in paths["/mine"]["get"]
    assert "/open/{endpoint}" not in paths
    assert "post" not in paths["/open"]


def test_public_operations_need_no_key(document: dict[str, Any]) -> None:
    assert document["security"] == [{"Bearer": []}, {"APIKeyHeader": []}]
    assert document["paths"]["/public/providers"]["get"]["security"] == []
    assert "security" not in document["paths"]["/key/generate"]["post"]


def test_a_database_is_mentioned_where_one_is_needed(document: dict[str, Any]) -> None:
    assert document["paths"]["/key/generate"]["post"]["responses"]["500"] == {
        "$ref": "#/components/responses/NoDatabase"
    }
    assert "500" not in document["paths"]["/public/providers"]["get"]["responses"]


def test_secrets_of_the_config_are_not_in_it(tmp_path: Path) -> None:
    with serving(tmp_path, CONFIG, key=None) as client:
        text = client.get("/openapi.json").text
    assert "/mine" in text
    assert "nobodys-business" not in text
    assert "sk-test-master-key" not in text
    assert "127.0.0.1" not in text


def test_it_is_made_once_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def encoded(*_: Any) -> bytes:
        made.append(1)
        return b"{}"

    monkeypatch.setattr("proxy.api.openapi.document.encoded_document", encoded)
    with serving(tmp_path, CONFIG, key=None) as client:
        assert [client.get("/openapi.json").json() for _ in range(3)] == [{}] * 3
    assert len(made) == 1


def test_nothing_of_it_is_loaded_before_it_is_asked_for() -> None:
    code = (
        "import sys, proxy.app, proxy.cli; "
        "print([name for name in ('pydantic', 'proxy.api.openapi.document', 'proxy.api.openapi.pages') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
