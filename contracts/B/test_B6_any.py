"""B6: a call with tags is served by a deployment that has one of them."""

from typing import Any

import pytest

from contracts.B.tagged import is_refused
from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, ok, rate_limited, status

pytestmark = contract("B6", config="B6/any.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-attempted-fallbacks"]
TIERS: dict[str, list[Reply]] = {"tier-free": [], "tier-paid": [], "tier-none": []}
SPARE: dict[str, list[Reply]] = {"spare-paid": [], "spare-default": [], "spare-none": []}


def _tagged(*tags: str) -> dict[str, Any]:
    return {"metadata": {"tags": [*tags]}}


@pytest.mark.parametrize(
    ("tags", "served"),
    [(["free"], "free"), (["paid"], "paid"), (["paid", "zzz"], "paid"), (["fast", "paid"], "paid")],
    ids=["one", "of-two", "one-unknown", "both"],
)
def test_one_tag_is_enough(case: Case, tags: list[str], served: str) -> None:
    case.script(TIERS)
    answers = [case.chat("tiered-chat", **_tagged(*tags)) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {f"tier-{served}-1"}
    assert case.journal().models == [f"tier-{served}"] * 8


def test_tags_of_several_deployments(case: Case) -> None:
    case.script(TIERS)
    answers = [case.chat("tiered-chat", **_tagged("free", "fast")) for _ in range(16)]
    assert {answer.status for answer in answers} == {200}
    assert set(case.journal().models) == {"tier-free", "tier-paid"}


def test_nobody_has_the_tag(case: Case) -> None:
    case.script(TIERS)
    answer = case.chat("tiered-chat", **_tagged("nope", "never"))
    case.assert_same_as_recorded(headers=["retry-after"])
    is_refused(answer, "tiered-chat", ["nope", "never"])
    assert len(case.journal()) == 0


def test_tags_are_compared_as_they_are(case: Case) -> None:
    case.script(TIERS)
    answer = case.chat("tiered-chat", **_tagged("Paid", " paid", "pai"))
    case.assert_same_as_recorded()
    is_refused(answer, "tiered-chat", ["Paid", " paid", "pai"])
    assert len(case.journal()) == 0


def test_a_refusal_names_the_group_behind_an_alias(case: Case) -> None:
    case.script({"lone-free": []})
    answer = case.chat("named-chat", **_tagged("paid"))
    case.assert_same_as_recorded()
    is_refused(answer, "lone-chat", ["paid"])
    assert len(case.journal()) == 0


@pytest.mark.parametrize(
    "fields",
    [{}, {"metadata": {}}, {"metadata": None}, _tagged(), {"metadata": {"tags": None}}],
    ids=["unsaid", "no-tags", "no-metadata", "empty", "null"],
)
def test_without_tags_everybody_serves(case: Case, fields: dict[str, Any]) -> None:
    case.script(TIERS)
    answers = [case.chat("tiered-chat", **fields) for _ in range(24)]
    assert {answer.status for answer in answers} == {200}
    assert set(case.journal().models) == {"tier-free", "tier-paid", "tier-none"}


@pytest.mark.parametrize(
    ("fields", "served"),
    [({}, "default"), (_tagged("nope"), "default"), (_tagged("paid"), "paid"), (_tagged("default"), "default")],
    ids=["unsaid", "unknown", "known", "itself"],
)
def test_who_serves_by_default(case: Case, fields: dict[str, Any], served: str) -> None:
    case.script(SPARE)
    answers = [case.chat("spare-chat", **fields) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == [f"spare-{served}"] * 8


# --- where tags stand ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"litellm_metadata": {"tags": ["paid"]}}, {}),
        ({"metadata": {"tags": ["free"]}, "litellm_metadata": {"tags": ["paid"]}}, {}),
        ({"metadata": {"other": 1}, "litellm_metadata": {"tags": ["paid"]}}, {}),
        ({"metadata": '{"tags": ["paid"]}'}, {}),
        ({"litellm_metadata": '{"tags": ["paid"]}'}, {}),
        ({"tags": ["paid"]}, {}),
        ({"tags": ["paid"], "metadata": {"tags": ["free"]}}, {}),
        ({}, {"x-litellm-tags": "paid"}),
        ({}, {"x-litellm-tags": "zz , paid"}),
        ({"metadata": {"tags": ["free"]}}, {"x-litellm-tags": "paid,zz"}),
        ({"tags": ["paid"]}, {"x-litellm-tags": "free"}),
        ({"tags": "free"}, {"x-litellm-tags": "paid"}),
    ],
    ids=[
        *("litellm-metadata", "litellm-metadata-first", "beside-others", "encoded", "encoded-litellm-metadata"),
        *("body", "body-over-metadata"),
        *("header", "header-trimmed", "header-over-metadata", "body-over-header", "body-no-list"),
    ],
)
def test_where_tags_stand(case: Case, fields: dict[str, Any], headers: dict[str, str]) -> None:
    case.script(TIERS)
    answers = [case.chat("tiered-chat", **fields, options={"headers": headers}) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["tier-paid"] * 8
    assert not any({"tags", "metadata", "litellm_metadata"} & body.keys() for body in case.journal().bodies)


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"litellm_metadata": {}, "metadata": {"tags": ["paid"]}}, {}),
        ({"litellm_metadata": {"other": 1}, "metadata": {"tags": ["paid"]}}, {}),
        ({"litellm_metadata": {"other": 1}}, {"x-litellm-tags": "paid"}),
        ({"litellm_metadata": {"tags": ["free"]}}, {"x-litellm-tags": "paid"}),
        ({"litellm_metadata": {"tags": ["free"]}, "tags": ["paid"]}, {}),
    ],
    ids=["empty", "others", "header", "header-over-it", "body-over-it"],
)
def test_metadata_hides_no_other_tags(case: Case, fields: dict[str, Any], headers: dict[str, str]) -> None:
    case.script(TIERS)
    answers = [case.chat("tiered-chat", **fields, options={"headers": headers}) for _ in range(8)]
    served = case.journal().models

    def as_recorded(answers: list[Exchange]) -> None:
        assert {answer.status for answer in answers} == {200}
        assert set(served) != {"tier-paid"}

    def required(answers: list[Exchange]) -> None:
        assert {answer.status for answer in answers} == {200}
        assert served == ["tier-paid"] * 8

    case.deviates(answers, as_recorded=as_recorded, required=required)


