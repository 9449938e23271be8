"""What a config says about the rows of calls: whether there are some, and what they hold."""

from contracts.harness.case import Case
from contracts.harness.mark import contract
from contracts.spending import answer, logged, new_key
from fixtures.replies import status


@contract("core", config="D1/spend_prompts.yaml")
def test_what_was_asked_and_answered_is_kept(case: Case) -> None:
    case.script({"prompts-upstream": [answer("kept")]})
    key = new_key(case, "keeping")
    case.chat("prompts-group", options={"key": key}, temperature=0.5)
    found = logged(case, key)
    said = case.get("/spend/logs/ui/chatcmpl-kept")
    case.assert_same_as_recorded(ignore=["body*response*", "body*proxy_server_request*"])
    [row] = found.json
    assert row["proxy_server_request"]["messages"] == [{"role": "user", "content": "hello"}]
    assert row["proxy_server_request"]["temperature"] == 0.5
    assert row["response"]["choices"][0]["message"]["content"] == "Paid"
    assert said.json["response"] == row["response"]
    assert row["messages"] == {}


@contract("core", config="D1/spend_prompts.yaml")
def test_failures_may_be_left_out(case: Case) -> None:
    case.script({"prompts-upstream": [status(400), answer("after-failure")]})
    key = new_key(case, "without-failures")
    failed = case.chat("prompts-group", options={"key": key})
    case.chat("prompts-group", options={"key": key})
    found = logged(case, key)
    case.assert_same_as_recorded(ignore=["body*"])
    assert failed.status == 400
    assert [row["request_id"] for row in found.json] == ["chatcmpl-after-failure"]


@contract("core", config="D1/spend_sums.yaml")
def test_sums_without_rows(case: Case) -> None:
    case.script({"sums-upstream": [answer("sums-1"), answer("sums-2")]})
    key = new_key(case, "sums")
    case.chat("sums-group", options={"key": key})
    case.chat("sums-group", options={"key": key})
    spent = case.until(lambda: case.get(f"/key/info?key={key}"), lambda found: bool(found.json["info"]["spend"] > 0.03))
    rows = case.get(f"/spend/logs?api_key={key}")
    case.assert_same_as_recorded(ignore=["body*"])
    assert spent.json["info"]["spend"] == 0.04
    assert rows.json == []
