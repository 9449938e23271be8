"""``/router/settings`` and ``/router/fields``: what can be set of the router."""

from typing import Any, Final

import msgspec

from proxy.api.management.operation import Asked
from proxy.config.model import ProxyConfig
from proxy.config.redact import masked
from proxy.routing.fallbacks import configured_lists

STRATEGIES: Final = {
    "simple-shuffle": "A deployment by chance, weighted if weights are given",
    "least-busy": "The deployment with the fewest calls in progress",
    "usage-based-routing": "The deployment that used the fewest tokens this minute",
    "latency-based-routing": "The deployment that answered fastest lately",
    "cost-based-routing": "The cheapest deployment",
    "usage-based-routing-v2": "The deployment that used the fewest tokens this minute, known across replicas",
}
#: Name, type, default, title, meaning: in the reference's order.
_FIELDS: Final[tuple[tuple[str, str, Any, str, str], ...]] = (
    ("routing_strategy", "String", "simple-shuffle", "Routing Strategy", "Who of a model group serves a call"),
    ("routing_strategy_args", "Dictionary", {}, "Routing Strategy Args", "What the strategy is told besides"),
    ("num_retries", "Integer", 0, "Number of Retries", "How often a failed call is tried again"),
    ("timeout", "Float", None, "Timeout", "Of a call; seconds"),
    ("stream_timeout", "Float", None, "Stream Timeout", "Of each silence of a stream; seconds"),
    ("max_fallbacks", "Integer", 5, "Max Fallbacks", "How deep fallbacks of fallbacks go"),
    ("fallbacks", "List", [], "Fallbacks", "Who serves when a model group fails"),
    ("context_window_fallbacks", "List", [], "Context Window Fallbacks", "Who serves what is too long"),
    ("content_policy_fallbacks", "List", [], "Content Policy Fallbacks", "Who serves what a vendor refuses"),
    ("allowed_fails", "Integer", None, "Allowed Fails", "Failures a minute before a deployment rests"),
    ("cooldown_time", "Float", None, "Cooldown Time", "How long it rests; seconds"),
    ("retry_after", "Integer", 0, "Retry After", "Shortest wait before a retry; seconds"),
    ("retry_policy", "Dictionary", None, "Retry Policy", "Retries by kind of error"),
    ("model_group_alias", "Dictionary", {}, "Model Group Alias", "Other names of model groups"),
    (
        "enable_pre_call_checks",
        "Boolean",
        False,
        "Enable Pre-call Checks",
        "Whether a call's length is looked at first",
    ),
    ("default_litellm_params", "Dictionary", None, "Default LiteLLM Params", "Defaults of every deployment"),
    ("set_verbose", "Boolean", False, "Verbose Logging", "Whether more is logged"),
    ("default_max_parallel_requests", "Integer", None, "Max Parallel Requests", "Calls in progress of a deployment"),
    ("enable_tag_filtering", "Boolean", False, "Enable Tag Filtering", "Whether tags choose deployments"),
    ("tag_filtering_match_any", "Boolean", True, "Tag Filtering Match Any", "Whether one tag is enough"),
    ("disable_cooldowns", "Boolean", None, "Disable Cooldowns", "Whether deployments never rest"),
)
_LISTS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


async def settings(asked: Asked) -> dict[str, Any]:
    """What can be set of the router, and what is."""
    values = router_values(asked.gateway.snapshot.config)
    return {
        "fields": _fields(values),
        "current_values": values,
        "routing_strategy_descriptions": STRATEGIES,
    }


async def fields(_: Asked) -> dict[str, Any]:
    """What can be set of the router."""
    return {"fields": _fields({}), "routing_strategy_descriptions": STRATEGIES}


def router_values(config: ProxyConfig) -> dict[str, Any]:
    """The router's settings as they are, secrets masked."""
    router = config.router_settings
    values = {name: msgspec.to_builtins(getattr(router, name)) for name, *_ in _FIELDS if hasattr(router, name)}
    values |= {name: configured_lists(getattr(router, name)) or [] for name in _LISTS}
    return {
        name: masked(value, name) for name, value in {**config.written.get("router_settings", {}), **values}.items()
    }


def _fields(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "field_name": name,
            "field_type": kind,
            "field_value": values.get(name),
            "field_description": meaning,
            "field_default": default,
            "options": list(STRATEGIES) if name == "routing_strategy" else None,
            "ui_field_name": title,
            "link": None,
        }
        for name, kind, default, title, meaning in _FIELDS
    ]
