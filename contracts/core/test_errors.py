"""What the client gets when an upstream refuses, fails or cannot be reached."""

from collections.abc import Callable

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract
from fixtures.replies import Reply, closed, content_policy, context_window_exceeded, html, json, reset, status

pytestmark = contract("core", config="core/calls.yaml")

HEADERS = ["x-litellm-model-id", "x-litellm-response-cost", "x-litellm-key-spend", "x-litellm-timeout", "retry-after"]

PREFIXES = {
    400: "litellm.BadRequestError: OpenAIException - ",
    402: "litellm.APIError: APIError: OpenAIException - ",
    403: "litellm.APIError: APIError: OpenAIException - ",
    405: "litellm.APIError: APIError: OpenAIException - ",
    408: "litellm.Timeout: Timeout Error: OpenAIException - ",
    409: "litellm.APIError: APIError: OpenAIException - ",
    413: "litellm.APIError: APIError: OpenAIException - ",
    418: "litellm.APIError: APIError: OpenAIException - ",
    422: "litellm.BadRequestError: OpenAIException - ",
    429: "litellm.RateLimitError: RateLimitError: OpenAIException - ",
    500: "litellm.InternalServerError: InternalServerError: OpenAIException - ",
    502: "litellm.BadGatewayError: BadGatewayError: OpenAIException - ",
    503: "litellm.ServiceUnavailableError: ServiceUnavailableError: OpenAIException - ",
    504: "litellm.Timeout: Timeout Error: OpenAIException - ",
    501: "litellm.APIError: APIError: OpenAIException - ",
    529: "litellm.APIError: APIError: OpenAIException - ",
}


def _is_mapped(answer: Exchange, code: int, prefix: str) -> None:
    assert answer.status == code
    error = answer.json["error"]
    assert error["code"] == str(code)
    assert error["message"].startswith(prefix)
    assert "Received Model Group=" in error["message"]


@pytest.mark.parametrize("code", PREFIXES)
def test_a_status_of_the_upstream(case: Case, code: int) -> None:
    case.script({"upstream-error": [status(code, message="not today")]})
    answer = case.chat("error-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    _is_mapped(answer, code, f"{PREFIXES[code]}not today")
    assert case.journal().models == ["upstream-error"]


@pytest.mark.parametrize("code", [401, 404])
def test_an_upstream_that_denies(case: Case, code: int) -> None:
    model = {401: "upstream-denied", 404: "upstream-gone"}[code]
    case.script({model: [status(code)]})
    answer = case.chat({401: "denied-chat", 404: "gone-chat"}[code])
    case.assert_same_as_recorded(headers=HEADERS)
    kind = {401: "AuthenticationError", 404: "NotFoundError"}[code]
    _is_mapped(answer, code, f"litellm.{kind}: {kind}: OpenAIException - ")
    assert case.journal().models == [model]


@pytest.mark.parametrize("code", [400, 403, 408, 422, 429, 500, 503, 504])
def test_a_stream_that_fails_before_it_begins_is_a_plain_error(case: Case, code: int) -> None:
    case.script({"upstream-error": [status(code)]})
    answer = case.stream("error-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    _is_mapped(answer, code, PREFIXES[code])
    assert not answer.is_stream


def test_a_prompt_that_is_too_long(case: Case) -> None:
    case.script({"upstream-error": [context_window_exceeded(4096)]})
    answer = case.chat("error-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    _is_mapped(answer, 400, "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: ")
    assert "context_window_fallbacks" in answer.json["error"]["message"]


@pytest.mark.parametrize("endpoint", ["completion", "embed"])
@pytest.mark.parametrize("code", [400, 403, 422])
def test_other_endpoints_map_alike(case: Case, endpoint: str, code: int) -> None:
    case.script({"upstream-error": [status(code, message="not today")]})
    answer = getattr(case, endpoint)("error-chat")
    case.assert_same_as_recorded()
    assert answer.status == code
    assert "not today" in answer.json["error"]["message"]


@pytest.mark.parametrize("code", [429, 500, 503])
def test_text_completions_map_alike(case: Case, code: int) -> None:
    case.script({"upstream-error": [status(code, message="not today")]})
    answer = case.completion("error-chat")
    case.assert_same_as_recorded()
    _is_mapped(answer, code, PREFIXES[code])


@pytest.mark.parametrize("endpoint", ["chat", "stream"])
def test_nobody_listens(case: Case, endpoint: str) -> None:
    answer = getattr(case, endpoint)("refused-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    _is_mapped(answer, 500, "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.")


@pytest.mark.parametrize("reply", [reset, closed])
def test_a_connection_that_breaks_before_the_answer(case: Case, reply: Callable[[], Reply]) -> None:
    case.script({"upstream-error": [reply()]})
    answer = case.chat("error-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    _is_mapped(answer, 500, "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.")


ODD_BODIES = {
    "html": html(502),
    "text": Reply(status=500, text="overloaded"),
    "empty": Reply(status=500, text=""),
    "error-is-a-string": json({"error": "overloaded"}, 500),
    "no-error": json({"detail": "overloaded"}, 500),
    "null-message": json({"error": {"message": None, "type": "server_error"}}, 500),
    "list": json([{"error": {"message": "overloaded"}}], 500),
}


@pytest.mark.parametrize("body", ODD_BODIES)
def test_an_error_body_of_another_shape(case: Case, body: str) -> None:
    case.script({"upstream-error": [ODD_BODIES[body]]})
    answer = case.chat("error-chat")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == ODD_BODIES[body].status
    assert answer.json["error"]["code"] == str(answer.status)


def test_content_policy_is_a_bad_request(case: Case) -> None:
    case.script({"upstream-error": [content_policy()]})
    answer = case.chat("error-chat")
    assert answer.status == 400
    assert "rejected as a result of our safety system" in answer.json["error"]["message"]


def test_a_deployment_without_a_key(case: Case) -> None:
    case.script({"upstream-keyless": []})
    answer = case.chat("keyless-chat")
    assert answer.status == 500
    assert "Missing credentials" in answer.json["error"]["message"]
    assert len(case.journal()) == 0
