"""A deployment as callers may see it: its settings without secrets."""

from typing import Any

from proxy.config.redact import is_secret_name, masked, without_query
from proxy.deployment import Deployment, split_model

_GROUPED = ("prices", "other", "request")
#: Settings that the reference shows of every deployment.
ALWAYS_SHOWN = {"use_in_pass_through": False, "use_litellm_proxy": False, "merge_reasoning_content_in_choices": False}


def shown_params(deployment: Deployment) -> dict[str, Any]:
    """``litellm_params`` as in the config; secrets are left out, those inside other settings are masked."""
    params = deployment.params
    given = {name: getattr(params, name) for name in params.__struct_fields__ if name not in _GROUPED}
    given |= params.prices | params.other | params.request
    if params.api_base is not None:
        given["api_base"] = without_query(params.api_base)
    given["model"] = shown_model(deployment)
    return ALWAYS_SHOWN | {name: masked(value, name) for name, value in given.items() if _is_shown(name, value)}


def shown_model(deployment: Deployment) -> str:
    """``litellm_params.model``; where another model stands in (a wildcard's match, a probe's), that one."""
    configured = deployment.params.model
    if split_model(configured, deployment.params.custom_llm_provider)[1] == deployment.model:
        return configured
    return f"{deployment.provider}/{deployment.model}"


def _is_shown(name: str, value: Any) -> bool:
    if value is None or value in ((), {}):
        return False
    return isinstance(value, dict) or not is_secret_name(name)
