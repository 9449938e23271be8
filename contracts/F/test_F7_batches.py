"""F7: batches are made, asked for, cancelled and listed where their files are."""

import base64

import pytest

from contracts.F.filing import TWO, batch_of, line, lines, upload
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, status

pytestmark = contract("F7", config="F7/batches.yaml")

HEADERS = ["x-litellm-version"]
PATHS = ["/v1/batches", "/batches", "/openai/v1/batches", "/hosted_vllm/v1/batches"]


@pytest.mark.parametrize("path", PATHS)
def test_a_batch(case: Case, path: str) -> None:
    case.script({"made-batch": []})
    file = upload(case, "made-batch").json["id"]
    answer = case.post(path, batch_of(file, metadata={"of": "mine"}))
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.json["id"] == "batch_up:made-batch"
    assert case.journal().paths == [
        "/u/house/v1/files",
        "/u/house/v1/files/file-up:made-batch/content",
        "/u/house/v1/batches",
    ]
    assert case.journal().bodies[2] == batch_of("file-up:made-batch", metadata={"of": "mine"})


@pytest.mark.parametrize("path", PATHS)
def test_a_batch_is_asked_for(case: Case, path: str) -> None:
    case.script({"asked-batch": []})
    batch = case.post("/v1/batches", batch_of(upload(case, "asked-batch").json["id"])).json["id"]
    answer = case.get(f"{path}/{batch}")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["status"] == "completed"
    assert answer.json["output_file_id"] == "file-up:asked-batch:output"
    assert case.journal().paths[-1] == "/u/house/v1/batches/batch_up:asked-batch"


@pytest.mark.parametrize("path", PATHS)
def test_a_batch_is_cancelled(case: Case, path: str) -> None:
    case.script({"ended-batch": []})
    batch = case.post("/v1/batches", batch_of(upload(case, "ended-batch").json["id"])).json["id"]
    answer = case.post(f"{path}/{batch}/cancel", {})
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.json["status"] == "cancelling"
    assert case.journal().paths[-1] == "/u/house/v1/batches/batch_up:ended-batch/cancel"


@pytest.mark.parametrize("path", PATHS)
def test_a_list_after_the_last(case: Case, path: str) -> None:
    answer = case.get(f"{path}?limit=1&after=batch_up:nowhere-at-all")
    case.assert_same_as_recorded(
        headers=HEADERS, ignore=["body.data", "body.first_id", "body.last_id", "body.has_more"]
    )
    assert answer.status == 200
    assert answer.json["object"] == "list"


def test_a_list_of_a_models_batches(case: Case) -> None:
    """The reference fails: it names the provider twice to itself."""
    case.script({"*": []})
    for name in ("first-batch", "second-batch", "third-batch"):
        file = upload(case, name, fields={"model": "queued-group"}).json["id"]
        case.post("/v1/batches", batch_of(file))
    answer = case.get("/v1/batches?model=queued-group&limit=1&after=batch_up:first-batch")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert [batch["id"] for batch in answer.json["data"]] == ["batch_up:second-batch"]
        assert answer.json["has_more"] is True
        assert case.journal()[-1].query == {"limit": "1", "after": "batch_up:first-batch"}

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_file_says_the_model_of_its_batch(case: Case) -> None:
    case.script({"moved-batch": [], "moved-batch:output": []})
    file = upload(case, "moved-batch", lines(line("one", "stacked-group")), fields={"model": "stacked-group"}).json[
        "id"
    ]
    made = case.post("/v1/batches", batch_of(file))
    batch = made.json["id"]
    asked = case.get(f"/v1/batches/{batch}")
    cancelled = case.post(f"/v1/batches/{batch}/cancel", {})
    case.assert_same_as_recorded(ignore=["journal"])
    assert made.json["input_file_id"] == file
    coded = batch.removeprefix("batch_")
    assert base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).startswith(b"litellm:batch_up:")
    assert [asked.status, cancelled.status] == [200, 200]
    own = [path for path in case.journal().paths if path.startswith("/u/stacked/v1/batches")]
    assert own == [
        "/u/stacked/v1/batches",
        "/u/stacked/v1/batches/batch_up:moved-batch",
        "/u/stacked/v1/batches/batch_up:moved-batch/cancel",
    ]


@pytest.mark.parametrize("where", ["body", "query", "header"])
def test_a_model_says_the_account_of_a_batch(case: Case, where: str) -> None:
    case.script({"named-batch": []})
    upload(case, "named-batch", fields={"model": "stacked-group"})
    answer = case.post(
        "/v1/batches" + ("?model=stacked-group" if where == "query" else ""),
        batch_of("file-up:named-batch", **({"model": "stacked-group"} if where == "body" else {})),
        headers={"x-litellm-model": "stacked-group"} if where == "header" else {},
    )
    case.assert_same_as_recorded(headers=HEADERS, ignore=["journal"])
    assert answer.status == 200
    assert case.journal()[-1].path == "/u/stacked/v1/batches"
    assert "model" not in case.journal().bodies[-1]


