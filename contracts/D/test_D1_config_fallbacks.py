"""D1: fallbacks are made, changed and deleted at run time."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import status

pytestmark = contract("D1", config="D1/config.yaml")


def fallback(model: str, *models: str, **fields: object) -> dict[str, object]:
    return {"model": model, "fallback_models": list(models), **fields}


def test_a_new_fallback_counts_at_once(case: Case) -> None:
    case.script({"conf-first-upstream": [status(500)], "conf-rescue-upstream": []})
    made = case.post("/fallback", fallback("conf-first", "conf-rescue"))
    found = case.get("/fallback/conf-first")
    chat = case.chat("conf-first")
    case.assert_same_as_recorded(headers=["x-litellm-attempted-fallbacks"])
    assert made.json["message"] == "Fallback configuration created successfully"
    assert found.json["fallback_models"] == ["conf-rescue"]
    assert chat.status == 200
    assert case.journal().models == ["conf-first-upstream", "conf-rescue-upstream"]


def test_fallbacks_are_replaced_and_deleted(case: Case) -> None:
    case.script({"conf-second-upstream": [status(500)], "conf-third-upstream": []})
    case.post("/fallback", fallback("conf-second", "conf-rescue"))
    changed = case.post("/fallback", fallback("conf-second", "conf-third"))
    before = case.chat("conf-second")
    deleted = case.request("DELETE", "/fallback/conf-second")
    after = case.chat("conf-second")
    found = case.get("/fallback/conf-second")
    again = case.request("DELETE", "/fallback/conf-second")
    case.assert_same_as_recorded(ignore=["body.error.message"])  # of all fallbacks of this gateway
    assert changed.json["message"] == "Fallback configuration updated successfully"
    assert deleted.json["message"] == "Fallback configuration deleted successfully"
    assert before.status == 200
    assert after.status == 500
    assert found.status == again.status == 404


@pytest.mark.parametrize("kind", ["context_window", "content_policy"])
def test_fallbacks_of_other_kinds(case: Case, kind: str) -> None:
    made = case.post("/fallback", fallback("conf-third", "conf-rescue", fallback_type=kind))
    found = case.get(f"/fallback/conf-third?fallback_type={kind}")
    deleted = case.request("DELETE", f"/fallback/conf-third?fallback_type={kind}")
    case.assert_same_as_recorded()
    assert made.json["fallback_type"] == found.json["fallback_type"] == kind
    assert deleted.status == 200


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        (fallback("no-such-model", "conf-rescue"), 404, "Model 'no-such-model' not found in router"),
        (fallback("conf-third", "no-such-model"), 400, "Invalid fallback models: ['no-such-model']"),
        (fallback("conf-third", "conf-third"), 400, "Model 'conf-third' cannot be its own fallback"),
    ],
    ids=["model", "fallback", "itself"],
)
def test_fallbacks_that_cannot_be(case: Case, body: dict[str, object], code: int, told: str) -> None:
    answer = case.post("/fallback", body)
    case.assert_same_as_recorded(ignore=["body.detail.available_models"])
    assert answer.status == code
    assert answer.json["detail"]["error"] == told


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "conf-third"},
        fallback("conf-third"),
        fallback("", "conf-rescue"),
        fallback("a", "b", fallback_type="x"),
    ],
    ids=["nothing", "no-models", "empty-list", "no-name", "kind"],
)
def test_what_a_fallback_must_have(case: Case, body: dict[str, object]) -> None:
    answer = case.post("/fallback", body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"


def test_fallbacks_of_the_config_are_deleted_too(case: Case) -> None:
    """In the reference the last one of the config comes back when it is started anew."""
    deleted = case.request("DELETE", "/fallback/conf-fourth")
    found = case.get("/fallback/conf-fourth")
    case.assert_same_as_recorded()
    assert deleted.status == 200
    assert found.status == 404


def test_only_admins_change_fallbacks(case: Case) -> None:
    key = case.post("/key/generate", {}).json["key"]
    answer = case.post("/fallback", fallback("conf-third", "conf-rescue"), key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert isinstance(answer, Exchange)
