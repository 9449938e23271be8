"""D1: models are added, changed and deleted at run time."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("D1", config="D1/models.yaml")

#: The reference shows what it encrypted, which is another text each time.
PARAMS = ["body.litellm_params"]
#: It remembers that there once was such a model, until it is started anew, and says that none is healthy.
GONE = "body.error"


def new_model(name: str, **params: object) -> dict[str, object]:
    """A body of /model/new whose upstream is ``NAME-upstream`` and whose id ``NAME-id``."""
    given = {"model": f"openai/{name}-upstream", "api_base": "http://upstream.test/v1", "api_key": "sk-stored-secret"}
    return {"model_name": name, "litellm_params": {**given, **params}, "model_info": {"id": f"{name}-id"}}


def info_of(case: Case, model_id: str) -> Exchange:
    return case.get(f"/model/info?litellm_model_id={model_id}")


def test_a_new_model_is_routable_at_once(case: Case) -> None:
    case.script({"newly-added-upstream": [ok("Newly")]})
    made = case.post("/model/new", new_model("newly-added", rpm=100))
    chat = case.chat("newly-added")
    case.assert_same_as_recorded(headers=["x-litellm-model-id", "x-litellm-model-group"], ignore=PARAMS)
    assert made.status == 200
    assert made.json["model_id"] == "newly-added-id"
    assert made.json["model_name"] == "newly-added"
    assert made.json["created_by"] == made.json["updated_by"] == "default_user_id"
    assert chat.content == "Newly"
    [call] = case.journal().calls
    assert call.headers["authorization"] == "Bearer sk-stored-secret"


def test_no_answer_shows_a_secret(case: Case) -> None:
    made = case.post("/model/new", new_model("secretive"))
    found = info_of(case, "secretive-id")
    case.assert_same_as_recorded(ignore=PARAMS)
    assert made.status == found.status == 200
    assert "sk-stored-secret" not in made.text + found.text
    assert "api_key" not in found.json["data"][0]["litellm_params"]


def test_what_is_known_of_a_new_model(case: Case) -> None:
    body = new_model("well-known", model="openai/gpt-4o-mini", temperature=0.5, timeout=30)
    body["model_info"] = {"id": "well-known-id", "note": "of a case", "mode": "chat"}
    made = case.post("/model/new", body)
    found = info_of(case, "well-known-id")
    group = case.get("/model_group/info?model_group=well-known")
    key = case.post("/key/generate", {"models": ["well-known"]}).json["key"]
    listed = case.get("/v1/models", key=key)
    case.assert_same_as_recorded(ignore=PARAMS)
    assert made.status == 200
    [shown] = found.json["data"]
    assert shown["model_info"]["db_model"] is True
    assert shown["model_info"]["note"] == "of a case"
    assert shown["litellm_params"]["temperature"] == 0.5
    assert group.json["data"][0]["mode"] == "chat"
    assert [model["id"] for model in listed.json["data"]] == ["well-known"]


def test_an_id_is_made_where_none_is_given(case: Case) -> None:
    body = new_model("without-id")
    del body["model_info"]
    made = case.post("/model/new", body)
    found = info_of(case, made.json["model_id"])
    case.assert_same_as_recorded(ignore=PARAMS)
    assert made.status == 200
    assert made.json["model_info"]["id"] == made.json["model_id"]
    assert found.json["data"][0]["model_name"] == "without-id"


def test_two_deployments_of_a_group(case: Case) -> None:
    case.script({"twin-a-upstream": [], "twin-b-upstream": []})
    first = new_model("twin-a")
    second = new_model("twin-b")
    first["model_name"] = second["model_name"] = "twins"
    answers = [case.post("/model/new", body) for body in (first, second)]
    group = case.get("/model_group/info?model_group=twins")
    chats = [case.chat("twin-a-id"), case.chat("twin-b-id")]
    case.assert_same_as_recorded(ignore=PARAMS)
    assert [answer.status for answer in (*answers, *chats)] == [200] * 4
    assert len(group.json["data"]) == 1
    assert case.journal().models == ["twin-a-upstream", "twin-b-upstream"]


@pytest.mark.parametrize("missing", ["model_name", "litellm_params", "model"])
def test_what_a_new_model_must_have(case: Case, missing: str) -> None:
    """The reference fails with a 500."""
    body = new_model("incomplete")
    if missing == "model":
        body["litellm_params"] = {"api_key": "sk-x"}
    else:
        del body[missing]
    answer = case.post("/model/new", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 422
        assert answer.json["detail"][0]["loc"][-1] == missing

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("given", ["a text", [], {"model": 7}], ids=["text", "list", "number"])
def test_parameters_of_the_wrong_type(case: Case, given: object) -> None:
    answer = case.post("/model/new", {"model_name": "mistyped", "litellm_params": given})
    case.assert_same_as_recorded(ignore=["body.detail"])
    assert answer.status == 422


def test_an_id_that_is_taken(case: Case) -> None:
    """The reference answers with a 500 that says nothing."""
    case.post("/model/new", new_model("taken-twice"))
    again = case.post("/model/new", new_model("taken-twice", api_key="sk-other"))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500
        assert "Failed to add model to db" in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "taken-twice-id" in answer.json["error"]["message"]

    case.deviates(again, as_recorded=as_recorded, required=required)


def test_an_id_of_the_config(case: Case) -> None:
    """The reference takes it, and from then on calls of the config's deployment go elsewhere."""
    body = new_model("impostor")
    body["model_info"] = {"id": "models-config-2"}
    answer = case.post("/model/new", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "models-config-2" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    "params",
    [{"model": "no-such-vendor/model"}, {"api_base": "not a url"}, {"rpm": -5}, {"api_key": "os.environ/DATABASE_URL"}],
    ids=["provider", "address", "limit", "own-secret"],
)
def test_a_model_that_can_never_work(case: Case, params: dict[str, object]) -> None:
    """The reference stores it and says that all is well."""
    answer = case.post("/model/new", new_model("hopeless", **params) | {"model_info": {}})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["type"] == "validation_error"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_update_changes_what_it_names(case: Case) -> None:
    case.post("/model/new", new_model("updated", temperature=0.5))
    changed = case.post(
        "/model/update",
        {
            "model_name": "another-name",
            "litellm_params": {"model": "openai/replaced-upstream", "temperature": None, "rpm": 60},
            "model_info": {"id": "updated-id", "note": "not taken over"},
        },
    )
    case.assert_same_as_recorded(ignore=PARAMS)
    assert changed.status == 200
    assert changed.json["model_name"] == "updated"
    assert changed.json["litellm_params"]["temperature"] == 0.5
    assert changed.json["litellm_params"]["rpm"] == 60
    assert "note" not in changed.json["model_info"]


