"""What is kept of a call that has ended: first as a line of a journal, then as rows of the database."""

import math
import os
import re
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import msgspec

from proxy.accounting.cost import Cost
from proxy.call import Body, Call, Outcome, Usage
from proxy.config.model import ProxyConfig
from proxy.fields import CREDENTIAL_FIELDS, LONGEST_NAME, names_of
from proxy.providers.base import find_provider
from proxy.providers.openai.provider import OpenAICompatible
from proxy.routing.router import DEFAULT_RETRIES

CALL_TYPES: Final = {
    "chat": "acompletion",
    "completions": "atext_completion",
    "embeddings": "aembedding",
    "messages": "anthropic_messages",
    "responses": "aresponses",
    "contents": "agenerate_content",
    "realtime": "_arealtime",
}
"""By endpoint, as the reference names the functions that it calls."""
PASSED: Final = "pass_through_endpoint"
ADMIN_USER: Final = "default_user_id"
"""In whose name the master key acts."""
LONGEST_ERROR: Final = 10_000

_id = re.compile(rb'"id"\s*:\s*"([^"\\]{1,512})"')
_class = re.compile(r"litellm\.(\w+)")
_HEAD: Final = 1024
"""Bytes of an answer in which its id stands, if it has one."""
NESTING: Final = (
    "content_policy_fallbacks",
    "context_window_fallbacks",
    "extra_body",
    "extra_headers",
    "fallbacks",
)
_TOLD: Final = frozenset(("metadata", "litellm_metadata", "tags", "litellm_session_id", "litellm_trace_id"))
"""Fields in which a client tells what its call belongs to."""
_SECRET: Final = CREDENTIAL_FIELDS.union(NESTING)
"""Fields that are never stored: keys and hosts of a client's own, and what may hold such."""


NOTHING: Final = msgspec.Raw()


class Record(msgspec.Struct, omit_defaults=True, gc=False):
    """One call."""

    number: int
    """Counts the records of a journal, from 1."""
    id: str
    """Of the call, as its client knows it (``x-litellm-call-id``)."""
    started: float
    """Seconds since the epoch."""
    seconds: float
    call_type: str
    model: str = ""
    """With the provider's prefix, once there was one."""
    answer_id: str | None = None
    """That the vendor gave its answer."""
    first_token: float | None = None
    """Seconds until then."""
    group: str = ""
    model_id: str = ""
    provider: str = ""
    api_base: str = ""
    stream: bool = False
    dollars: float = 0.0
    costs: Cost | None = None
    usage: Usage | None = None
    retries: int | None = None
    max_retries: int | None = None
    overhead: float | None = None
    """Seconds of the gateway's own."""
    key: str = ""
    key_alias: str | None = None
    user: str | None = None
    team: str | None = None
    team_alias: str | None = None
    organization: str | None = None
    project: str | None = None
    customer: str | None = None
    model_budget: tuple[str, str | None] | None = None
    """The entry of the key's ``model_max_budget`` that the call is charged to, and its period."""
    tags: tuple[str, ...] = ()
    session: str | None = None
    ip: str | None = None
    told: Any = None
    """``spend_logs_metadata`` of the client."""
    failed: str | None = None
    """The class of the error; ``None`` when the call went well."""
    status: int = 200
    error: str = ""
    prompt: msgspec.Raw = NOTHING
    """The client's body, if that is to be stored."""
    answer: msgspec.Raw = NOTHING

    @property
    def endpoint(self) -> str:
        """The path that stands for its type of call in daily totals."""
        return ENDPOINTS.get(self.call_type, "")


ENDPOINTS: Final = {
    "acompletion": "/chat/completions",
    "atext_completion": "/completions",
    "aembedding": "/embeddings",
    "aresponses": "/responses",
}


