"""D10: entries whose paths the gateway, or a vendor's route, has already; paths that would leave their target."""

import json
from typing import Any

import pytest

from contracts.harness.case import USER, Case
from contracts.harness.configs import MASTER_KEY
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("D10", config="D10/endpoints.yaml")


def message(model: str) -> dict[str, Any]:
    return {"model": model, "messages": USER, "max_tokens": 9}


def test_the_gateways_own_routes_win(case: Case) -> None:
    case.script({"taken-path": [], "native-upstream": []})
    listed = case.get("/v1/models")
    embedded = case.embed("native-group")
    case.assert_same_as_recorded()
    assert [model["id"] for model in listed.json["data"]] == ["native-group"]
    assert embedded.status == 200
    assert case.journal().paths == ["/v1/embeddings"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/embeddings")])
def test_the_gateways_own_routes_keep_their_locks(case: Case, method: str, path: str) -> None:
    """In the reference an entry of the same path removes the need of a key from both."""
    case.script({"taken-path": [], "native-upstream": []})
    body = json.dumps({"model": "native-group", "input": "hello"}).encode() if method == "POST" else None
    answer = case.request(method, path, key=None, content=body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 401

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_methods_that_the_gateway_does_not_have(case: Case) -> None:
    case.script({"taken-path": [ok("hello")]})
    answer = case.request("PUT", "/v1/embeddings", content=b'{"a":1}')
    case.assert_same_as_recorded()
    assert answer.status != 200


def test_a_path_below_a_vendors_is_the_operators(case: Case) -> None:
    """It leads where its entry says, with the entry's headers."""
    case.script({"claude-own": [ok("hello")]})
    headers = {"authorization": f"Bearer {MASTER_KEY}"}
    answer = case.post("/anthropic/v1/messages", message("claude-own"), key=None, headers=headers)
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == "/pt/anthropic/v1/messages"
    assert call.headers["x-api-key"] == "sk-endpoint"
    assert MASTER_KEY not in str(call.headers)


def test_a_path_below_a_vendors_needs_a_key(case: Case) -> None:
    case.script({"claude-open": [ok("hello")]})
    answer = case.post("/anthropic/v1/messages", message("claude-open"), key=None)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 401

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    "path",
    ["/custom/api/%2e%2e/x", "/custom/api/a/%2e%2e%2f%2e%2e/x", "/custom/api/%252e%252e/x", "/custom/api/a%5c..%5cx"],
)
def test_no_path_leaves_its_target(case: Case, path: str) -> None:
    """The reference leaves it to the target's server what `..` means."""
    case.script({"outside": []})
    answer = case.get(path)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 404

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["param"] == "path"

    case.deviates(answer, as_recorded=as_recorded, required=required)
