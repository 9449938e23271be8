"""The metrics of calls: names and labels of the reference's ``prometheus`` callback (E.md)."""

from collections.abc import Callable
from typing import NamedTuple

from proxy.metrics.recorder import CallLabels
from proxy.metrics.series import Histogram, Series

KEY = ("hashed_api_key", "api_key_alias")
TEAM = ("team", "team_alias")
WHO = ("end_user", *KEY, *TEAM, "user")
CLIENT = ("client_ip", "user_agent")
DEPLOYMENT = ("litellm_model_name", "model_id", "api_base", "api_provider")
ERROR = ("exception_status", "exception_class")
ATTEMPT = ("requested_model", *DEPLOYMENT, *KEY, *TEAM, *CLIENT)
FALLBACK = ("requested_model", "fallback_model", *KEY, *TEAM, *ERROR, "model_id")
_TOKENS = (*WHO, "model", "user_email", "requested_model", "model_id")
_TIMES = (*WHO, "requested_model", "model", "model_id")


class Counter(NamedTuple):
    """A number that grows with each call that ``counts`` lets through."""

    name: str
    text: str
    labels: tuple[str, ...]
    value: Callable[[Series], float]
    counts: Callable[[CallLabels], bool] = lambda of: True  # noqa: ARG005


class Duration(NamedTuple):
    """Seconds, by bucket."""

    name: str
    text: str
    labels: tuple[str, ...]
    value: Callable[[Series], Histogram]


def _calls(series: Series) -> float:
    return series.calls


def _failed(of: CallLabels) -> bool:
    return of.failed is not None


def _answered(of: CallLabels) -> bool:
    return of.failed is None


COUNTERS = (
    Counter(
        "litellm_proxy_total_requests_metric",
        "Requests to the gateway",
        (*WHO, "requested_model", "status_code", "user_email", "route", *CLIENT, "model_id"),
        _calls,
    ),
    Counter(
        "litellm_proxy_failed_requests_metric",
        "Requests to the gateway that failed",
        (*WHO, "requested_model", "user_email", *ERROR, "route", *CLIENT, "model_id"),
        _calls,
        _failed,
    ),
    Counter(
        "litellm_requests_metric",
        "Requests that a deployment answered",
        (*WHO, "model", "user_email", *CLIENT, "model_id"),
        _calls,
        _answered,
    ),
    Counter(
        "litellm_llm_api_failed_requests_metric",
        "Requests that no deployment answered",
        (*WHO, "model", "model_id"),
        _calls,
        _failed,
    ),
    Counter(
        "litellm_spend_metric",
        "US dollars spent",
        (*WHO, "model", "user_email", *CLIENT, "model_id"),
        lambda series: series.dollars,
    ),
    Counter("litellm_total_tokens_metric", "Tokens", _TOKENS, lambda series: series.total_tokens),
    Counter("litellm_input_tokens_metric", "Tokens read", _TOKENS, lambda series: series.input_tokens),
    Counter("litellm_output_tokens_metric", "Tokens written", _TOKENS, lambda series: series.output_tokens),
)
DURATIONS = (
    Duration(
        "litellm_request_total_latency_metric", "Seconds that a request took", _TIMES, lambda series: series.total
    ),
    Duration(
        "litellm_llm_api_latency_metric", "Seconds spent waiting for upstreams", _TIMES, lambda series: series.upstream
    ),
    Duration(
        "litellm_llm_api_time_to_first_token_metric",
        "Seconds until the first event of a stream came from upstream",
        _TIMES,
        lambda series: series.first_token,
    ),
    Duration(
        "litellm_overhead_latency_metric",
        "Seconds that the gateway added",
        ("model_group", "api_provider", "api_base", "litellm_model_name", *KEY, "model_id"),
        lambda series: series.overhead,
    ),
    Duration(
        "litellm_deployment_latency_per_output_token",
        "Seconds that a written token took",
        (*DEPLOYMENT, *KEY, *TEAM),
        lambda series: series.per_token,
    ),
)
