"""What is kept of a call: who made it, what it cost, how it went."""

import math
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxy.accounting.record import Record, Recording, decode, encode, record_of
from proxy.accounting.rows import log_row
from proxy.call import Call, FailedAttempt, Identity, Usage
from proxy.config.model import DeploymentParams, GeneralSettings, ModelEntry, ProxyConfig, Settings
from proxy.deployment import make_deployment
from proxy.errors import Failure
from proxy.routing.budgets import Spending
from proxy.routing.cooldown import Cooldowns
from proxy.routing.plan import Hop, Route
from proxy.snapshot import build_snapshot

ENTRY = ModelEntry(model_name="chat", params=DeploymentParams(model="openai/gpt"), model_info={"id": "chat-1"})


def config(general: dict[str, Any] | None = None, settings: dict[str, Any] | None = None) -> ProxyConfig:
    return ProxyConfig(
        folder=Path(),
        model_list=(ENTRY,),
        general_settings=GeneralSettings(master_key="sk-1234", other=general or {}),
        settings=Settings(other=settings or {}),
    )


def a_call(fields: dict[str, Any] | None = None, headers: dict[bytes, bytes] | None = None) -> Call:
    call = Call(build_snapshot(config(), Cooldowns(), Spending()), "chat", headers or {})
    call.identity = Identity(token="hash", key_alias="alias", user_id="user", team_id="team")
    call.model, call.client_ip = "chat", "10.0.0.1"
    call.fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in (fields or {}).items()}
    return call


def answered(call: Call, **outcome: Any) -> Call:
    call.outcome.route = Route(make_deployment(ENTRY), Hop("chat"), 1, 3, 0)
    call.outcome.ending, call.outcome.status, call.outcome.usage = "done", 200, Usage(10, 5, 15)
    for name, value in outcome.items():
        setattr(call.outcome, name, value)
    return call


def kept(call: Call, general: dict[str, Any] | None = None, settings: dict[str, Any] | None = None) -> Record:
    """As the ledger reads it."""
    return decode(encode(record_of(call, call.outcome, Recording(config(general, settings)), 7)))


def row(record: Record) -> dict[str, Any]:
    return log_row(record, "id", lambda moment: moment)


def test_an_answered_call() -> None:
    call = answered(a_call(), cost=0.25, answer=b'{"id": "chatcmpl-1", "choices": []}', api_base="http://up")
    record = kept(call)
    assert (record.number, record.id, record.answer_id) == (7, call.id, "chatcmpl-1")
    assert (record.key, record.key_alias, record.user, record.team) == ("hash", "alias", "user", "team")
    assert (record.model, record.model_id, record.group, record.provider) == ("openai/gpt", "chat-1", "chat", "openai")
    assert (record.dollars, record.retries, record.max_retries, record.failed) == (0.25, 1, 3, None)
    assert row(record)["session_id"] == call.id


def test_the_master_key_is_never_kept() -> None:
    call = answered(a_call())
    call.identity = Identity(is_master=True, is_admin=True)
    assert kept(call).key == sha256(b"sk-1234").hexdigest()
    assert kept(call, {"disable_adding_master_key_hash_to_db": True}).key == "litellm_proxy_master_key"
    assert kept(call).user == "default_user_id"


def test_a_vendor_s_failure() -> None:
    call = a_call()
    failure = Failure(500, "litellm.InternalServerError: broken", kind="server")
    call.outcome.failures.append(FailedAttempt("chat", make_deployment(ENTRY), failure))
    call.outcome.status, call.outcome.error = 500, failure.message
    record = kept(call)
    assert (record.failed, record.status, record.model_id) == ("InternalServerError", 500, "chat-1")
    stored = row(record)
    assert (stored["status"], stored["custom_llm_provider"], stored["spend"]) == ("failure", "", 0.0)
    error = msgspec.json.decode(stored["metadata"])["error_information"]
    assert (error["error_code"], error["llm_provider"]) == ("500", "openai")


def test_a_client_that_left_before_an_answer() -> None:
    call = a_call()
    call.outcome.ending = "client-closed"
    assert kept(call).failed == "ClientDisconnected"


def test_a_client_that_left_in_the_middle_pays() -> None:
    record = kept(answered(a_call(), ending="client-closed", cost=0.1))
    assert (record.failed, record.dollars) == (None, 0.1)


@pytest.mark.parametrize("cost", [None, math.nan, math.inf, -1.0])
def test_costs_that_cannot_be_are_none(cost: float | None) -> None:
    assert kept(answered(a_call(), cost=cost)).dollars == 0.0


def test_what_a_client_tells() -> None:
    fields = {
        "metadata": {"tags": ["a", 1, "b"], "spend_logs_metadata": {"ticket": 1}, "session_id": "of metadata"},
        "tags": ["b", "c"],
    }
    record = kept(answered(a_call(fields, {b"user-agent": b"tool/1"})))
    assert record.tags == ("a", "b", "c", "User-Agent: tool", "User-Agent: tool/1")
    assert (record.told, record.session) == ({"ticket": 1}, "of metadata")
    assert kept(answered(a_call({"litellm_session_id": "own", **fields}))).session == "own"


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": "text"},
        {"metadata": {"tags": "a"}},
        {"tags": {"a": 1}},
        {"litellm_session_id": {}},
        {"metadata": [1]},
    ],
)
def test_what_a_client_tells_wrongly_counts_nothing(fields: dict[str, Any]) -> None:
    record = kept(answered(a_call(fields)))
    assert (record.tags, record.session) == ((), None)


def test_headers_that_become_tags() -> None:
    call = answered(a_call(headers={b"user-agent": b"x", b"x-department": b"sales"}))
    settings = {"extra_spend_tag_headers": ["X-Department"], "disable_add_user_agent_to_request_tags": True}
    assert kept(call, settings=settings).tags == ("X-Department: sales",)


def test_prompts_are_kept_only_when_that_is_wanted() -> None:
    call = answered(a_call({"messages": ["line\nbreak"]}), answer=b'{"id": "x",\n "text": 1}')
    assert b"break" not in encode(record_of(call, call.outcome, Recording(config()), 1))
    line = encode(record_of(call, call.outcome, Recording(config({"store_prompts_in_spend_logs": True})), 1))
    assert b"\n" not in line
    stored = row(decode(line))
    assert msgspec.json.decode(stored["proxy_server_request"]) == {"messages": ["line\nbreak"]}
    assert msgspec.json.decode(stored["response"]) == {"id": "x", "text": 1}


def test_customers_are_kept_unless_that_is_not_wanted() -> None:
    call = answered(a_call())
    call.customer = "customer"
    assert kept(call).customer == "customer"
    assert kept(call, settings={"disable_end_user_cost_tracking": True}).customer is None


def test_long_names_are_cut() -> None:
    call = a_call({"tags": ["t" * 5000] * 500})
    call.model = "m" * 5000
    call.outcome.error = "e" * 100_000
    record = kept(call)
    assert len(record.model) == 1000
    assert len(record.error) == 10_000
    assert {len(tag) for tag in record.tags} == {1000}


def test_secrets_of_a_client_are_not_kept() -> None:
    fields = {
        "model": "chat",
        "api_key": "sk-client-secret",
        "fallbacks": [{"model": "other", "api_key": "sk-client-secret"}],
        "extra_headers": {"x-key": "sk-client-secret"},
    }
    call = answered(a_call(fields))
    line = encode(record_of(call, call.outcome, Recording(config({"store_prompts_in_spend_logs": True})), 1))
    assert b"secret" not in line
    assert bytes(decode(line).prompt) == b'{"model":"chat"}'
