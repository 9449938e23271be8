"""F7: files go to the account that the files settings, the environment or a deployment name, and come back from there."""

import base64

import pytest

from contracts.F.filing import OWN_HEADERS, TWO, form, upload
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, status

pytestmark = contract("F7", config="F7/batches.yaml")


@pytest.mark.parametrize("path", ["/v1/files", "/files", "/hosted_vllm/v1/files"])
def test_an_upload(case: Case, path: str) -> None:
    case.script({"sent-file": []})
    answer = upload(case, "sent-file", path=path)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert answer.json["id"] == "file-up:sent-file"
    [call] = case.journal()
    assert [part["name"] for part in call.body["form"]] == ["purpose", "file"]
    assert call.body["form"][1]["body"].encode() == TWO


def test_an_upload_that_expires(case: Case) -> None:
    case.script({"brief-file": []})
    ends = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    answer = upload(case, "brief-file", fields=ends)
    case.assert_same_as_recorded()
    assert answer.status == 200
    assert {part["name"]: part["body"] for part in case.journal()[0].body["form"]}.items() >= ends.items()


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_after[anchor]": "created_at"},
        {"expires_after[seconds]": "3600"},
        {"expires_after[anchor]": "modified_at", "expires_after[seconds]": "3600"},
        {"expires_after[anchor]": "created_at", "expires_after[seconds]": "soon"},
    ],
    ids=["no-seconds", "no-anchor", "unknown-anchor", "no-number"],
)
def test_an_end_that_cannot_be(case: Case, fields: dict[str, str]) -> None:
    case.script({"endless-file": []})
    answer = upload(case, "endless-file", fields=fields)
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert not case.journal().paths


def test_an_unknown_purpose(case: Case) -> None:
    case.script({"aimless-file": []})
    answer = upload(case, "aimless-file", purpose="world-domination")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "world-domination" in answer.json["error"]["message"]
    assert not case.journal().paths


def test_a_form_without_a_file(case: Case) -> None:
    content = b'--cut-here\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--cut-here--\r\n'
    answer = case.request(
        "POST", "/v1/files", content=content, headers={"content-type": "multipart/form-data; boundary=cut-here"}
    )
    case.assert_same_as_recorded()
    assert answer.status == 422


def test_a_form_without_a_purpose(case: Case) -> None:
    case.script({"silent-file": []})
    answer = case.request(
        "POST",
        "/v1/files",
        content=form("silent-file", TWO, {}),
        headers={"content-type": "multipart/form-data; boundary=cut-here"},
    )
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert not case.journal().paths


@pytest.mark.parametrize("path", ["/v1/files", "/files", "/hosted_vllm/v1/files"])
def test_a_file_is_asked_for(case: Case, path: str) -> None:
    case.script({"asked-file": []})
    upload(case, "asked-file")
    answer = case.get(f"{path}/file-up:asked-file")
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.json["filename"] == "asked-file"
    assert case.journal().paths == ["/u/house/v1/files", "/u/house/v1/files/file-up:asked-file"]


@pytest.mark.parametrize("path", ["/v1/files", "/files", "/hosted_vllm/v1/files"])
def test_a_file_comes_back(case: Case, path: str) -> None:
    case.script({"kept-file": []})
    upload(case, "kept-file")
    answer = case.get(f"{path}/file-up:kept-file/content")
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert answer.body == TWO
    assert case.journal().paths[1] == "/u/house/v1/files/file-up:kept-file/content"


@pytest.mark.parametrize("path", ["/v1/files", "/files", "/hosted_vllm/v1/files"])
def test_a_file_is_deleted(case: Case, path: str) -> None:
    case.script({"gone-file": []})
    upload(case, "gone-file")
    answer = case.request("DELETE", f"{path}/file-up:gone-file")
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.json["deleted"] is True
    assert [call.method for call in case.journal()] == ["POST", "DELETE"]


@pytest.mark.parametrize("path", ["/v1/files", "/files", "/hosted_vllm/v1/files"])
def test_a_list_of_a_purpose(case: Case, path: str) -> None:
    case.script({"seen-file": []})
    upload(case, "seen-file", purpose="vision")
    answer = case.get(f"{path}?purpose=vision")
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert [file["id"] for file in answer.json["data"]] == ["file-up:seen-file"]


def test_a_list_of_a_models_files(case: Case) -> None:
    """The reference fails: it names the provider twice to itself."""
    case.script({"*": []})
    upload(case, "first-file", fields={"model": "listed-group"})
    answer = case.get("/v1/files?model=listed-group")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert [file["id"] for file in answer.json["data"]] == ["file-up:first-file"]
        assert case.journal()[1].headers["authorization"] == "Bearer sk-listed-up"

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("where", ["form", "query", "header"])
def test_a_model_says_the_account(case: Case, where: str) -> None:
    case.script({"owned-file": []})
    answer = upload(
        case,
        "owned-file",
        path="/v1/files?model=stacked-group" if where == "query" else "/v1/files",
        fields={"model": "stacked-group"} if where == "form" else {},
        headers={"x-litellm-model": "stacked-group"} if where == "header" else {},
    )
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == "/u/stacked/v1/files"
    assert call.headers["authorization"] == "Bearer sk-stacked-up"


def test_an_id_says_the_model(case: Case) -> None:
    case.script({"routed-file": []})
    given = upload(case, "routed-file", fields={"model": "stacked-group"}).json["id"]
    asked = case.get(f"/v1/files/{given}")
    content = case.get(f"/v1/files/{given}/content")
    deleted = case.request("DELETE", f"/v1/files/{given}")
    case.assert_same_as_recorded()
    coded = given.removeprefix("file-")
    assert base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).startswith(b"litellm:file-up:")
    assert asked.json["id"] == given
    assert content.body == TWO
    assert deleted.status == 200
    account = "/u/stacked/v1/files"
    name = f"{account}/file-up:routed-file"
    assert case.journal().paths == [account, name, f"{name}/content", name]


