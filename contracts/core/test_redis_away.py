"""A Redis that is configured and not there: the gateway works without it."""

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import ok, status

pytestmark = contract("core", config="core/redis_away.yaml")


def test_calls_are_answered(case: Case) -> None:
    case.script({"upstream-orphan": [ok("all the same"), status(500), ok("once more")]})
    answers = [case.chat("orphan-chat") for _ in range(3)]
    case.assert_same_as_recorded()
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert answers[2].content == "once more"
    assert len(case.journal()) == 3


def test_streams_are_answered(case: Case) -> None:
    case.script({"upstream-orphan": [ok("all the same")]})
    answer = case.stream("orphan-chat")
    case.assert_same_as_recorded()
    assert answer.content == "all the same"


def test_the_gateway_is_ready(case: Case) -> None:
    answer = case.get("/health/readiness", key=None)
    differing = ("use_aiohttp_transport", "state", "success_callbacks", "log_level", "is_detailed_debug")
    case.assert_same_as_recorded(ignore=[f"body.{name}" for name in differing])
    assert answer.status == 200
    assert answer.json["status"] == "healthy"
    assert answer.json["cache"] == "redis"