def test_an_update_counts_at_once(case: Case) -> None:
    """In the reference it counts when the database is next looked at, every half minute."""
    case.script({"early-upstream": [], "prompt-upstream": []})
    case.post("/model/new", new_model("early"))
    case.post(
        "/model/update", {"litellm_params": {"model": "openai/prompt-upstream"}, "model_info": {"id": "early-id"}}
    )
    answer = case.chat("early")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().models == ["early-upstream"]

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert case.journal().models == ["prompt-upstream"]
        assert case.journal().calls[0].headers["authorization"] == "Bearer sk-stored-secret"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"model_name": "x"}, "Authentication Error, model_info not provided"),
        ({"model_info": {}}, "Authentication Error, model not found"),
        ({"model_info": {"id": "no-such-id"}, "litellm_params": {"rpm": 1}}, "Authentication Error, model not found"),
    ],
    ids=["without-info", "without-id", "unknown"],
)
def test_updates_of_nothing(case: Case, body: dict[str, object], told: str) -> None:
    answer = case.post("/model/update", body)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert answer.json["error"]["message"] == told


def test_an_update_without_parameters(case: Case) -> None:
    case.post("/model/new", new_model("unparametrized"))
    answer = case.post("/model/update", {"model_info": {"id": "unparametrized-id"}})
    case.assert_same_as_recorded(ignore=PARAMS)
    assert answer.status == 400
    assert answer.json["error"]["message"] == "Authentication Error, litellm_params not provided"


