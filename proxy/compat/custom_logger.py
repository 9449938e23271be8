"""The base class of users' callbacks and hooks. Every method does nothing until a subclass says otherwise."""

# ruff: noqa: ARG002 - the signatures are the reference's

from collections.abc import AsyncIterator
from typing import Any


class CustomLogger:
    """Methods are events (their result is ignored), hooks (``None`` keeps what they were given) or filters."""

    def __init__(self, turn_off_message_logging: bool = False, message_logging: bool = True, **_: Any) -> None:
        self.turn_off_message_logging = turn_off_message_logging
        self.message_logging = message_logging

    # Events of a call.

    def log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> Any:
        """Before the upstream is called."""

    def log_post_api_call(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """After the upstream was called."""

    def log_stream_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A chunk of a stream."""

    def log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call succeeded."""

    def log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call failed."""

    async def async_log_pre_api_call(self, model: Any, messages: Any, kwargs: Any) -> Any:
        """Before the upstream is called."""

    async def async_log_stream_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A chunk of a stream."""

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call succeeded."""

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> Any:
        """A call failed."""

    # Events of the router.

    async def log_model_group_rate_limit_error(
        self, exception: Exception, original_model_group: str | None, kwargs: dict[str, Any]
    ) -> Any:
        """An attempt in a group failed."""

    async def log_success_fallback_event(
        self, original_model_group: str, kwargs: dict[str, Any], original_exception: Exception
    ) -> Any:
        """A fallback answered."""

    async def log_failure_fallback_event(
        self, original_model_group: str, kwargs: dict[str, Any], original_exception: Exception
    ) -> Any:
        """A fallback failed too."""

    # Hooks of a request.

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any
    ) -> Any:
        """Before the request is routed: a dict replaces it, a text or an exception refuses it."""

    async def async_moderation_hook(self, data: dict[str, Any], user_api_key_dict: Any, call_type: Any) -> Any:
        """While the upstream works: an exception refuses the request."""

    async def async_pre_request_hook(self, model: str, messages: list[Any], kwargs: dict[str, Any]) -> Any:
        """Before a Messages request is sent: a dict replaces its parameters."""

    async def async_post_call_success_hook(self, data: dict[str, Any], user_api_key_dict: Any, response: Any) -> Any:
        """After an answer: an object replaces it."""

    async def async_post_call_failure_hook(
        self,
        request_data: dict[str, Any],
        original_exception: Exception,
        user_api_key_dict: Any,
        traceback_str: str | None = None,
    ) -> Any:
        """After an error: an HTTPException replaces it."""

    async def async_post_call_response_headers_hook(
        self,
        data: dict[str, Any],
        user_api_key_dict: Any,
        response: Any,
        request_headers: dict[str, str] | None = None,
    ) -> Any:
        """A dict of headers is added to the answer."""

    async def async_post_call_streaming_hook(self, user_api_key_dict: Any, response: str) -> Any:
        """For each chunk of a stream, with the text so far: a text replaces the chunk."""

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """Around a stream: what is yielded is sent."""
        async for chunk in response:
            yield chunk

    async def async_post_mcp_tool_call_hook(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> Any:
        """After an MCP tool answered: an object replaces the answer."""

    # Hooks of a deployment.

    async def async_pre_call_check(self, deployment: dict[str, Any], parent_otel_span: Any) -> Any:
        """An exception skips the deployment."""

    def pre_call_check(self, deployment: dict[str, Any]) -> Any:
        """An exception skips the deployment."""

    async def async_pre_call_deployment_hook(self, kwargs: dict[str, Any], call_type: Any) -> Any:
        """A dict replaces the parameters of the call to the chosen deployment."""

    async def async_post_call_success_deployment_hook(
        self, request_data: dict[str, Any], response: Any, call_type: Any
    ) -> Any:
        """An object replaces the deployment's answer."""

    async def async_post_call_streaming_deployment_hook(
        self, request_data: dict[str, Any], response_chunk: Any, call_type: Any
    ) -> Any:
        """An object replaces the deployment's chunk."""

    async def async_pre_routing_hook(
        self,
        model: str,
        request_kwargs: dict[str, Any],
        messages: list[Any] | None = None,
        input: Any = None,  # noqa: A002 - the reference's name
        specific_deployment: bool | None = False,
    ) -> Any:
        """Another model, or other messages, before a group is chosen."""

    # Filters.

    async def async_filter_deployments(
        self,
        model: str,
        healthy_deployments: list[Any],
        messages: list[Any] | None,
        request_kwargs: dict[str, Any] | None = None,
        parent_otel_span: Any = None,
    ) -> list[Any]:
        """The deployments that stay."""
        return healthy_deployments

    async def async_logging_hook(self, kwargs: dict[str, Any], result: Any, call_type: str) -> tuple[Any, Any]:
        """Parameters and result as they may be logged."""
        return kwargs, result

    def logging_hook(self, kwargs: dict[str, Any], result: Any, call_type: str) -> tuple[Any, Any]:
        """Parameters and result as they may be logged."""
        return kwargs, result