def test_an_empty_header_is_a_tag_that_nobody_has(case: Case) -> None:
    case.script({"lone-free": []})
    answer = case.chat("lone-chat", options={"headers": {"x-litellm-tags": ", ,"}})
    case.assert_same_as_recorded()
    is_refused(answer, "lone-chat", ["", "", ""])
    assert len(case.journal()) == 0


def test_a_text_for_a_list_is_a_tag_that_nobody_has(case: Case) -> None:
    case.script({"lone-free": [], **SPARE})
    refused = case.chat("lone-chat", metadata={"tags": "free"})
    served = case.chat("spare-chat", metadata={"tags": "paid"})
    case.assert_same_as_recorded(headers=HEADERS)
    is_refused(refused, "lone-chat", "free")
    assert served.headers["x-litellm-model-id"] == "spare-default-1"


@pytest.mark.parametrize(
    "path",
    ["/v1/completions", "/v1/embeddings", "/v1/messages", "/v1/responses", "/engines/tiered-chat/chat/completions"],
)
def test_every_endpoint(case: Case, path: str) -> None:
    case.script(TIERS)
    messages = {"messages": [{"role": "user", "content": "hello"}]}
    asked = {"prompt": "hello"} if "/completions" in path and "chat" not in path else {"input": "hello"}
    body = {"model": "tiered-chat", **(messages | {"max_tokens": 9} if "messages" in path or "chat" in path else asked)}
    answers = [case.post(path, {**body, "litellm_metadata": {"tags": ["paid"]}}) for _ in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["tier-paid"] * 8


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_metadata_of_the_vendor_has_no_tags(case: Case, path: str) -> None:
    case.script({"lone-free": []})
    said = (
        {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 9} if "messages" in path else {"input": "a"}
    )
    answer = case.post(path, {"model": "lone-chat", **said, "metadata": {"tags": "paid"}})
    assert answer.status == 200
    assert case.journal().models == ["lone-free"]


def test_a_stream(case: Case) -> None:
    case.script(TIERS)
    answers = [case.stream("tiered-chat", **_tagged("paid")) for _ in range(8)]
    refused = case.stream("tiered-chat", **_tagged("nope"))
    case.assert_same_as_recorded(headers=["x-litellm-model-id"])
    assert {answer.headers["x-litellm-model-id"] for answer in answers} == {"tier-paid-1"}
    is_refused(refused, "tiered-chat", ["nope"])


# --- what is no list of tags ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [{"metadata": {"tags": [{}]}}, {"metadata": {"tags": 7}}, {"metadata": "text"}],
    ids=["objects", "number", "text"],
)
def test_what_is_no_list_is_the_clients_mistake(case: Case, fields: dict[str, Any]) -> None:
    case.script({"lone-free": []})
    answer = case.chat("lone-chat", **fields)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert "metadata" in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


