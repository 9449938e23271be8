"""``general_settings.custom_auth``: a user's own function decides who a caller is."""

import inspect
import logging
from collections.abc import Callable
from typing import Any, Final

import anyio.to_thread

from proxy.compat.identity import UserAPIKeyAuth
from proxy.compat.loading import load_object
from proxy.compat.requests import Request
from proxy.config.errors import ConfigError
from proxy.config.model import ProxyConfig
from proxy.errors import GatewayError

KEY: Final = "general_settings.custom_auth"

logger = logging.getLogger(__name__)


class CustomAuth:
    """A function of ``(request, api_key)``; a plain one runs in a thread, so that it blocks nobody else."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Raises TypeError when the object cannot be called that way."""
        self._function = function
        self._by_name = _takes_names(function)
        called = function if inspect.isroutine(function) else type(function).__call__
        self._is_async = inspect.iscoroutinefunction(called)

    async def authenticate(self, request: Request, api_key: str) -> UserAPIKeyAuth | str:
        """Ask the function.

        A text as its answer is a key to go on with in place of the client's. Whatever the function raises refuses the
        call: raises GatewayError, with the exception's own status and fields if it has some, else 401 and its text.
        """
        try:
            return _identity(await self._call(request, api_key))
        except Exception as error:
            # The traceback is the user's own code; the key stays out of it.
            logger.debug("custom auth refused a call", exc_info=error)
            raise refusal(error) from error

    async def _call(self, request: Request, api_key: str) -> Any:
        def call() -> Any:
            if self._by_name:
                return self._function(request=request, api_key=api_key)
            return self._function(request, api_key)

        result = call() if self._is_async else await anyio.to_thread.run_sync(call)
        return await result if inspect.isawaitable(result) else result


def load_custom_auth(config: ProxyConfig) -> CustomAuth:
    """The function that the config names. Raises ConfigError when it cannot be loaded or called."""
    place = config.places.get(KEY)
    function = load_object(str(config.general_settings.custom_auth), config.folder, key=KEY, place=place)
    try:
        return CustomAuth(function)
    except TypeError as error:
        raise ConfigError(str(error), key=KEY, place=place) from error


def refusal(error: Exception) -> GatewayError:
    """What a client sees of an exception of a user's auth function."""
    if isinstance(error, GatewayError):
        return error
    # By name and attributes: with the reference or FastAPI installed, the classes are theirs.
    if type(error).__name__ == "BudgetExceededError":
        return GatewayError(400, str(error), type="budget_exceeded", param=None)
    headers = list((getattr(error, "headers", None) or {}).items())
    if hasattr(error, "status_code") and hasattr(error, "detail"):
        return GatewayError(_status(error.status_code), str(error.detail), type="auth_error", headers=headers)
    if hasattr(error, "code") and hasattr(error, "message") and hasattr(error, "param"):
        kind = getattr(error, "type", None)
        return GatewayError(
            _status(error.code), str(error.message), type=kind and str(kind), param=error.param, headers=headers
        )
    return GatewayError(401, f"Authentication Error, {error}", type="auth_error")


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError):
        return 401
    return status if 400 <= status <= 599 else 401


def _identity(result: Any) -> UserAPIKeyAuth | str:
    if isinstance(result, (UserAPIKeyAuth, str)):
        return result
    if hasattr(result, "model_dump"):
        result = result.model_dump()
    if isinstance(result, dict):
        identity: UserAPIKeyAuth = UserAPIKeyAuth(**result)
        return identity
    raise TypeError(f"custom_auth returned {type(result).__name__}; it must return a UserAPIKeyAuth")


def _takes_names(function: Any) -> bool:
    """Whether the arguments can be given by name, as the reference does; other names are given by position."""
    if not callable(function):
        raise TypeError("names no function; name a function of (request, api_key)")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return False
    for by_name in (True, False):
        try:
            signature.bind(**{"request": None, "api_key": ""}) if by_name else signature.bind(None, "")
        except TypeError:
            continue
        return by_name
    raise TypeError("the function must take (request, api_key); change its parameters")
