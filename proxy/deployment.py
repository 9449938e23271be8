"""A deployment: one model of one vendor that a model group may use."""

import hashlib
import re
from typing import Any

import msgspec

from proxy.config.model import DeploymentParams, ModelEntry

OPENAI_PREFIX = "openai"


class Deployment(msgspec.Struct, frozen=True, eq=False):
    """What an attempt needs to know, worked out once when the snapshot is built."""

    id: str
    group: str
    provider: str
    """Prefix of ``litellm_params.model``: the name of a file in ``proxy/providers/``."""
    model: str
    """What the vendor calls it."""
    params: DeploymentParams
    info: dict[str, Any]

    def serving(self, model: str) -> "Deployment":
        """The same deployment with another upstream model: what a wildcard match stands for."""
        return msgspec.structs.replace(self, model=model)


def make_deployment(entry: ModelEntry) -> Deployment:
    """The deployment of one ``model_list`` item. Its id is ``model_info.id``, else a hash of its group and parameters."""
    provider, model = split_model(entry.params.model, entry.params.custom_llm_provider)
    return Deployment(
        id=str(entry.model_info.get("id") or _hash(entry)),
        group=entry.model_name,
        provider=provider,
        model=model,
        params=entry.params,
        info=entry.model_info,
    )


def split_model(model: str, provider: str | None = None) -> tuple[str, str]:
    """``openai/gpt-4o`` as ``("openai", "gpt-4o")``; a name without a prefix belongs to ``provider``, else to openai."""
    prefix, slash, rest = model.partition("/")
    if provider is not None:
        return provider, rest if prefix == provider and slash else model
    return (prefix, rest) if slash else (OPENAI_PREFIX, model)


def may_set(deployment: Deployment, name: str, value: str) -> bool:
    """Whether the deployment lets clients set a host or credential to ``value``."""
    for allowed in deployment.params.configurable_clientside_auth_params:
        if isinstance(allowed, str):
            if allowed == name:
                return True
        elif name in allowed and re.fullmatch(str(allowed[name]), value):
            return True
    return False


def _hash(entry: ModelEntry) -> str:
    return hashlib.sha256(msgspec.json.encode((entry.model_name, entry.params), order="deterministic")).hexdigest()
