"""The gateway's configuration as frozen structs.

The names of the fields are the settings' names in ``proxy_config.yaml``. Durations are in seconds, sizes in megabytes,
prices in US dollars. ``None`` means "not set": who reads the field applies the default, unless a default stands here.
"""

from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec

from proxy.config.errors import Place
from proxy.config.redact import masked

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
#: Seconds, megabytes, dollars or weights.
Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1e300)]

LOWEST_PRIORITY = 255
"""Of a request in the queue; the highest is 0."""

HeaderName: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]

#: An ordered list of what is tried next: the name of a model group, or request fields that replace the call's own.
FallbackTargets: TypeAlias = tuple[str | dict[str, Any], ...]
#: Keyed by the name that the client asked for; ``"*"`` is for every other name. An empty tuple means "explicitly none".
Fallbacks: TypeAlias = dict[str, FallbackTargets]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all sections: its representation shows no secret."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={masked(getattr(self, name), name)!r}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({fields})"


class DeploymentParams(Section, frozen=True, kw_only=True):
    """``litellm_params`` of one deployment."""

    model: str
    """``provider/name``, as the provider is told apart by its prefix."""
    custom_llm_provider: str | None = None
    api_base: str | None = None
    """Also written ``base_url``."""
    api_key: str | None = None
    api_version: str | None = None
    organization: str | None = None
    timeout: Amount | None = None
    """Of a whole call; also written ``request_timeout``."""
    stream_timeout: Amount | None = None
    num_retries: Count | None = None
    max_retries: Count | None = None
    cooldown_time: Amount | None = None
    rpm: Count | None = None
    """Requests a minute; may also stand on the deployment itself or in ``model_info``."""
    tpm: Count | None = None
    """Tokens a minute; as ``rpm``."""
    weight: Amount | None = None
    order: int | None = None
    max_parallel_requests: Count | None = None
    tags: tuple[str, ...] = ()
    region_name: str | None = None
    input_cost_per_token: Amount | None = None
    output_cost_per_token: Amount | None = None
    prices: dict[str, Amount | dict[str, Any]] = {}
    """Every other ``*cost*`` setting."""
    mock_response: Any = None
    """Text or a body that is answered without an upstream."""
    extra_headers: dict[str, str] = {}
    extra_body: dict[str, Any] = {}
    drop_params: bool | None = None
    additional_drop_params: tuple[str, ...] = ()
    allowed_openai_params: tuple[str, ...] = ()
    configurable_clientside_auth_params: tuple[str | dict[str, Any], ...] = ()
    """What a client may set in its body: names, or ``{api_base: pattern}``."""
    use_in_pass_through: bool = False
    other: dict[str, Any] = {}
    """Known settings that are never sent upstream and belong to other stages: vendor credentials, prompts, ..."""
    request: dict[str, Any] = {}
    """Every remaining key: default fields of the upstream request (``temperature``, ``max_tokens``, ...)."""


class ModelEntry(Section, frozen=True, kw_only=True):
    """One item of ``model_list``: a deployment of the model group ``model_name``."""

    model_name: str
    params: DeploymentParams
    model_info: dict[str, Any] = {}
    place: Place | None = None
    """Where its ``litellm_params.model`` is written."""


class AliasTarget(Section, frozen=True, kw_only=True):
    """What an alias stands for; a hidden alias is usable but not listed."""

    model: str
    hidden: bool = False


class RetryPolicy(Section, frozen=True, kw_only=True, rename="pascal"):
    """Retries by class of error; ``None`` leaves the decision to ``num_retries``."""

    bad_request_error_retries: Count | None = None
    authentication_error_retries: Count | None = None
    timeout_error_retries: Count | None = None
    rate_limit_error_retries: Count | None = None
    content_policy_violation_error_retries: Count | None = None
    internal_server_error_retries: Count | None = None


class GroupRetryPolicy(RetryPolicy, frozen=True, kw_only=True):
    """The retries of one model group, in place of the general policy; and what the reference ignores."""

    num_retries: Count | None = msgspec.field(default=None, name="num_retries")
    """For classes that have no number of their own."""
    timeout: Amount | None = msgspec.field(default=None, name="timeout")
    """Of the group's calls, unless client or deployment have one."""
    stream_timeout: Amount | None = msgspec.field(default=None, name="stream_timeout")


class AllowedFailsPolicy(Section, frozen=True, kw_only=True, rename="pascal"):
    """Failures by class of error that a deployment may have before it is cooled down."""

    bad_request_error_allowed_fails: Count | None = None
    authentication_error_allowed_fails: Count | None = None
    timeout_error_allowed_fails: Count | None = None
    rate_limit_error_allowed_fails: Count | None = None
    content_policy_violation_error_allowed_fails: Count | None = None
    internal_server_error_allowed_fails: Count | None = None


class StrategyArgs(Section, frozen=True, kw_only=True):
    """``routing_strategy_args`` of the gateway's own strategies; a user's strategy has arguments of its own."""

    ttl: Amount = 3600
    """Of ``latency-based-routing``: seconds after which a call says nothing any more. Usage is counted by the minute."""
    lowest_latency_buffer: Amount = 0
    """How much slower than the fastest a deployment may be to be picked too, as a fraction."""
    max_latency_list_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    """How many of the last calls of a deployment count."""


