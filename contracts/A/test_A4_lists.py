"""A4: which list follows a failure: the model's own, the default, those for long prompts and refused content."""

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import context_window_exceeded, status

pytestmark = contract("A4", config="A4/special.yaml")
with_default = contract("A4", config="A4/default.yaml")
without_special = contract("A4", config="A4/order.yaml")

HEADERS = [
    "x-litellm-model-id",
    "x-litellm-model-group",
    "x-litellm-attempted-fallbacks",
    "x-litellm-attempted-retries",
]
REFUSAL = status(400, message="Your request was rejected as a result of the safety system.")
AZURE = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."

# --- the default list ------------------------------------------------------------------------------------------------


@with_default
@pytest.mark.parametrize("code", [400, 500])
def test_default_fallback(case: Case, code: int) -> None:
    case.script({"basic-a": [status(code)], "basic-last": [], "second-last": []})
    answer = case.chat("basic-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert answer.headers["x-litellm-model-group"] == "basic-last"
    assert case.journal().models == ["basic-a", "basic-last"]


@with_default
def test_the_default_list_is_tried_in_order(case: Case) -> None:
    case.script({"basic-a": [status(500)], "basic-last": [status(500)], "second-last": []})
    answer = case.chat("basic-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "2"
    assert case.journal().models == ["basic-a", "basic-last", "second-last"]


@with_default
def test_the_default_list_replaces_a_wildcard_list(case: Case) -> None:
    case.script({"basic-a": [status(500)], "other-a": [], "basic-last": []})
    answer = case.chat("basic-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "basic-last"
    assert case.journal().models == ["basic-a", "basic-last"]


@with_default
def test_a_list_of_its_own_hides_the_default(case: Case) -> None:
    case.script({"owner-a": [status(500)], "owner-b": [status(500)], "owner-c": [status(500)], "basic-last": []})
    answer = case.chat("owner-a", max_fallbacks=1)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert case.journal().models == ["owner-a", "owner-b", "owner-c"]


@with_default
def test_an_empty_list_hides_the_default(case: Case) -> None:
    case.script({"hidden-a": [status(500)], "basic-last": []})
    answer = case.chat("hidden-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 500
    assert case.journal().models == ["hidden-a"]


@with_default
def test_an_unknown_model_is_refused_in_spite_of_a_default(case: Case) -> None:
    case.script({"basic-last": []})
    answer = case.chat("unheard-of")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "Invalid model name" in answer.json["error"]["message"]
    assert len(case.journal()) == 0


@with_default
def test_the_default_serves_long_prompts_when_there_is_no_list_for_them(case: Case) -> None:
    case.script({"basic-a": [context_window_exceeded()], "basic-last": []})
    answer = case.chat("basic-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "basic-last"
    assert case.journal().models == ["basic-a", "basic-last"]


@with_default
@pytest.mark.parametrize("kind", ["completions", "embeddings"])
def test_the_default_serves_other_endpoints(case: Case, kind: str) -> None:
    case.script({"basic-a": [status(400)], "basic-last": []})
    answer = case.completion("basic-a") if kind == "completions" else case.embed("basic-a")
    case.assert_same_as_recorded(headers=["x-litellm-model-id", "x-litellm-attempted-fallbacks"])
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["basic-a", "basic-last"]


# --- prompts that are too long ---------------------------------------------------------------------------------------


def test_a_long_prompt_goes_to_the_list_for_long_prompts(case: Case) -> None:
    case.script({"small-a": [context_window_exceeded()], "large-a": [], "general-a": [], "default-a": []})
    answer = case.chat("small-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "large-a"
    assert case.journal().models == ["small-a", "large-a"]


def test_the_list_for_long_prompts_is_tried_in_order(case: Case) -> None:
    too_long = context_window_exceeded()
    case.script({"small-a": [too_long], "large-a": [status(400)], "larger-a": [], "default-a": [status(400)]})
    answer = case.chat("small-a", max_fallbacks=1)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "2"
    assert case.journal().models == ["small-a", "large-a", "larger-a"]


def test_another_error_goes_to_the_general_list(case: Case) -> None:
    case.script({"small-a": [status(400)], "large-a": [], "general-a": [], "default-a": []})
    answer = case.chat("small-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "general-a"
    assert case.journal().models == ["small-a", "general-a"]


@pytest.mark.parametrize("model", ["listed-a", "general-a"])
def test_a_model_without_a_list_for_long_prompts_gets_no_fallback(case: Case, model: str) -> None:
    others = {"general-a": [], "default-a": [], "large-a": []}
    case.script({**others, model: [context_window_exceeded()]})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "ContextWindowExceededError" in answer.json["error"]["message"]
    assert case.journal().models == [model]


@without_special
def test_without_such_lists_a_long_prompt_goes_to_the_general_one(case: Case) -> None:
    case.script({"window-a": [context_window_exceeded()], "window-b": []})
    answer = case.chat("window-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-attempted-fallbacks"] == "1"
    assert case.journal().models == ["window-a", "window-b"]


@without_special
@pytest.mark.parametrize("model", ["window-a", "window-c"])
def test_the_error_hints_at_the_missing_setting(case: Case, model: str) -> None:
    case.script({model: [context_window_exceeded()], "window-b": [context_window_exceeded()]})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "Set 'context_window_fallback'" in answer.json["error"]["message"]


LARGE, GENERAL = "large-a", "general-a"
TOO_LONG = {
    "code": (status(400, message="Too long.", code="context_length_exceeded"), GENERAL),
    "maximum": (status(400, message="This model's maximum context length is 10 tokens."), LARGE),
    "limit": (status(400, message="Your prompt is over the model's maximum context limit of 10 tokens."), LARGE),
    "string": (
        status(400, message="Invalid 'input': string too long. Expected a string with maximum length 10."),
        LARGE,
    ),
    "longer": (status(400, message="The prompt (20) is longer than the model's context length (10)."), LARGE),
    "configured": (status(400, message="Input tokens exceed the configured limit of 10 tokens."), LARGE),
    "status-413": (status(413, message="This model's maximum context length is 10 tokens."), LARGE),
    "status-500": (status(500, message="This model's maximum context length is 10 tokens."), LARGE),
    "inputs": (status(422, message="`inputs` tokens + `max_new_tokens` must be <= 10."), LARGE),
    "gemini": (
        status(400, message="The input token count (20) exceeds the maximum number of tokens allowed (10)."),
        LARGE,
    ),
    "current": (status(400, message="Current length is 20 while limit is 10."), LARGE),
    "exceed": (status(400, message="Messages exceed context limit."), LARGE),
    "other": (status(400, message="Your prompt is too long for this model."), GENERAL),
}


@pytest.mark.parametrize("what", TOO_LONG)
def test_what_counts_as_too_long(case: Case, what: str) -> None:
    reply, expected = TOO_LONG[what]
    case.script({"small-a": [reply], "large-a": [], "general-a": [], "default-a": []})
    answer = case.chat("small-a", num_retries=0)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["small-a", expected]


# --- refused content -------------------------------------------------------------------------------------------------


def test_refused_content_goes_to_the_list_for_refused_content(case: Case) -> None:
    case.script({"strict-a": [REFUSAL], "lenient-a": [], "general-a": [], "default-a": []})
    answer = case.chat("strict-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.headers["x-litellm-model-group"] == "lenient-a"
    assert case.journal().models == ["strict-a", "lenient-a"]


@pytest.mark.parametrize("model", ["listed-a", "general-a"])
def test_a_model_without_a_list_for_refused_content_gets_no_fallback(case: Case, model: str) -> None:
    others = {"general-a": [], "default-a": [], "lenient-a": []}
    case.script({**others, model: [REFUSAL]})
    answer = case.chat(model)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert case.journal().models == [model]


@without_special
def test_without_such_lists_refused_content_goes_to_the_general_one(case: Case) -> None:
    case.script({"policy-a": [REFUSAL], "policy-b": [REFUSAL]})
    answer = case.chat("policy-a")
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 400
    assert "Set 'content_policy_fallback'" in answer.json["error"]["message"]
    assert case.journal().models == ["policy-a", "policy-b"]


LENIENT = "lenient-a"
REFUSED = {
    "code": (status(400, message="Refused.", code="content_policy_violation"), GENERAL),
    "type": (status(400, message="Refused.", type="invalid_request_error", code="content_policy_violation"), GENERAL),
    "text": (status(400, message="content_policy_violation"), GENERAL),
    "usage-policy": (
        status(400, message="Invalid prompt: your prompt was flagged as violating our usage policy."),
        LENIENT,
    ),
    "safety": (status(400, message="Your request was rejected as a result of the safety system."), LENIENT),
    "our-safety": (status(400, message="Your request was rejected as a result of our safety system."), GENERAL),
    "azure": (status(400, message=AZURE, code="content_filter"), GENERAL),
    "status-403": (status(403, message="Refused.", code="content_policy_violation"), GENERAL),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_counts_as_refused_content(case: Case, what: str) -> None:
    reply, expected = REFUSED[what]
    case.script({"strict-a": [reply], "lenient-a": [], "general-a": [], "default-a": []})
    answer = case.chat("strict-a", num_retries=0)
    case.assert_same_as_recorded(headers=HEADERS)
    assert answer.status == 200
    assert case.journal().models == ["strict-a", expected]
