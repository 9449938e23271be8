"""Named credentials: what deployments that say ``litellm_credential_name`` are called with."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from proxy.config.errors import ConfigError
from proxy.config.model import DeploymentParams, ModelEntry, ProxyConfig
from proxy.config.stored import CREDENTIALS, written_credentials
from proxy.deployment import make_deployment

NAME: Final = "litellm_credential_name"
_TEXTS: Final = ("api_key", "api_base", "api_version", "organization", "region_name")
_ALSO_WRITTEN: Final = {"base_url": "api_base"}


def with_credentials(config: ProxyConfig) -> ProxyConfig:
    """The config whose deployments have the values of the credentials that they name; a deployment's own come first.

    A name that nothing has is left alone: the call is then told which key is missing.

    Raises:
        ConfigError: a credential is not what it should be.
    """
    if not any(NAME in entry.params.other for entry in config.model_list):
        return config
    values = {item["credential_name"]: _values(item) for item in written_credentials(config)}
    entries = tuple(_with_values(entry, values) for entry in config.model_list)
    return msgspec.structs.replace(config, model_list=entries)


def _values(item: Mapping[str, Any]) -> Mapping[str, Any]:
    values = item.get("credential_values") or {}
    if not isinstance(values, Mapping):
        key = f"{CREDENTIALS}, credential_name {item['credential_name']!r}: credential_values"
        raise ConfigError("expected a mapping; write `api_key: ...` on a line of its own below it", key=key)
    return {_ALSO_WRITTEN.get(str(name), str(name)): value for name, value in values.items() if value not in (None, "")}


def _with_values(entry: ModelEntry, values: Mapping[str, Mapping[str, Any]]) -> ModelEntry:
    given = values.get(str(entry.params.other.get(NAME)))
    if not given:
        return entry
    # The id is that of the deployment as it is written: it must not change with the credential.
    info = {**entry.model_info, "id": make_deployment(entry).id}
    return msgspec.structs.replace(entry, params=_filled(entry.params, given), model_info=info)


def _filled(params: DeploymentParams, given: Mapping[str, Any]) -> DeploymentParams:
    texts = {name: str(given[name]) for name in _TEXTS if name in given and getattr(params, name) is None}
    others = {name: value for name, value in given.items() if name not in _TEXTS}
    return msgspec.structs.replace(params, **texts, other=others | params.other)