class Recording:
    """What a config says about records."""

    def __init__(self, config: ProxyConfig) -> None:
        general, settings = config.general_settings, config.settings.other
        master_key = general.master_key
        self.master = "" if master_key is None else sha256(master_key.encode()).hexdigest()
        """Stands for the master key."""
        if general.other.get("disable_adding_master_key_hash_to_db") is True:
            self.master = "litellm_proxy_master_key"
        stored = general.other.get("store_prompts_in_spend_logs", os.environ.get("STORE_PROMPTS_IN_SPEND_LOGS"))
        self.prompts = _is_true(stored)
        self.errors = general.other.get("disable_error_logs") is not True
        self.customers = settings.get("disable_end_user_cost_tracking") is not True
        self.agents = settings.get("disable_add_user_agent_to_request_tags") is not True
        extra = settings.get("extra_spend_tag_headers") or ()
        self.headers = tuple(str(name) for name in extra if isinstance(extra, list))


def record_of(call: Call, outcome: Outcome, rules: Recording, number: int) -> Record:
    """The record of a call as it stands now. On the path of every call: what is not needed is not looked at."""
    answered = outcome.route is not None or outcome.deployment is not None
    failed = None if answered and outcome.ending != "failed" and outcome.status < 400 else _failure(outcome)
    seconds = time.perf_counter() - call.started
    identity = call.identity
    record = Record(
        number=number,
        id=call.id,
        started=time.time() - seconds,
        seconds=seconds,
        call_type=CALL_TYPES.get(call.endpoint, PASSED),
        stream=call.stream,
        key=identity.token or "",
        key_alias=identity.key_alias,
        user=identity.user_id,
        team=identity.team_id,
        organization=identity.organization_id,
        ip=call.client_ip,
        customer=call.customer if rules.customers else None,
        failed=failed,
    )
    if identity.is_master:
        record.key, record.user = rules.master, ADMIN_USER
    elif identity.access is not None:
        record.project = identity.access.key["project_id"]
        if identity.access.team is not None:
            record.team_alias = identity.access.team["team_alias"]
    _set_deployment(record, call, outcome)
    if failed is None:
        _answered(record, call, outcome, rules)
    else:
        record.status, record.error = outcome.status, (outcome.error or "")[:LONGEST_ERROR]
    if outcome.cost is not None and 0 < outcome.cost < math.inf:
        record.dollars, record.costs = outcome.cost, outcome.costs
        if identity.access is not None and identity.access.model_budgets:
            record.model_budget = _model_budget(record, call, outcome)
    fields = call.fields
    if fields and not _TOLD.isdisjoint(fields):
        _read_told(record, fields)
    if rules.prompts and fields:
        told = {name: value for name, value in fields.items() if name not in _SECRET}
        record.prompt = _compact(msgspec.json.encode(told))
    return record


def _set_deployment(record: Record, call: Call, outcome: Outcome) -> None:
    """Who answered, or failed last."""
    route = outcome.route
    deployment = outcome.deployment if route is None else route.deployment
    if route is not None:
        record.group, record.retries, record.max_retries = route.hop.model, route.retries, route.max_retries
    elif deployment is not None:
        record.group = deployment.group
    elif outcome.failures:
        last = outcome.failures[-1]
        deployment, record.group = last.deployment, last.group
        record.retries, record.max_retries = last.failure.retries or (0, None)
    if deployment is None:
        record.model = call.model[:LONGEST_NAME]
        return
    record.model, record.provider = f"{deployment.provider}/{deployment.model}", deployment.provider
    record.model_id = deployment.id
    if record.retries is not None and record.max_retries is None:
        configured = call.snapshot.router.settings.num_retries
        record.max_retries = DEFAULT_RETRIES if configured is None else configured


def _model_budget(record: Record, call: Call, outcome: Outcome) -> tuple[str, str | None] | None:
    """By what was asked for, else by the group that served the call, or the model."""
    access = call.identity.access
    assert access is not None
    deployment = outcome.deployment if outcome.route is None else outcome.route.deployment
    found = access.model_budget(record.group, "" if deployment is None else deployment.group, record.model)
    return None if found is None else (found.name, found.period)


