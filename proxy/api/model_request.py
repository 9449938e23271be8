"""Decode the body of a model call: what the gateway acts on, what goes to the vendor, what is refused."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from proxy.call import Body, Call
from proxy.config.model import RouterSettings
from proxy.deployment import may_set
from proxy.errors import Failure, GatewayError, Headers
from proxy.pipeline import ModelRequest
from proxy.routing.fallbacks import RouteRequest
from proxy.routing.router import DEFAULT_RETRIES, Router

#: Fields that steer the gateway and are never sent to a vendor (A.md, CORE).
GATEWAY_FIELDS = frozenset(
    (
        "allowed_model_region",
        "cache",
        "caching",
        "content_policy_fallbacks",
        "context_window_fallbacks",
        "disable_fallbacks",
        "extra_headers",
        "fallbacks",
        "guardrails",
        "litellm_metadata",
        "litellm_call_id",
        "litellm_session_id",
        "litellm_trace_id",
        "max_fallbacks",
        "metadata",
        "mock_response",
        "mock_testing_content_policy_fallbacks",
        "mock_testing_context_fallbacks",
        "mock_testing_fallbacks",
        "mock_timeout",
        "model",
        "no-log",
        "num_retries",
        "priority",
        "prompt_id",
        "prompt_variables",
        "proxy_server_request",
        "request_timeout",
        "secret_fields",
        "specific_deployment",
        "stream_timeout",
        "tags",
        "timeout",
        "ttl",
    )
)
#: Fields with which a client would choose where its call goes or whose account pays for it.
CREDENTIAL_FIELDS = frozenset(
    (
        "api_base",
        "api_key",
        "api_version",
        "aws_access_key_id",
        "aws_bedrock_runtime_endpoint",
        "aws_profile_name",
        "aws_region_name",
        "aws_role_name",
        "aws_secret_access_key",
        "aws_session_name",
        "aws_session_token",
        "aws_sts_endpoint",
        "aws_web_identity_token",
        "azure_ad_token",
        "azure_password",
        "azure_username",
        "base_url",
        "client_id",
        "client_secret",
        "custom_llm_provider",
        "litellm_credential_name",
        "litellm_params",
        "model_list",
        "organization",
        "tenant_id",
        "tianji_params",
        "user_config",
        "vertex_credentials",
        "vertex_location",
        "vertex_project",
    )
)
NESTED = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "extra_body")
REQUIRED = {"chat": "messages", "completions": "prompt", "embeddings": "input"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_REFUSED_HEADERS = re.compile(
    r"(proxy-)?authorization|.*api-key|.*subscription-key|host|connection|content-.*|transfer-encoding|te|trailer|upgrade"
    r"|keep-alive|expect|cookie|forwarded|x-forwarded-.*|accept-encoding",
    re.IGNORECASE,
)
_object = msgspec.json.Decoder(Body)


def decode_object(body: bytes) -> Body:
    """The JSON object of a request; an empty body is an empty object.

    Raises:
        GatewayError: 400, it is no JSON object.
    """
    if not body:
        return {}
    try:
        if not body.isascii():
            body.decode()
        return _object.decode(body)
    except msgspec.ValidationError:
        raise _invalid("a JSON object is expected") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _invalid(_why_invalid(body)) from None


def read_model_request(call: Call, fields: Body, model_in_path: str | None) -> ModelRequest:
    """Set ``call.model``, ``call.stream`` and ``call.body``, and gather the options of the call.

    Raises:
        GatewayError: 400, a field is missing, of the wrong type, or not the client's to set.
    """
    router = call.snapshot.router
    model = model_in_path or _text(fields, "model")
    known = model is not None and router.groups.knows(model)
    call.model = model or ""
    if not known:
        raise _unknown_model(call, model, router)
    if call.endpoint in REQUIRED and REQUIRED[call.endpoint] not in fields:
        name = REQUIRED[call.endpoint]
        raise GatewayError(400, f"Missing required parameter: {name!r}.", type="invalid_request_error", param=name)
    if call.endpoint == "chat":
        _check_messages(fields["messages"])
    call.stream = (
        call.endpoint != "embeddings" and fields.get("stream") is not None and bytes(fields["stream"]) == b"true"
    )
    call.body = {name: value for name, value in fields.items() if name not in GATEWAY_FIELDS}
    credentials = _credentials(call, fields, router)
    return ModelRequest(
        route=_route_request(call, fields, router.settings),
        timeout=_timeout(call, fields),
        mock_response=_any(fields, "mock_response"),
        credentials=credentials,
        headers=_extra_headers(_any(fields, "extra_headers")),
    )


def _route_request(call: Call, fields: Body, settings: RouterSettings) -> RouteRequest:
    model = call.model
    most = _number(fields, "max_fallbacks", int)
    return RouteRequest(
        model=model,
        num_retries=_retries(call, fields, settings),
        fallbacks=_list(fields, "fallbacks"),
        context_window_fallbacks=_list(fields, "context_window_fallbacks"),
        content_policy_fallbacks=_list(fields, "content_policy_fallbacks"),
        max_fallbacks=call.snapshot.router.max_fallbacks if most is None else most,
        disable_fallbacks=_any(fields, "disable_fallbacks") is True,
        mock_failure=_mock_failure(fields, model, call.snapshot.router),
    )


def _retries(call: Call, fields: Body, settings: RouterSettings) -> int:
    """The header's, else the body's, else the config's; a number in ``litellm_settings`` hides the client's (A.md)."""
    own = _number_of_header(call.headers, b"x-litellm-num-retries", int)
    if own is None:
        own = _number(fields, "num_retries", int)
    if own is not None and call.snapshot.config.settings.num_retries is None:
        return int(own)
    return DEFAULT_RETRIES if settings.num_retries is None else settings.num_retries


def _timeout(call: Call, fields: Body) -> float | None:
    """Seconds, as the client wants it."""
    silence: float | None
    seconds: float | None
    if call.stream:
        silence = _number_of_header(call.headers, b"x-litellm-stream-timeout", float)
        if silence is None:
            silence = _number(fields, "stream_timeout", float)
        if silence is not None:
            return silence
    seconds = _number_of_header(call.headers, b"x-litellm-timeout", float)
    if seconds is None:
        seconds = _number(fields, "timeout", float)
    return seconds


def _mock_failure(fields: Body, model: str, router: Router) -> Failure | None:
    """The failure that one of the reference's testing aids asks for."""
    lists = [{name: list(targets)} for name, targets in router.settings.fallbacks.items()] or None
    told = f"This is a mock exception for model={model}, to trigger a fallback. Fallbacks="
    if _any(fields, "mock_testing_fallbacks") is True:
        shown = _list(fields, "fallbacks") or lists
        return Failure(500, f"litellm.InternalServerError: {told}{shown}", kind="server", reached=False)
    if _any(fields, "mock_testing_context_fallbacks") is True:
        text = f"litellm.ContextWindowExceededError: {told}{lists}"
        return Failure(400, text, kind="context_window", reached=False)
    if _any(fields, "mock_testing_content_policy_fallbacks") is True:
        text = f"litellm.ContentPolicyViolationError: {told}{lists}"
        return Failure(400, text, kind="content_policy", reached=False)
    return None