@pytest.mark.parametrize("where", ["query", "header"])
def test_a_model_says_where_a_plain_id_is(case: Case, where: str) -> None:
    case.script({"plain-file": []})
    upload(case, "plain-file", fields={"model": "stacked-group"})
    answer = case.get(
        "/v1/files/file-up:plain-file" + ("?model=stacked-group" if where == "query" else ""),
        headers={"x-litellm-model": "stacked-group"} if where == "header" else {},
    )
    case.assert_same_as_recorded()
    assert answer.json["id"] == "file-up:plain-file"
    assert case.journal().paths[1] == "/u/stacked/v1/files/file-up:plain-file"


def test_an_unknown_model(case: Case) -> None:
    case.script({"lost-file": []})
    answer = upload(case, "lost-file", fields={"model": "unheard-of"})
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "unheard-of" in answer.json["error"]["message"]
    assert not case.journal().paths


@pytest.mark.parametrize("where", ["form", "query", "header", "path"])
def test_an_unknown_provider(case: Case, where: str) -> None:
    """The reference answers 500."""
    case.script({"astray-file": []})
    answer = upload(
        case,
        "astray-file",
        path={"query": "/v1/files?custom_llm_provider=nobody", "path": "/nobody/v1/files"}.get(where, "/v1/files"),
        fields={"custom_llm_provider": "nobody"} if where == "form" else {},
        headers={"custom-llm-provider": "nobody"} if where == "header" else {},
    )

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "nobody" in answer.json["error"]["message"]
        assert not case.journal().paths

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_azure_has_files_too(case: Case) -> None:
    case.script({"blue-file": []})
    answer = upload(case, "blue-file", fields={"custom_llm_provider": "azure"})
    case.assert_same_as_recorded()
    assert answer.status == 200
    [call] = case.journal()
    assert call.path == "/az/settings/openai/files"
    assert call.headers["api-key"] == "az-settings-up"


def test_azure_of_a_model(case: Case) -> None:
    case.script({"deep-blue-file": []})
    given = upload(case, "deep-blue-file", fields={"model": "blue-group"}).json["id"]
    answer = case.get(f"/v1/files/{given}/content")
    case.assert_same_as_recorded(ignore=["journal[1].headers.content-type"])
    assert answer.body == TWO
    assert case.journal().paths[1] == "/az/blue/openai/files/file-up:deep-blue-file/content"


def test_files_stay_with_the_settings(case: Case) -> None:
    """The reference uploads to the account of the settings, and looks for the file in that of the environment."""
    case.script({"settled-file": []})
    upload(case, "settled-file", fields={"custom_llm_provider": "azure"})
    answer = case.get("/v1/files/file-up:settled-file?custom_llm_provider=azure")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 404

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        assert answer.json["id"] == "file-up:settled-file"

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_file_that_is_not_there(case: Case) -> None:
    case.script({"absent-file": []})
    answer = case.get("/v1/files/file-up:absent-file")
    content = case.get("/v1/files/file-up:absent-file/content")
    deleted = case.request("DELETE", "/v1/files/file-up:absent-file")
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert [answer.status, content.status, deleted.status] == [404, 404, 404]


@pytest.mark.parametrize("code", [400, 401, 429, 500])
def test_an_upload_that_the_vendor_refuses(case: Case, code: int) -> None:
    case.script({"refused-file": [status(code)]})
    answer = upload(case, "refused-file")
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == code


def test_a_vendor_that_says_no_json(case: Case) -> None:
    case.script({"mumbled-file": [Reply(text="upstream says no", status=400)]})
    answer = upload(case, "mumbled-file")
    case.assert_same_as_recorded()
    assert answer.status == 400


def test_managed_files_need_what_is_not_there(case: Case) -> None:
    """Files for several models at once are a paid feature of the reference, which answers 500."""
    case.script({"managed-file": []})
    answer = upload(case, "managed-file", fields={"target_model_names": "stacked-group,blue-group"})

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "target_model_names" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_no_key(case: Case) -> None:
    case.script({"keyless-file": []})
    answer = upload(case, "keyless-file", key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert not case.journal().paths


@pytest.mark.parametrize("where", ["form", "query"])
def test_a_model_that_a_key_may_not_call(case: Case, where: str) -> None:
    case.script({"barred-file": []})
    key = case.post("/key/generate", {"key_alias": f"barred-{where}", "models": ["stacked-group"]}).json["key"]
    fields = {"model": "closed-group"} if where == "form" else {}
    path = "/v1/files?model=closed-group" if where == "query" else "/v1/files"
    answer = upload(case, "barred-file", path=path, fields=fields, key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
    assert answer.json["error"]["type"] == "key_model_access_denied"
    assert not case.journal().paths


@pytest.mark.parametrize("where", ["header", "id"])
def test_a_model_that_is_named_elsewhere(case: Case, where: str) -> None:
    """The reference lets any key use the account of any model that a header or an id names."""
    case.script({"guarded-file": []})
    key = case.post("/key/generate", {"key_alias": f"filing-{where}", "models": ["stacked-group"]}).json["key"]
    if where == "id":
        coded = base64.urlsafe_b64encode(b"litellm:file-up:guarded-file;model,closed-group").decode().rstrip("=")
        answer = case.get(f"/v1/files/file-{coded}", key=key)
    else:
        answer = upload(case, "guarded-file", headers={"x-litellm-model": "closed-group"}, key=key)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (200, 404)

    def required(answer: Exchange) -> None:
        assert answer.status == 401
        assert not case.journal().paths

    case.deviates(answer, as_recorded=as_recorded, required=required)
