"""Decode the body of a model call: what the gateway acts on, and what goes to the vendor."""

from typing import Any

import msgspec

from proxy.api.credentials import NESTED, client_credentials, extra_headers
from proxy.api.decoding import decode_value, wrong_type
from proxy.api.wishes import add_wishes
from proxy.call import Body, Call
from proxy.config.model import LOWEST_PRIORITY, Fallbacks
from proxy.errors import Failure, GatewayError
from proxy.fields import CREDENTIAL_FIELDS, KEPT_BACK, OPTIONS
from proxy.preparation import ModelRequest
from proxy.routing.fallbacks import configured_lists, shown_lists
from proxy.routing.request import RouteRequest
from proxy.routing.router import DEFAULT_RETRIES, Router

_MAY_HOLD_CREDENTIALS = CREDENTIAL_FIELDS.union(NESTED)
REQUIRED = {
    "chat": "messages",
    "completions": "prompt",
    "embeddings": "input",
    "messages": "messages",
    "contents": "contents",
    "responses": "input",
}

_TIMEOUTS = (("timeout", b"x-litellm-timeout"),)
_STREAM_TIMEOUTS = (("stream_timeout", b"x-litellm-stream-timeout"), *_TIMEOUTS)
"""Fields and headers of the client, the first that is given counts."""

_messages = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def read_model_request(call: Call, fields: Body, model_in_path: str | None) -> ModelRequest:
    """Set ``call.model``, ``call.stream`` and ``call.body``, and gather the options of the call.

    Raises:
        GatewayError: 400, a field is missing, of the wrong type, or not the client's to set.
    """
    router = call.snapshot.router
    named = _model(fields)
    model = model_in_path or named
    call.model = model or ""
    if model is None or not (router.groups.knows(model) or router.groups.wildcards):
        raise _unknown_model(call, model)
    _check_required(call.endpoint, fields)
    stream = fields.get("stream")
    call.stream = call.endpoint != "embeddings" and stream is not None and bytes(stream) == b"true"
    options = {name: decode_value(name, fields[name]) for name in OPTIONS & fields.keys()}
    asked = ModelRequest(
        route=_route_request(call, options),
        shown_model=named,
        timeout=_timeout(call, options),
        metadata=fields.get("metadata"),
    )
    if options:
        _set_options(asked, options, REQUIRED[call.endpoint])
    if not _MAY_HOLD_CREDENTIALS.isdisjoint(fields):
        asked.credentials = client_credentials(fields, model, router.groups.find(model) or ())
    if router.reads_wishes:
        add_wishes(asked.route, call, fields)
    call.body = {name: value for name, value in fields.items() if name not in KEPT_BACK}
    if "extra_body" in options:
        extra = _extra_body(options["extra_body"])
        call.body |= extra
        asked.extra = tuple(extra)
        _check_required(call.endpoint, call.body)
    if stream is not None and not call.stream and bytes(stream) != b"false":
        del call.body["stream"]  # no boolean: a vendor that takes it for true would stream what nobody expects
    return asked


def _set_options(asked: ModelRequest, options: dict[str, Any], required: str) -> None:
    asked.mock_response = options.get("mock_response")
    asked.drop_params = options.get("drop_params") is True
    asked.dropped = [name for name in _names(options, "additional_drop_params") if name != required]
    asked.allowed_params = _names(options, "allowed_openai_params")
    if options.get("extra_headers") is not None:
        asked.headers = extra_headers(options["extra_headers"])


def _extra_body(extra: Any) -> Body:
    """Further fields for the vendor, as clients of OpenAI's SDK may send them."""
    if extra is None:
        return {}
    if not isinstance(extra, dict):
        raise wrong_type("extra_body", "an object")
    never = KEPT_BACK | {"stream"}
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in extra.items() if name not in never}


def _route_request(call: Call, options: dict[str, Any]) -> RouteRequest:
    router = call.snapshot.router
    most = _count("max_fallbacks", options.get("max_fallbacks"))
    asked = RouteRequest(
        model=call.model,
        num_retries=_retries(call, options),
        max_fallbacks=router.max_fallbacks if most is None else most,
        priority=router.settings.default_priority,
    )
    if options:
        if options.get("priority") is not None:
            asked.priority = _priority(options["priority"])
        asked.fallbacks = _list(options, "fallbacks")
        asked.context_window_fallbacks = _list(options, "context_window_fallbacks")
        asked.content_policy_fallbacks = _list(options, "content_policy_fallbacks")
        asked.disable_fallbacks = options.get("disable_fallbacks") is True
        asked.mock_failure = _mock_failure(options, call.model, router)
    return asked