def _credentials(call: Call, fields: Body, router: Router) -> dict[str, str]:
    """Hosts and keys that the client may and does set.

    Raises:
        GatewayError: 400, it may not.
    """
    found = {name for name in CREDENTIAL_FIELDS if name in fields}
    for name in NESTED:
        if name in fields:
            found |= _credential_names(msgspec.json.decode(fields[name]))
    if not found:
        return {}
    deployments = router.groups.find(call.model) or ()
    values = {}
    for name in sorted(found):
        value = _any(fields, name)
        if not isinstance(value, str) or not deployments or not all(may_set(d, name, value) for d in deployments):
            raise GatewayError(
                400,
                f"{name} cannot be set by a client. To allow it, list it in litellm_params."
                f"configurable_clientside_auth_params of the model {call.model!r}.",
                type="invalid_request_error",
                param=name,
            )
        values[name] = value
        call.body.pop(name, None)
    return values


def _credential_names(value: Any) -> set[str]:
    """Names of credential fields at any depth."""
    if isinstance(value, dict):
        return {name for name in value if name in CREDENTIAL_FIELDS}.union(*map(_credential_names, value.values()))
    if isinstance(value, list):
        return set().union(*map(_credential_names, value))
    return set()


def _extra_headers(value: Any) -> Headers:
    """Headers that the client wants the vendor to get; none with which it could pass as somebody else."""
    if value is None:
        return []
    if not isinstance(value, dict):
        raise _wrong_type("extra_headers", "an object")
    for name, text in value.items():
        fine = isinstance(text, str) and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(text)
        if not fine or _REFUSED_HEADERS.fullmatch(name):
            raise GatewayError(
                400,
                f"extra_headers: {name!r} cannot be set by a client",
                type="invalid_request_error",
                param="extra_headers",
            )
    return [(name.lower(), text) for name, text in value.items()]