def test_azure_has_batches_too(case: Case) -> None:
    case.script({"blue-batch": []})
    file = upload(case, "blue-batch", fields={"model": "blue-group"}).json["id"]
    batch = case.post("/v1/batches", batch_of(file)).json["id"]
    answer = case.get(f"/v1/batches/{batch}")
    case.assert_same_as_recorded(ignore=["journal"])
    assert answer.status == 200
    assert case.journal().paths[-2:] == ["/az/blue/openai/batches", "/az/blue/openai/batches/batch_up:blue-batch"]


def test_an_unknown_model_of_a_batch(case: Case) -> None:
    case.script({"lost-batch": []})
    answer = case.post("/v1/batches", batch_of("file-up:lost-batch", model="unheard-of"))
    case.assert_same_as_recorded(ignore=["journal"])
    assert answer.status == 400
    assert "unheard-of" in answer.json["error"]["message"]


@pytest.mark.parametrize("where", ["body", "header", "path"])
def test_an_unknown_provider_of_a_batch(case: Case, where: str) -> None:
    """The reference answers 500."""
    case.script({"astray-batch": []})
    answer = case.post(
        "/nobody/v1/batches" if where == "path" else "/v1/batches",
        batch_of("file-up:astray-batch", **({"custom_llm_provider": "nobody"} if where == "body" else {})),
        headers={"custom-llm-provider": "nobody"} if where == "header" else {},
    )

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "nobody" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("field", ["input_file_id", "endpoint", "completion_window"])
def test_a_batch_without_what_it_needs(case: Case, field: str) -> None:
    """The reference answers 500."""
    case.script({"bare-batch": []})
    body = {name: value for name, value in batch_of("file-up:bare-batch").items() if name != field}
    answer = case.post("/v1/batches", body)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["param"] == field

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_batch_of_no_file(case: Case) -> None:
    """What the vendor refuses is a failure of the gateway in the reference."""
    case.script({"empty-batch": []})
    answer = case.post("/v1/batches", batch_of("file-up:empty-batch"))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["param"] == "input_file_id"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("action", ["", "/cancel"], ids=["asked", "cancelled"])
def test_a_batch_that_is_not_there(case: Case, action: str) -> None:
    """As above."""
    case.script({"absent-batch": []})
    answer = case.request("POST" if action else "GET", f"/v1/batches/batch_up:absent-batch{action}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 404
        assert "batch_up:absent-batch" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_batch_that_the_vendor_refuses_for_a_moment(case: Case) -> None:
    case.script({"busy-batch": [Reply(), Reply(), status(500), Reply()]})
    answer = case.post("/v1/batches", batch_of(upload(case, "busy-batch").json["id"]))
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert case.journal().paths.count("/u/house/v1/batches") == 2


def test_what_a_client_may_not_say(case: Case) -> None:
    """The reference calls it a wrong key."""
    case.script({"*": [], "sly-batch": []})
    file = upload(case, "sly-batch").json["id"]
    answer = case.post("/v1/batches", batch_of(file, api_base="http://upstream.test/u/closed/v1", api_key="sk-mine"))

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 401

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert answer.json["error"]["param"] in ("api_base", "api_key")

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_key_for_a_batch(case: Case) -> None:
    answer = case.post("/v1/batches", batch_of("file-up:any"), key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401


@pytest.mark.parametrize("name", ["file-up:x%3Fa=b", "file-up:x%23a", "file-up:%00"])
def test_ids_lead_nowhere_else(case: Case, name: str) -> None:
    """The reference asks the vendor whatever the id is."""
    case.script({"*": []})
    answer = case.get(f"/v1/files/{name}")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (404, 500)

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_results_come_back(case: Case) -> None:
    """Results of a batch come back as a file; the reference reads it too, to charge for it."""
    case.script({"done-batch": [], "done-batch:output": []})
    batch = case.post("/v1/batches", batch_of(upload(case, "done-batch", TWO).json["id"])).json["id"]
    done = case.get(f"/v1/batches/{batch}").json
    answer = case.get(f"/v1/files/{done['output_file_id']}/content")
    case.assert_same_as_recorded(ignore=["journal"])
    assert done["request_counts"] == {"total": 2, "completed": 2, "failed": 0}
    assert answer.status == 200
    assert answer.text.count('"status_code":200') == 2
