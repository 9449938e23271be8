"""``/v1/models``: names, aliases, and the known models behind wildcards."""

from collections.abc import Iterator

import pytest

from tests.proxy.api.serving import Client, serving

CONFIG = """
model_list:
  - {model_name: mini, litellm_params: {model: openai/gpt-4o-mini}}
  - {model_name: "wild/*", litellm_params: {model: "openai/*"}}
  - {model_name: "openai/gpt-4o*", litellm_params: {model: "openai/gpt-4o*"}}
  - {model_name: "team/x-*", litellm_params: {model: "openai/*"}}
  - {model_name: "pre-*", litellm_params: {model: "openai/gpt-*"}}
  - {model_name: "fixed/*", litellm_params: {model: openai/gpt-4o}}
router_settings:
  model_group_alias: {seen: mini, unseen: {model: mini, hidden: true}}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("models"), CONFIG) as client:
        yield client


@pytest.fixture(scope="module")
def names(client: Client) -> list[str]:
    return [model["id"] for model in client.get("/v1/models").json()["data"]]


def test_aliases_then_groups_then_what_wildcards_stand_for(names: list[str]) -> None:
    configured = ["seen", "mini", "wild/*", "openai/gpt-4o*", "team/x-*", "pre-*", "fixed/*"]
    assert names[: len(configured)] == configured
    assert len(names) > 100
    assert len(set(names)) == len(names)
    assert "unseen" not in names


def test_all_models_of_the_provider(names: list[str]) -> None:
    assert {"wild/gpt-4o", "wild/o3", "wild/text-embedding-3-small"} <= set(names)
    assert not [name for name in names if "claude" in name or "/ft:" in name]


def test_a_beginning_selects(names: list[str]) -> None:
    matches = [name for name in names if name.startswith("openai/")]
    assert "openai/gpt-4o-mini" in matches
    assert all(name.startswith("openai/gpt-4o") for name in matches)


def test_a_beginning_that_no_model_has_is_put_before_each(names: list[str]) -> None:
    assert "team/x-gpt-4o" in names


def test_other_wildcards_are_not_spelt_out(names: list[str]) -> None:
    assert [name for name in names if name.startswith(("pre-", "fixed/"))] == ["pre-*", "fixed/*"]


def test_each_listed_name_has_a_deployment(client: Client, names: list[str]) -> None:
    served = {item["model_name"] for item in client.get("/v1/model/info").json()["data"]}
    assert served == set(names)


@pytest.mark.parametrize("name", ["mini", "wild/gpt-4o", "wild/*"])
def test_one_model(client: Client, name: str) -> None:
    answer = client.get(f"/v1/models/{name}")
    assert (answer.status_code, answer.json()["id"]) == (200, name)


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("nope", "The model `nope` does not exist or is not accessible"),
        ("unseen", "The model `unseen` does not exist or is not accessible"),
        ("seen", "Model 'seen' not found in router configuration"),
    ],
)
def test_no_model(client: Client, name: str, detail: str) -> None:
    answer = client.get(f"/v1/models/{name}")
    assert (answer.status_code, answer.json()) == (404, {"detail": detail})
