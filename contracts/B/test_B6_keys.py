"""B6: the tags of a virtual key and of its team are tags of its calls."""

from typing import Any

from contracts.B.tagged import is_refused
from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import Reply

pytestmark = contract("B6", config="B6/keys.yaml")

BOTH: dict[str, list[Reply]] = {"owned-free": [], "owned-paid": []}
HEADERS = ["x-litellm-model-id"]


def _key(case: Case, alias: str, tags: list[str] | None, team_tags: list[str] | None = None) -> dict[str, Any]:
    """How a call with a new key is sent."""
    fields: dict[str, Any] = {"key_alias": alias}
    if tags is not None:
        fields["metadata"] = {"tags": tags}
    if team_tags is not None:
        made = case.post("/team/new", {"team_id": f"{alias}-team", "metadata": {"tags": team_tags}})
        assert made.status == 200
        fields["team_id"] = f"{alias}-team"
    return {"key": case.post("/key/generate", fields).json["key"]}


def test_tags_of_a_key(case: Case) -> None:
    case.script(BOTH)
    options = _key(case, "tagged-key", ["paid"])
    answers = [case.chat("owned-chat", options=options) for _ in range(12)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["owned-paid"] * 12


def test_tags_of_a_team(case: Case) -> None:
    case.script(BOTH)
    options = _key(case, "teamed-key", None, ["paid"])
    answers = [case.chat("owned-chat", options=options) for _ in range(12)]
    case.assert_same_as_recorded(headers=HEADERS)
    assert {answer.status for answer in answers} == {200}
    assert case.journal().models == ["owned-paid"] * 12


def test_all_tags_together(case: Case) -> None:
    case.script(BOTH)
    options = _key(case, "united-key", ["of-key", "shared"], ["of-team", "shared"])
    answer = case.chat("owned-chat", metadata={"tags": ["of-call", "of-key"]}, options=options)
    case.assert_same_as_recorded()
    is_refused(answer, "owned-chat", ["of-call", "of-key", "shared", "of-team"])
    assert len(case.journal()) == 0


def test_tags_of_the_call_add_to_those_of_the_key(case: Case) -> None:
    case.script(BOTH)
    options = _key(case, "adding-key", ["free"])
    answers = [case.chat("owned-chat", metadata={"tags": ["paid"]}, options=options) for _ in range(16)]
    assert {answer.status for answer in answers} == {200}
    assert set(case.journal().models) == {"owned-free", "owned-paid"}


def test_a_client_replaces_them(case: Case) -> None:
    case.script(BOTH)
    options = _key(case, "replacing-key", ["free"], ["free"])
    case.chat("owned-chat", tags=["paid"], options=options)
    case.chat("owned-chat", options={**options, "headers": {"x-litellm-tags": "paid"}})
    case.assert_same_as_recorded(headers=HEADERS)
    assert case.journal().models == ["owned-paid"] * 2
