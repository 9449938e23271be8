"""What a config and a key want to be in the body of every call."""

from typing import Any

import msgspec

from proxy.auth.customers import decoded_or_none
from proxy.auth.virtual_keys import refused
from proxy.call import Body, Identity
from proxy.config.model import GeneralSettings
from proxy.errors import GatewayError


class Requirements:
    """``enforce_user_param``, ``reject_clientside_metadata_tags`` and ``enforced_params`` of ``general_settings``."""

    def __init__(self, settings: GeneralSettings) -> None:
        other = settings.other
        self._user = other.get("enforce_user_param") is True
        self._no_tags = other.get("reject_clientside_metadata_tags") is True
        accounts = other.get("service_account_settings")
        self._always = _names(other.get("enforced_params"))
        self._of_service_accounts = _names(accounts.get("enforced_params")) if isinstance(accounts, dict) else []

    def check_params_of_users(self, fields: Body, *, posted: bool) -> None:
        """What calls with virtual keys need.

        Raises:
            GatewayError: 401, there is no ``user``; 400, tags are not the client's to set.
        """
        if self._user and posted and "user" not in fields:
            raise refused("'user' param not passed in. 'enforce_user_param'=True")
        if self._no_tags and "metadata" in fields:
            metadata = decoded_or_none(fields["metadata"])
            if isinstance(metadata, dict) and "tags" in metadata:
                raise GatewayError(
                    400,
                    "Client-side 'metadata.tags' not allowed in request. 'reject_clientside_metadata_tags'=True. Tags can "
                    "only be set via API key metadata.",
                    type="bad_request_error",
                    param="metadata.tags",
                )

    def check_params(self, identity: Identity, fields: Body) -> None:
        """What every call needs: ``name``, or ``name.member``.

        Raises:
            GatewayError: 400, it is missing.
        """
        own = identity.metadata.get("enforced_params") if identity.metadata else None
        if not (self._always or own or self._of_service_accounts):
            return
        wanted = [*self._always, *_names(own)]
        if "service_account_id" in identity.metadata:
            wanted += self._of_service_accounts
        for path in wanted:
            name, _, member = path.partition(".")
            if name not in fields:
                raise _missing(name, name)
            if member and not _has(fields[name], member):
                raise _missing(f"[{name}][{member}]", path)


def _has(value: msgspec.Raw, member: str) -> bool:
    decoded = decoded_or_none(value)
    return isinstance(decoded, dict | list | str) and member in decoded


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


def _missing(shown: str, param: str) -> GatewayError:
    return GatewayError(
        400,
        f"BadRequest please pass param={shown} in request body. This is a required param",
        type="invalid_request_error",
        param=param,
    )