def _priority(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= LOWEST_PRIORITY:
        raise wrong_type("priority", f"a whole number from 0 (served first) to {LOWEST_PRIORITY}")
    return value


def _retries(call: Call, options: dict[str, Any]) -> int:
    """The header's, else the body's, else the config's; a number in ``litellm_settings`` hides the client's (A.md)."""
    given = call.headers.get(b"x-litellm-num-retries")
    if given is not None:
        own = _count("x-litellm-num-retries", given.decode("latin-1"))
    else:
        own = _count("num_retries", options.get("num_retries"))
    if own is not None and call.snapshot.config.settings.num_retries is None:
        return own
    configured = call.snapshot.router.settings.num_retries
    return DEFAULT_RETRIES if configured is None else configured


def _timeout(call: Call, options: dict[str, Any]) -> float | None:
    """Seconds, as the client wants it: for streams the stream's own come first, headers before the body."""
    for name, header in _STREAM_TIMEOUTS if call.stream else _TIMEOUTS:
        given = call.headers.get(header)
        seconds = _seconds(header.decode(), given.decode("latin-1")) if given is not None else None
        if seconds is None and name in options:
            seconds = _seconds(name, options[name])
        if seconds is not None:
            return seconds
    return None


def _mock_failure(options: dict[str, Any], model: str, router: Router) -> Failure | None:
    """The failure that one of the reference's testing aids asks for."""
    settings = router.settings

    def lists(name: str, configured: Fallbacks) -> str:
        """The client's lists, if it sent some, as Python writes them."""
        return str(shown_lists(options[name] if name in options else configured_lists(configured)))

    told = f"This is a mock exception for model={model}, to trigger a fallback. "
    if options.get("mock_testing_fallbacks") is True:
        text = f"litellm.InternalServerError: {told}Fallbacks={lists('fallbacks', settings.fallbacks)}"
        return Failure(500, text, kind="server", reached=False)
    told += " " * 20  # of the reference's own text
    if options.get("mock_testing_context_fallbacks") is True:
        shown = lists("context_window_fallbacks", settings.context_window_fallbacks)
        text = f"litellm.ContextWindowExceededError: litellm.BadRequestError: {told}Context_Window_Fallbacks={shown}"
        return Failure(400, text, kind="context_window", reached=False)
    if options.get("mock_testing_content_policy_fallbacks") is True:
        shown = lists("content_policy_fallbacks", settings.content_policy_fallbacks)
        text = f"litellm.BadRequestError: litellm.ContentPolicyViolationError: {told}Context_Policy_Fallbacks={shown}"
        return Failure(400, text, kind="content_policy", reached=False)
    return None


def _check_required(endpoint: str, fields: Body) -> None:
    name = REQUIRED[endpoint]
    if name not in fields:
        raise GatewayError(400, f"Missing required parameter: {name!r}.", type="invalid_request_error", param=name)
    if name == "messages":
        _check_messages(fields["messages"])


def _check_messages(messages: msgspec.Raw) -> None:
    try:
        _messages(messages)
    except msgspec.ValidationError:
        raise GatewayError(
            400,
            "Invalid request format: messages must be a list of objects",
            type="invalid_request_error",
            param=None,
        ) from None


def _unknown_model(call: Call, model: str | None) -> GatewayError:
    """Refused at the door; where there are wildcards it is left to the plan, whose fallbacks then count."""
    named = {"chat": "/chat/completions", "messages": "anthropic_messages"}
    route = named.get(call.endpoint, f"/{call.endpoint}")
    told = f"Invalid model name passed in model={model}. Call `/v1/models` to view available models for your key."
    text = f"{{'error': '{route}: {told}'}}"
    return GatewayError(400, f"400: {text}" if call.endpoint in ("completions", "messages") else text)


def _model(fields: Body) -> str | None:
    model = decode_value("model", fields["model"]) if "model" in fields else None
    if model is not None and not isinstance(model, str):
        raise wrong_type("model", "a string")
    return model


def _names(options: dict[str, Any], name: str) -> list[str]:
    value = _list(options, name) or []
    if not all(isinstance(item, str) for item in value):
        raise wrong_type(name, "a list of names")
    return value


def _list(options: dict[str, Any], name: str) -> list[Any] | msgspec.UnsetType | None:
    """A client's fallbacks: names, request fields with a ``model``, or lists by model as in the config."""
    value = options.get(name, msgspec.UNSET)
    if value is None or value is msgspec.UNSET:
        return value
    if not isinstance(value, list) or not all(item and isinstance(item, str | dict) for item in value):
        raise wrong_type(name, 'a list of models, of {"model": ...} or of {"model": ["fallback", ...]}')
    return value


def _count(name: str, value: Any) -> int | None:
    """A count from 0 on, also given as text."""
    if value is None:
        return None
    text = str(value)
    if not text.isascii() or not text.isdigit() or len(text) > 3:
        raise wrong_type(name, "a whole number from 0 to 999")
    return int(text)


def _seconds(name: str, value: Any) -> float | None:
    """A number of seconds above 0, also given as text."""
    if value is None:
        return None
    try:
        seconds = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise wrong_type(name, "a number of seconds above 0")
    return seconds