def _address(call: Call, outcome: Outcome) -> str:
    """Where the answer came from, as the reference spells it: with the slash that OpenAI's SDK adds, or with the endpoint."""
    base, route = outcome.api_base or "", outcome.route
    if not base or route is None or call.endpoint not in ("chat", "responses"):
        return base
    provider = find_provider(route.deployment.provider)
    if not isinstance(provider, OpenAICompatible):
        return base
    if call.endpoint == "responses":
        return f"{base}/responses" if provider.vendor.responses is not None else base
    return base if call.stream or provider.vendor.quotes_body else f"{base}/"


def _answered(record: Record, call: Call, outcome: Outcome, rules: Recording) -> None:
    record.usage = outcome.usage
    record.api_base = _address(call, outcome)
    record.first_token = outcome.first_token_seconds
    if call.endpoint in ("chat", "embeddings"):
        record.overhead = max(0.0, record.seconds - outcome.upstream_seconds)
    answer = outcome.answer
    if answer is not None:
        found = _id.search(answer, 0, _HEAD)
        if found is not None:
            record.answer_id = found[1].decode("utf-8", "replace")
        if rules.prompts and not call.stream:
            record.answer = _compact(answer)
    tags: list[str] = []
    agent = call.headers.get(b"user-agent") if rules.agents else None
    if agent:
        text = agent.decode("latin-1")[:LONGEST_NAME]
        tool, slash, _ = text.partition("/")
        tags = [f"User-Agent: {tool}", f"User-Agent: {text}"] if slash else [f"User-Agent: {text}"]
    for name in rules.headers:
        value = call.headers.get(name.lower().encode("latin-1", "replace"))
        if value:
            tags.append(f"{name}: {value.decode('latin-1')[:LONGEST_NAME]}")
    record.tags = tuple(tags)


def _failure(outcome: Outcome) -> str:
    if outcome.ending == "client-closed":
        return "ClientDisconnected"
    message = (outcome.failures[-1].failure.message if outcome.failures else outcome.error) or ""
    found = _class.search(message)
    if found is not None:
        return found[1]
    if outcome.failures:
        return type(outcome.failures[-1].failure).__name__
    return "ProxyModelNotFoundError" if "Invalid model name passed" in message else "ProxyException"


def _read_told(record: Record, fields: Body) -> None:
    """Tags, session and notes of the client; what it wrote wrongly counts nothing."""
    session = _decoded(fields, "litellm_session_id") or _decoded(fields, "litellm_trace_id")
    tags: list[str] = []
    for name in ("metadata", "litellm_metadata"):
        metadata = _decoded(fields, name)
        if isinstance(metadata, dict):
            tags = tags or names_of(metadata.get("tags"))
            session = session or metadata.get("session_id") or metadata.get("trace_id")
            if record.told is None and isinstance(metadata.get("spend_logs_metadata"), dict):
                record.told = metadata["spend_logs_metadata"]
    tags += [tag for tag in names_of(_decoded(fields, "tags")) if tag not in tags]
    if tags:
        record.tags = (*tags, *record.tags)
    if isinstance(session, str | int):
        record.session = str(session)[:LONGEST_NAME]


def shown(record: Record) -> str:
    """A record as logs may show it: without what was asked and answered."""
    return encode(msgspec.structs.replace(record, prompt=NOTHING, answer=NOTHING)).decode()


def _compact(answer: bytes) -> msgspec.Raw:
    """On one line, as a record must be."""
    try:
        return msgspec.Raw(msgspec.json.format(answer, indent=-1))
    except (msgspec.DecodeError, RecursionError):
        return NOTHING


def _decoded(fields: Body, name: str) -> Any:
    value = fields.get(name)
    if value is None:
        return None
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return None


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


encode: Final[Callable[[Record], bytes]] = msgspec.json.Encoder().encode
decode: Final[Callable[[bytes], Record]] = msgspec.json.Decoder(Record).decode