def _check_messages(messages: msgspec.Raw) -> None:
    try:
        msgspec.json.decode(messages, type=list[dict[str, msgspec.Raw]])
    except msgspec.ValidationError:
        raise GatewayError(
            400,
            "Invalid request format: messages must be a list of objects",
            type="invalid_request_error",
            param=None,
        ) from None


def _unknown_model(call: Call, model: str | None, router: Router) -> GatewayError:
    """With wildcards any name might have been served: then the reference's router refuses, not its front door."""
    if router.groups.wildcards and model is not None:
        return Failure(
            400,
            f"litellm.BadRequestError: You passed in model={model}. There are no healthy deployments for this model. "
            f"Received Model Group={model}\nAvailable Model Group Fallbacks=None",
            kind="bad_request",
        )
    route = {"chat": "/chat/completions"}.get(call.endpoint, f"/{call.endpoint}")
    told = f"Invalid model name passed in model={model}. Call `/v1/models` to view available models for your key."
    text = f"{{'error': '{route}: {told}'}}"
    return GatewayError(400, f"400: {text}" if call.endpoint == "completions" else text)


def _any(fields: Body, name: str) -> Any:
    value = fields.get(name)
    return None if value is None else msgspec.json.decode(value)


def _text(fields: Body, name: str) -> str | None:
    value = _any(fields, name)
    if value is not None and not isinstance(value, str):
        raise _wrong_type(name, "a string")
    return value


def _list(fields: Body, name: str) -> list[Any] | None:
    value = _any(fields, name)
    if value is not None and not isinstance(value, list):
        raise _wrong_type(name, "a list")
    return value


def _number(fields: Body, name: str, kind: type[int] | type[float]) -> Any:
    return _checked(name, _any(fields, name), kind)


def _number_of_header(headers: Mapping[bytes, bytes], name: bytes, kind: type[int] | type[float]) -> Any:
    value = headers.get(name)
    return None if value is None else _checked(name.decode(), value.decode("latin-1"), kind)


def _checked(name: str, value: Any, kind: type[int] | type[float]) -> Any:
    """A count (0 or more) or a number of seconds (more than 0), also given as text."""
    if value is None:
        return None
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    fine = 0 <= number < 1_000 if kind is int else 0 < number < float("inf")
    if isinstance(value, bool) or not fine:
        raise _wrong_type(name, "a whole number from 0 on" if kind is int else "a number of seconds above 0")
    return number


def _wrong_type(name: str, expected: str) -> GatewayError:
    return GatewayError(400, f"{name} must be {expected}", type="invalid_request_error", param=name)


def _invalid(why: str) -> GatewayError:
    return GatewayError(400, f"Invalid JSON payload: {why}", type="invalid_request_error", param="request_body")


def _why_invalid(body: bytes) -> str:
    """In the words of the JSON parser that the reference uses; only here, where speed does not matter."""
    import orjson

    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return str(error)
    return "nested too deeply"