class RouterSettings(Section, frozen=True, kw_only=True):
    """``router_settings``; each key is also taken from ``litellm_settings`` when it is not set here."""

    routing_strategy: str = "simple-shuffle"
    """A name, or the dotted path of a user's own class."""
    routing_strategy_args: dict[str, Any] = {}
    """See :class:`StrategyArgs`."""
    num_retries: Count | None = None
    timeout: Amount | None = None
    stream_timeout: Amount | None = None
    retry_after: Amount = 0
    """Shortest sleep before a retry."""
    retry_policy: RetryPolicy | None = None
    model_group_retry_policy: dict[str, GroupRetryPolicy] = {}
    allowed_fails: Count | None = None
    allowed_fails_policy: AllowedFailsPolicy | None = None
    cooldown_time: Amount = 5
    disable_cooldowns: bool = False
    fallbacks: Fallbacks = {}
    """``default_fallbacks`` are contained as ``"*"``; they win over a ``"*"`` of ``fallbacks``."""
    context_window_fallbacks: Fallbacks = {}
    """Empty means "not configured": then ``fallbacks`` apply."""
    content_policy_fallbacks: Fallbacks = {}
    max_fallbacks: Count | None = None
    model_group_alias: dict[str, AliasTarget] = {}
    enable_pre_call_checks: bool = False
    optional_pre_call_checks: tuple[str, ...] = ()
    enable_tag_filtering: bool = False
    tag_filtering_match_any: bool = True
    default_litellm_params: dict[str, Any] = {}
    """Defaults of every call, below the deployment's own."""
    default_max_parallel_requests: Count | None = None
    default_priority: Annotated[int, msgspec.Meta(ge=0, le=LOWEST_PRIORITY)] | None = None
    """Of requests without one of their own; ``None``: they do not queue."""
    polling_interval: Amount | None = None
    """Of no use: who waits is woken."""
    provider_budget_config: dict[str, Any] = {}
    redis_url: str | None = None
    redis_host: str | None = None
    redis_port: Count | None = None
    redis_password: str | None = None
    redis_db: Count | None = None
    cache_kwargs: dict[str, Any] = {}
    cache_responses: bool = False
    caching_groups: tuple[tuple[str, ...], ...] = ()
    deployment_affinity_ttl_seconds: Count = 3600
    other: dict[str, Any] = {}
    """Known settings without a field here."""


class Settings(Section, frozen=True, kw_only=True):
    """``litellm_settings`` without the router's keys, which are in :class:`RouterSettings`."""

    num_retries: Count | None = None
    """Also the router's, unless it has its own; set here, it hides what clients ask for (A.md, Retries and cooldowns)."""
    request_timeout: Amount | None = None
    drop_params: bool = False
    modify_params: bool = False
    callbacks: tuple[str, ...] = ()
    success_callback: tuple[str, ...] = ()
    failure_callback: tuple[str, ...] = ()
    service_callback: tuple[str, ...] = ()
    cache: bool = False
    cache_params: dict[str, Any] = {}
    turn_off_message_logging: bool = False
    json_logs: bool = False
    other: dict[str, Any] = {}
    """Every other key of the section."""


class GeneralSettings(Section, frozen=True, kw_only=True):
    """``general_settings``."""

    master_key: str | None = None
    """From ``LITELLM_MASTER_KEY`` when the file has none; ``None``: no key is needed, as in the reference."""
    custom_auth: str | None = None
    """Dotted path of a user's function, from the config file's folder first."""
    litellm_key_header_name: HeaderName | None = None
    """The only header that keys are read from, after ``Bearer``, in place of the usual ones."""
    database_url: str | None = None
    pass_through_endpoints: tuple[dict[str, Any], ...] = ()
    max_request_size_mb: Amount | None = None
    max_response_size_mb: Amount | None = None
    max_parallel_requests: Count | None = None
    """Of each key."""
    global_max_parallel_requests: Count | None = None
    """Of a whole instance."""
    completion_model: str | None = None
    """Used for every chat request, whatever model it names."""
    allowed_routes: tuple[str, ...] | None = None
    background_health_checks: bool = False
    health_check_interval: Amount = 300
    forward_client_headers_to_llm_api: bool = False
    store_model_in_db: bool = False
    shutdown_delay: Amount = 0
    """How long readiness says that the process stops before it stops listening. Not of the reference."""
    shutdown_timeout: Amount | None = None
    """How long calls in progress may go on after that. Not of the reference."""
    realtime_idle_timeout: Amount = 3600
    """How long a realtime session may go without a message either way; 0: for ever. Not of the reference."""
    realtime_max_message_mb: Amount | None = None
    """Larger messages of a realtime session end it. Not of the reference."""
    other: dict[str, Any] = {}
    """Every other key of the section."""


class ProxyConfig(Section, frozen=True, kw_only=True):
    """A whole config file, its includes merged and its references resolved."""

    model_list: tuple[ModelEntry, ...] = ()
    router_settings: RouterSettings = RouterSettings()
    settings: Settings = Settings()
    general_settings: GeneralSettings = GeneralSettings()
    environment_variables: dict[str, str] = {}
    folder: Path
    """Of the config file: users' Python modules and relative paths are looked up here first."""
    sections: dict[str, Any] = {}
    """Further known top-level keys (``guardrails``, ``mcp_servers``, ...), as written."""
    written: dict[str, dict[str, Any]] = {}
    """``router_settings``, ``litellm_settings`` and ``general_settings`` as written, references resolved."""
    places: dict[str, Place] = {}
    """Where settings are written, by name (``general_settings.custom_auth``): for errors that are found later."""
    warnings: tuple[str, ...] = ()
    """One line each, ``FILE:LINE: KEY: what is odd``."""
