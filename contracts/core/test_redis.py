"""A Redis that is configured and there."""

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import ok, status

pytestmark = contract("core", config="core/redis.yaml")


def test_a_cooldown_that_others_know_of(case: Case) -> None:
    case.script({"upstream-common": [status(500), ok("back again")]})
    first, second = case.chat("common-chat"), case.chat("common-chat")
    case.wait(1.3)
    third = case.chat("common-chat")
    case.assert_same_as_recorded(headers=["retry-after"])
    assert first.status == 500
    assert second.status == 429
    assert second.json["error"]["message"].startswith("No deployments available for selected model")
    assert third.content == "back again"
    assert len(case.journal()) == 2


def test_ready_with_redis(case: Case) -> None:
    answer = case.get("/health/readiness", key=None)
    differing = ("use_aiohttp_transport", "state", "success_callbacks", "log_level", "is_detailed_debug")
    case.assert_same_as_recorded(ignore=[f"body.{name}" for name in differing])
    assert answer.status == 200
    assert answer.json["cache"] == "redis"
