"""D1: pass-through endpoints are made, changed and deleted at run time."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("D1", config="D1/stored_endpoints.yaml")

PATH = "/config/pass_through_endpoint"
#: The reference shows the values of headers, which are secrets.
HEADERS = ["body.endpoints[*].headers"]


def endpoint(case_name: str, **fields: object) -> dict[str, object]:
    return {"path": f"/{case_name}", "target": f"http://upstream.test/case/{case_name}/target", "auth": True, **fields}


def test_a_new_endpoint_serves_at_once(case: Case) -> None:
    case.script({"*": []})
    made = case.post(PATH, endpoint("served-at-once", headers={"x-static": "static-value"}))
    case.assert_same_as_recorded(ignore=HEADERS)
    assert made.status == 200
    [entry] = made.json["endpoints"]
    assert entry["path"] == "/served-at-once"
    assert entry["id"]


def test_an_endpoint_is_listed_changed_and_deleted(case: Case) -> None:
    made = case.post(PATH, endpoint("changed-later", id="changed-later-id"))
    found = case.get(f"{PATH}?endpoint_id=changed-later-id")
    changed = case.post(f"{PATH}/changed-later-id", endpoint("changed-later", cost_per_request=0.5))
    deleted = case.request("DELETE", f"{PATH}?endpoint_id=changed-later-id")
    gone = case.get(f"{PATH}?endpoint_id=changed-later-id")
    case.assert_same_as_recorded(ignore=HEADERS)
    assert [made.status, found.status, changed.status, deleted.status] == [200] * 4
    assert found.json["endpoints"][0]["id"] == "changed-later-id"
    assert changed.json["endpoints"][0]["cost_per_request"] == 0.5
    assert deleted.json["endpoints"][0]["path"] == "/changed-later"
    assert gone.json["endpoints"] == []


def test_a_deleted_endpoint_serves_no_more(case: Case) -> None:
    case.post(PATH, endpoint("deleted-soon", id="deleted-soon-id"))
    case.request("DELETE", f"{PATH}?endpoint_id=deleted-soon-id")
    answer = case.post("/deleted-soon", {"a": 1})
    case.assert_same_as_recorded(ignore=[*HEADERS, "body.detail"])
    assert answer.status == 404


@pytest.mark.parametrize("auth", [True, None])
def test_nothing_is_public_unless_it_says_so(case: Case, auth: bool | None) -> None:
    name = f"needs-a-key-{auth}".lower()
    case.script({"*": []})
    body = endpoint(name)
    if auth is None:
        del body["auth"]
    case.post(PATH, body)
    answer = case.post(f"/{name}", {"a": 1}, key=None)
    case.assert_same_as_recorded(ignore=[*HEADERS, "body.endpoints[*].auth"])
    assert answer.status == 401
    assert case.journal().calls == []


def test_no_header_is_shown(case: Case) -> None:
    """The reference shows the values, which are keys of vendors."""
    case.post(PATH, endpoint("with-a-secret", id="with-a-secret-id", headers={"authorization": "Bearer sk-vendor"}))
    answer = case.get(f"{PATH}?endpoint_id=with-a-secret-id")

    def as_recorded(answer: Exchange) -> None:
        assert "sk-vendor" in answer.text

    def required(answer: Exchange) -> None:
        assert list(answer.json["endpoints"][0]["headers"]) == ["authorization"]
        assert "sk-vendor" not in answer.text

    case.deviates(answer, as_recorded=as_recorded, required=required)


@pytest.mark.parametrize("missing", ["path", "target"])
def test_what_an_endpoint_must_have(case: Case, missing: str) -> None:
    body = endpoint("incomplete")
    del body[missing]
    answer = case.post(PATH, body)
    case.assert_same_as_recorded()
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["body", missing]


@pytest.mark.parametrize(
    "fields", [{"target": "no url"}, {"path": "without-slash"}, {"methods": ["NONE"]}], ids=["target", "path", "method"]
)
def test_endpoints_that_can_serve_nothing(case: Case, fields: dict[str, object]) -> None:
    """The reference takes them."""
    answer = case.post(PATH, endpoint("hopeless", id="hopeless-id", **fields))
    case.request("DELETE", f"{PATH}?endpoint_id=hopeless-id")

    def as_recorded(answer: Exchange) -> None:
        assert answer.status in (200, 500)

    def required(answer: Exchange) -> None:
        assert answer.status == 400

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_changing_an_unknown_endpoint(case: Case) -> None:
    case.post(PATH, endpoint("known"))
    changed = case.post(f"{PATH}/no-such-id", endpoint("known"))
    deleted = case.request("DELETE", f"{PATH}?endpoint_id=no-such-id")
    case.assert_same_as_recorded(ignore=HEADERS)
    assert changed.status == 404
    assert deleted.status == 400
    assert "no-such-id" in changed.text
    assert "no-such-id" in deleted.text


def test_only_admins_make_endpoints(case: Case) -> None:
    key = case.post("/key/generate", {}).json["key"]
    answer = case.post(PATH, endpoint("unwanted"), key=key)
    case.assert_same_as_recorded()
    assert answer.status == 401
