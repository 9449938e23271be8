"""A4: which fallbacks a model has, as the gateway tells it."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("A4", config="A4/special.yaml")
with_default = contract("A4", config="A4/default.yaml")


def fallbacks_of(listing: dict[str, object]) -> dict[str, object]:
    """Model id to the fallbacks in its metadata."""
    return {model["id"]: model.get("metadata", {}).get("fallbacks") for model in listing["data"]}


@pytest.mark.parametrize(
    ("kind", "model", "expected"),
    [
        ("general", "small-a", ["general-a"]),
        ("context_window", "small-a", ["large-a", "larger-a"]),
        ("content_policy", "strict-a", ["lenient-a"]),
    ],
)
def test_the_listing_names_the_fallbacks_of_a_kind(case: Case, kind: str, model: str, expected: list[str]) -> None:
    answer = case.get(f"/v1/models?include_metadata=true&fallback_type={kind}")
    case.assert_same_as_recorded()
    assert fallbacks_of(answer.json)[model] == expected


def test_the_listing_names_general_fallbacks_unless_asked_otherwise(case: Case) -> None:
    answer = case.get("/v1/models?include_metadata=true")
    case.assert_same_as_recorded()
    assert fallbacks_of(answer.json)["strict-a"] == ["general-a"]


def test_the_listing_has_no_metadata_unless_asked_for(case: Case) -> None:
    answer = case.get("/v1/models?fallback_type=general")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert all("metadata" not in model for model in answer.json["data"])


def test_an_unknown_kind_is_refused(case: Case) -> None:
    answer = case.get("/v1/models?include_metadata=true&fallback_type=other")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Invalid fallback_type" in answer.json["detail"]


@with_default
def test_the_listing_with_a_default_list(case: Case) -> None:
    answer = case.get("/v1/models?include_metadata=true")
    case.assert_same_as_recorded()
    assert fallbacks_of(answer.json)["owner-a"] == ["owner-b", "owner-c"]


@with_default
@pytest.mark.parametrize("model", ["owner-a", "basic-a", "unheard-of"])
def test_the_fallbacks_of_one_model(case: Case, model: str) -> None:
    answer = case.get(f"/fallback/{model}")
    case.assert_same_as_recorded()
    assert answer.json == {
        "model": model,
        "fallback_models": ["owner-b", "owner-c"] if model == "owner-a" else ["basic-last", "second-last"],
        "fallback_type": "general",
    }


@with_default
def test_a_model_without_fallbacks_has_none_to_tell(case: Case) -> None:
    answer = case.get("/fallback/hidden-a")
    case.assert_same_as_recorded()
    assert answer.status == 404
    assert answer.json["detail"] == {"error": "No general fallbacks configured for model 'hidden-a'"}


@with_default
def test_fallbacks_are_told_to_no_stranger(case: Case) -> None:
    answer = case.get("/fallback/owner-a", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401


@pytest.mark.parametrize("kind", ["general", "context_window", "content_policy", "other"])
def test_the_fallbacks_of_one_model_and_kind(case: Case, kind: str) -> None:
    answer = case.get(f"/fallback/small-a?fallback_type={kind}")
    case.assert_same_as_recorded()
    assert answer.status == (200 if kind in {"general", "context_window"} else 404 if kind == "content_policy" else 422)


@with_default
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_fallbacks_cannot_be_changed_without_a_model_store(case: Case, method: str) -> None:
    path = "/fallback" if method == "POST" else "/fallback/owner-a"
    body = {"model": "owner-a", "fallback_models": ["owner-b"], "fallback_type": "general"}
    changed = case.request(method, path, json=body)
    stranger = case.request(method, path, json=body, key=None)
    case.assert_same_as_recorded()
    assert changed.status == 400
    assert "Database storage not enabled" in changed.json["detail"]["error"]
    assert stranger.status == 401
