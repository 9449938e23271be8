"""A record as the reference's management API shows it: a row of ``spend_logs`` with its ``metadata``."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from proxy.accounting.record import Record
from proxy.call import Usage

MOST = 2**53
"""Tokens; a vendor may say anything."""
EMPTY: Final = "{}"
NO_USAGE: Final = Usage()
_encode: Final = msgspec.json.Encoder().encode


def log_row(record: Record, request_id: str, stored: Callable[[datetime], Any]) -> dict[str, Any]:
    """The row of a call as the driver takes it: JSON encoded, moments as ``stored`` gives them."""
    failed = record.failed is not None
    usage = record.usage or NO_USAGE
    ended = stored(moment(record.started + record.seconds))
    first = record.first_token if record.stream else None
    return {
        "request_id": request_id,
        "call_type": "" if failed else record.call_type,
        "api_key": record.key,
        "spend": record.dollars,
        "total_tokens": count(usage.total_tokens),
        "prompt_tokens": count(usage.prompt_tokens),
        "completion_tokens": count(usage.completion_tokens),
        "startTime": stored(moment(record.started)),
        "endTime": ended,
        "completionStartTime": ended if first is None else stored(moment(record.started + first)),
        "model": record.model,
        "model_id": record.model_id,
        "model_group": record.group,
        "custom_llm_provider": "" if failed else record.provider,
        "api_base": record.api_base,
        "user": record.user or "",
        "metadata": _encode(_metadata(record, usage)).decode(),
        "cache_hit": "False" if failed or record.stream else "None",
        "cache_key": "Cache OFF",
        "request_tags": _encode(record.tags).decode() if record.tags else "[]",
        "team_id": record.team or "",
        "organization_id": record.organization or "",
        "end_user": record.customer or "",
        "requester_ip_address": record.ip,
        "messages": EMPTY,
        "response": bytes(record.answer).decode() or EMPTY,
        "session_id": record.session or record.id,
        "status": "failure" if failed else "success",
        "proxy_server_request": bytes(record.prompt).decode() or EMPTY,
    }


def moment(seconds: float) -> datetime:
    """Seconds since the epoch, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def _metadata(record: Record, usage: Usage) -> dict[str, Any]:
    """``metadata``: every name is there, whatever is known."""
    failed = record.failed is not None
    told = None if failed else _usage(usage)
    counts = ("prompt_tokens", "completion_tokens", "total_tokens")
    return {
        "additional_usage_values": {name: value for name, value in (told or {}).items() if name not in counts},
        "user_api_key": record.key,
        "user_api_key_alias": record.key_alias,
        "user_api_key_team_id": record.team,
        "user_api_key_project_id": record.project,
        "user_api_key_org_id": record.organization,
        "user_api_key_user_id": record.user,
        "user_api_key_team_alias": record.team_alias,
        "spend_logs_metadata": record.told,
        "requester_ip_address": record.ip,
        "applied_guardrails": None if failed else [],
        "mcp_tool_call_metadata": None,
        "vector_store_request_metadata": None,
        "guardrail_information": None,
        "status": "failure" if failed else None,
        "proxy_server_request": None,
        "batch_models": None,
        "error_information": _error(record) if failed else None,
        "usage_object": told,
        "model_map_information": None if failed else {"model_map_key": record.group, "model_map_value": None},
        "cold_storage_object_key": None,
        "litellm_overhead_time_ms": None if record.overhead is None else round(record.overhead * 1000, 3),
        "attempted_retries": record.retries,
        "max_retries": record.max_retries,
        "cost_breakdown": None if failed else _costs(record),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    """In the reference's words; details where a vendor gave some."""
    told: dict[str, Any] = {
        "total_tokens": usage.total_tokens,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "prompt_tokens_details": None,
        "completion_tokens_details": None,
    }
    if usage.cached_tokens or usage.cache_creation_tokens:
        told["prompt_tokens_details"] = {
            "text_tokens": None,
            "audio_tokens": None,
            "image_tokens": None,
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_creation_tokens or None,
        }
    if usage.cache_creation_tokens:
        told["cache_read_input_tokens"] = usage.cached_tokens
        told["cache_creation_input_tokens"] = usage.cache_creation_tokens
    if usage.reasoning_tokens:
        told["completion_tokens_details"] = {
            "text_tokens": None,
            "audio_tokens": None,
            "reasoning_tokens": usage.reasoning_tokens,
            "accepted_prediction_tokens": None,
            "rejected_prediction_tokens": None,
        }
    return told


def _costs(record: Record) -> dict[str, float]:
    costs = record.costs
    original = record.dollars if costs is None else costs.original
    read = 0.0 if costs is None else costs.read
    return {
        "input_cost": read,
        "output_cost": 0.0 if costs is None else costs.written,
        "total_cost": record.dollars,
        "tool_usage_cost": 0.0,
        "original_cost": original,
        "discount_percent": 0.0 if costs is None else costs.discount_percent,
        "discount_amount": 0.0 if costs is None else costs.discount,
        "margin_percent": 0.0 if costs is None else costs.margin_percent,
        "margin_fixed_amount": 0.0 if costs is None else costs.fixed,
        "margin_total_amount": 0.0 if costs is None else costs.margin,
    }


def _error(record: Record) -> dict[str, str]:
    return {
        "error_code": str(record.status),
        "error_class": record.failed or "",
        "llm_provider": record.provider,
        "traceback": "",
        "error_message": record.error,
    }


def count(tokens: int) -> int:
    """A number that fits."""
    return max(0, min(tokens, MOST))