# --- tags of callers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["sk-tagged", "sk-teamed"])
def test_tags_of_a_caller(case: Case, key: str) -> None:
    case.script(TIERS)
    answers = [case.chat("tiered-chat", options={"key": key}) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["tier-free"] * 8


@pytest.mark.parametrize(
    ("fields", "headers"),
    [({"tags": ["paid"]}, {}), ({}, {"x-litellm-tags": "paid"})],
    ids=["body", "header"],
)
def test_a_client_replaces_its_tags(case: Case, fields: dict[str, Any], headers: dict[str, str]) -> None:
    case.script(TIERS)
    options = {"key": "sk-tagged", "headers": headers}
    answers = [case.chat("tiered-chat", **fields, options=options) for _ in range(8)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["tier-paid"] * 8


# --- failures ------------------------------------------------------------------------------------------------------------


def test_a_fallback_may_have_the_tag(case: Case) -> None:
    case.script({"rescued-free": [], "rescue-paid": []})
    answer = case.chat("rescued-chat", **_tagged("paid"))
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-id"] == "rescue-paid-1"
    assert case.journal().models == ["rescue-paid"]


def test_a_fallback_may_lack_the_tag(case: Case) -> None:
    case.script({"rescued-free": [status(500)], "rescue-paid": []})
    answer = case.chat("rescued-chat", **_tagged("free"))
    told = "Error doing the fallback: Not allowed to access model due to tags configuration. Passed model=rescue-chat"

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 401
        assert told in answer.json["error"]["message"]

    def required(answer: Exchange) -> None:
        assert answer.status == 500
        assert told in answer.json["error"]["message"]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_a_retry_keeps_to_the_tags(case: Case) -> None:
    case.script({"faulty-free": [], "faulty-paid": [status(500), ok("at last")]})
    answer = case.chat("faulty-chat", **_tagged("paid"), num_retries=1)
    case.assert_same_as_recorded(headers=[*HEADERS, "x-litellm-attempted-retries"])
    assert answer.content == "at last"
    assert case.journal().models == ["faulty-paid", "faulty-paid"]


def test_a_refusal_is_not_retried(case: Case) -> None:
    case.script({"lone-free": []})
    answer = case.chat("lone-chat", **_tagged("nope"), num_retries=1, options={"taped": True})

    def as_recorded(answer: Exchange) -> None:
        is_refused(answer, "lone-chat", ["nope"])
        assert answer.seconds > 0.5

    def required(answer: Exchange) -> None:
        is_refused(answer, "lone-chat", ["nope"])
        assert answer.seconds < 0.5

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_who_has_the_tag_is_cooling_down(case: Case) -> None:
    case.script({"weary-free": [], "weary-paid": [rate_limited(), ok("awake")]})
    first = case.chat("weary-chat", **_tagged("paid"))
    second = case.chat("weary-chat", **_tagged("paid"))
    case.wait(1.3)
    third = case.chat("weary-chat", **_tagged("paid"))
    case.assert_same_as_recorded()
    assert first.status == 429
    is_refused(second, "weary-chat", ["paid"])
    assert third.content == "awake"
    assert case.journal().models == ["weary-paid", "weary-paid"]


def test_the_default_serves_meanwhile(case: Case) -> None:
    case.script({"tired-paid": [rate_limited()], "tired-default": [ok("by default")]})
    first, second = case.chat("tired-chat", **_tagged("paid")), case.chat("tired-chat", **_tagged("paid"))
    case.assert_same_as_recorded()
    assert (first.status, second.content) == (429, "by default")
    assert case.journal().models == ["tired-paid", "tired-default"]
