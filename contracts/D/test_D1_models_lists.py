"""D1: stored models and those of the config, listed, searched and made public."""

import pytest

from contracts.D.test_D1_models_changes import PARAMS, new_model
from contracts.harness.case import Case
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/models.yaml")

V2 = "/v2/model/info"


def names(answer: object) -> list[str]:
    return [entry["model_name"] for entry in answer.json["data"]]  # type: ignore[attr-defined]


def add(case: Case, *models: str) -> None:
    for name in models:
        case.post("/model/new", new_model(name))


@pytest.mark.parametrize("by", ["model", "modelId"])
def test_one_model(case: Case, by: str) -> None:
    add(case, f"sought-by-{by}")
    wanted = f"sought-by-{by}" + ("-id" if by == "modelId" else "")
    answer = case.get(f"{V2}?{by}={wanted}")
    case.assert_same_as_recorded(ignore=PARAMS)
    assert answer.status == 200
    assert names(answer) == [f"sought-by-{by}"]
    assert answer.json["total_count"] == 1
    assert answer.json["data"][0]["model_info"]["db_model"] is True


def test_pages_and_order(case: Case) -> None:
    add(case, "paged-c", "paged-a", "paged-b")
    pages = [case.get(f"{V2}?search=paged-&sortBy=model_name&page={page}&size=2") for page in (1, 2, 3)]
    down = case.get(f"{V2}?search=paged-&sortBy=model_name&sortOrder=desc")
    case.assert_same_as_recorded(ignore=PARAMS)
    assert [names(page) for page in pages] == [["paged-a", "paged-b"], ["paged-c"], []]
    assert pages[0].json["total_pages"] == 2
    assert pages[0].json["total_count"] == 3
    assert names(down) == ["paged-c", "paged-b", "paged-a"]


def test_a_search_that_finds_nothing(case: Case) -> None:
    answer = case.get(f"{V2}?search=%27%20OR%201%3D1%20--")
    case.assert_same_as_recorded()
    assert answer.json["data"] == []
    assert answer.json["total_count"] == 0


def test_models_of_the_config_are_found_too(case: Case) -> None:
    answer = case.get(f"{V2}?modelId=models-config-1")
    case.assert_same_as_recorded()
    assert names(answer) == ["models-of-config"]
    assert answer.json["data"][0]["model_info"]["db_model"] is False


@pytest.mark.parametrize("query", ["page=0", "size=x", "page=-1"])
def test_pages_that_cannot_be(case: Case, query: str) -> None:
    answer = case.get(f"{V2}?{query}")
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "query"


def test_a_column_that_cannot_be_sorted_by(case: Case) -> None:
    answer = case.get(f"{V2}?search=models-of-config&sortBy=no_such_column")
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert names(answer) == ["models-of-config"]


def test_groups_are_made_public(case: Case) -> None:
    add(case, "publicized")
    answer = case.post("/model_group/make_public", {"model_groups": ["publicized"]})
    group = case.get("/model_group/info?model_group=publicized")
    case.assert_same_as_recorded(ignore=PARAMS)
    assert answer.json["public_model_groups"] == ["publicized"]
    assert group.json["data"][0]["is_public_model_group"] is True


@pytest.mark.parametrize(
    "body", [{}, {"model_groups": "x"}, {"model_groups": [], "more": 1}], ids=["nothing", "text", "more"]
)
def test_what_making_public_takes(case: Case, body: dict[str, object]) -> None:
    answer = case.post("/model_group/make_public", body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"][0] == "body"


def test_links_of_the_model_hub(case: Case) -> None:
    answer = case.post("/model_hub/update_useful_links", {"useful_links": {"Docs": "https://example.com/docs"}})
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert answer.json["useful_links"] == {"Docs": "https://example.com/docs"}


def test_settings_by_provider(case: Case) -> None:
    answer = case.get("/model/settings")
    case.assert_same_as_recorded(ignore=["body"])
    assert answer.status == 200
    assert all(set(entry) == {"name", "fields"} for entry in answer.json)
    assert {"openai", "anthropic", "gemini", "bedrock"} <= {entry["name"] for entry in answer.json}
