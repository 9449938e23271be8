"""Exceptions with a status, which users' files raise to refuse a call."""

from enum import StrEnum
from typing import Any


class ProxyErrorTypes(StrEnum):
    """Values of an error body's ``type``."""

    budget_exceeded = "budget_exceeded"
    no_db_connection = "no_db_connection"
    token_not_found_in_db = "token_not_found_in_db"  # noqa: S105
    key_model_access_denied = "key_model_access_denied"
    team_model_access_denied = "team_model_access_denied"
    user_model_access_denied = "user_model_access_denied"
    org_model_access_denied = "org_model_access_denied"
    project_model_access_denied = "project_model_access_denied"
    expired_key = "expired_key"
    auth_error = "auth_error"
    internal_server_error = "internal_server_error"
    bad_request_error = "bad_request_error"
    not_found_error = "not_found_error"
    validation_error = "validation_error"


class ProxyException(Exception):
    """An error whose body is decided by who raises it; ``code`` is the status."""

    def __init__(
        self,
        message: str,
        type: str | None,  # noqa: A002 - the reference's name
        param: str | None,
        code: int | str | None = None,
        headers: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        super().__init__(message)
        self.message = str(message)
        self.type = type
        self.param = param
        self.code = str(code)
        self.headers = {name: str(value) for name, value in (headers or {}).items()}


class HTTPException(Exception):
    """FastAPI's: a status with a detail, which is text or JSON."""

    def __init__(self, status_code: int, detail: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status_code, detail)
        self.status_code = status_code
        self.detail = detail
        self.headers = headers

    def __str__(self) -> str:
        return f"{self.status_code}: {self.detail}"