def test_models_of_the_config_are_not_updated(case: Case) -> None:
    answer = case.post("/model/update", {"model_info": {"id": "models-config-1"}, "litellm_params": {"rpm": 1}})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "Can't edit model. Model in config" in answer.json["error"]["message"]


def test_a_patch_changes_name_parameters_and_info(case: Case) -> None:
    case.script({"patched-upstream": []})
    case.post("/model/new", new_model("patched", temperature=0.5))
    changed = case.request(
        "PATCH",
        "/model/patched-id/update",
        json={
            "model_name": "renamed-by-patch",
            "litellm_params": {"api_key": "sk-next-secret", "rpm": 50},
            "model_info": {"id": "patched-id", "note": "patched"},
        },
    )
    found = info_of(case, "patched-id")
    chat = case.chat("renamed-by-patch")
    case.assert_same_as_recorded(ignore=PARAMS)
    assert changed.status == chat.status == 200
    assert changed.json["model_name"] == "renamed-by-patch"
    assert changed.json["model_info"]["note"] == "patched"
    assert found.json["data"][0]["litellm_params"]["rpm"] == 50
    assert found.json["data"][0]["litellm_params"]["temperature"] == 0.5
    [call] = case.journal().calls
    assert call.headers["authorization"] == "Bearer sk-next-secret"


def test_the_old_name_of_a_patched_model_is_gone(case: Case) -> None:
    case.post("/model/new", new_model("called-before"))
    case.request("PATCH", "/model/called-before-id/update", json={"model_name": "called-after"})
    answer = case.chat("called-before")
    case.assert_same_as_recorded(ignore=[*PARAMS, GONE])
    assert answer.status == 400
    assert "called-before" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("model_id", "status", "told"),
    [
        ("models-config-1", 400, "Cannot edit config-based model. Store model in DB via /model/new first."),
        ("no-such-id", 404, "Model no-such-id not found on proxy."),
    ],
    ids=["of-config", "unknown"],
)
def test_patches_of_nothing(case: Case, model_id: str, status: int, told: str) -> None:
    answer = case.request("PATCH", f"/model/{model_id}/update", json={"model_name": "x"})
    case.assert_same_as_recorded()
    assert answer.status == status
    assert answer.json["error"]["message"] == told


def test_a_deleted_model_is_gone_at_once(case: Case) -> None:
    case.script({"deleted-upstream": []})
    case.post("/model/new", new_model("deleted"))
    before = case.chat("deleted")
    answer = case.post("/model/delete", {"id": "deleted-id"})
    after = case.chat("deleted")
    found = info_of(case, "deleted-id")
    again = case.post("/model/delete", {"id": "deleted-id"})
    case.assert_same_as_recorded(ignore=[*PARAMS, GONE])
    assert before.status == 200
    assert answer.json == {"message": "Model: deleted-id deleted successfully"}
    assert after.status == found.status == again.status == 400
    assert "deleted" in after.json["error"]["message"]
    assert "not found in db" in again.json["error"]["message"]
    assert case.journal().models == ["deleted-upstream"]


@pytest.mark.parametrize("model_id", ["no-such-id", "models-config-1", "' OR 1=1 --"], ids=["unknown", "config", "sql"])
def test_deleting_what_is_not_stored(case: Case, model_id: str) -> None:
    answer = case.post("/model/delete", {"id": model_id})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "not found in db" in answer.json["error"]["message"]


def test_deleting_without_an_id(case: Case) -> None:
    answer = case.post("/model/delete", {})
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body", "id"]


def test_a_stored_models_own_prices(case: Case) -> None:
    case.script({"priced-upstream": []})
    case.post("/model/new", new_model("priced", input_cost_per_token=0.001, output_cost_per_token=0.002))
    answer = case.chat("priced")
    case.assert_same_as_recorded(headers=["x-litellm-response-cost"], ignore=PARAMS)
    assert float(answer.headers["x-litellm-response-cost"]) == pytest.approx(0.02)
