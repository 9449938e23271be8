"""D14: keys of vendors are replaced at intervals by what a secret manager says, and no call fails for that."""

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, status

pytestmark = contract("D14", config="D14/credentials/rotated.yaml", provenance="documented")


def secret(key: str) -> Reply:
    """An answer of Vault (KV version 2)."""
    return Reply(body={"data": {"data": {"key": key}, "metadata": {"version": 2}}})


def until_rotated(case: Case, name: str, ends_with: str) -> Exchange:
    """The credential, once its key ends like the next one."""
    return case.until(
        lambda: case.get(f"/credentials/by_name/{name}"),
        lambda found: str(found.json["credential_values"]["api_key"]).endswith(ends_with),
    )


def keys_of(case: Case, model: str) -> list[str]:
    """The keys that the vendor saw, in order."""
    return [call.headers["authorization"] for call in case.journal().calls if call.body and call.body["model"] == model]


def test_the_next_key_is_fetched_and_used(case: Case) -> None:
    case.script({"rotated-upstream": []})
    before = case.chat("rotated-group")
    case.script({"rotated-upstream": [], "vault-rotated": [secret("sk-next-of-rotated!!")]})
    found = until_rotated(case, "rotated", "!!")
    after = case.chat("rotated-group")
    assert before.status == after.status == 200
    assert keys_of(case, "rotated-upstream") == ["Bearer sk-next-of-rotated!!"]
    assert found.json["credential_values"]["api_base"] == "http://upstream.test/v1"
    assert "sk-next-of-rotated!!" not in found.text


def test_a_call_in_progress_ends_with_the_key_it_began_with(case: Case) -> None:
    case.script({"lasting-upstream": [Reply(delay=2.5), Reply()], "vault-lasting": [secret("sk-next-of-lasting~~")]})

    def later() -> Exchange:
        until_rotated(case, "lasting", "~~")
        return case.chat("lasting-group")

    slow, fast = case.concurrently([lambda: case.chat("lasting-group"), later])
    assert (slow.status, fast.status) == (200, 200)
    assert keys_of(case, "lasting-upstream") == ["Bearer sk-first-of-lasting", "Bearer sk-next-of-lasting~~"]


@pytest.mark.parametrize(
    "reply",
    [status(503), Reply(body={"data": {}}), Reply(body={"data": {"data": {"key": ""}}}), secret("two\nlines")],
    ids=["down", "no-secret", "empty", "lines"],
)
def test_a_failure_keeps_the_old_key(case: Case, reply: Reply) -> None:
    case.script({"failing-upstream": [], "vault-failing": [reply]})
    case.wait(1.5)
    answer = case.chat("failing-group")
    assert answer.status == 200
    assert keys_of(case, "failing-upstream") == ["Bearer sk-first-of-failing"]


def test_after_a_failure_it_is_tried_again(case: Case) -> None:
    case.script({"audited-upstream": [], "vault-audited": [status(500), secret("sk-next-of-audited!!")]})
    until_rotated(case, "audited", "!!")
    log = case.until(
        lambda: case.get("/audit?object_id=audited"),
        lambda found: found.status == 200 and found.json["total"] > 0,
    )
    entry = log.json["audit_logs"][0]
    assert entry["action"] == "rotated"
    assert entry["object_id"] == "audited"
    assert "sk-next-of-audited" not in log.text
