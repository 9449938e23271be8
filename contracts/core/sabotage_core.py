"""Ways to break the core of our proxy, and the core cases that notice.

Each is narrow: it touches the deployments of a few cases, so that it can be told exactly who must notice.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def calls_a_vendor_error_a_server_error(original: Original, *args: Any, **kwargs: Any) -> Any:
    failure = original(*args, **kwargs)
    if failure.status == 418:
        failure.status = 500
    return failure


def drops_the_model_group(original: Original, *args: Any) -> Any:
    return [(name, value) for name, value in original(*args) if name != b"x-litellm-model-group"]


def retries_once_too_often(original: Original, plan: Any, *args: Any) -> int:
    retries: int = original(plan, *args)
    return retries + 1 if plan._request.model == "count-chat" else retries


def leaks_the_callers_key(original: Original, provider: Any, attempt: Any) -> Any:
    base, url, headers = original(provider, attempt)
    if attempt.deployment.id != "keyed-chat-1":
        return base, url, headers
    return base, url, {**dict(headers), "authorization": "Bearer sk-1234"}


def leaks_metadata(original: Original, call: Any, fields: Any, model: Any) -> Any:
    asked = original(call, fields, model)
    if "metadata" in fields:
        call.body = {**call.body, "metadata": fields["metadata"]}
    return asked


def trusts_any_prefix(original: Original, presented: str, expected: str) -> bool:
    return bool(original(presented, expected)) or (len(presented) > 3 and expected.startswith(presented))


def never_cools_down(original: Original, cooldowns: Any, deployment: Any, *args: Any) -> None:
    if deployment.group != "lone-chat":
        original(cooldowns, deployment, *args)


def ignores_the_deployments_timeout(original: Original, preparation: Any, step: Any) -> float:
    seconds: float = original(preparation, step)
    return 9.0 if step.deployment.id == "short-chat-1" else seconds


def ignores_the_order(original: Original, deployments: Any) -> Any:
    return [deployments[0]] if deployments[0].group == "order-chat" else original(deployments)


async def hides_broken_streams(original: Original, pipeline: Any, stream: Any, sink: Any) -> None:
    try:
        await original(pipeline, stream, sink)
    except Exception:
        awaited = sink([b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}', b"[DONE]"])
        if awaited is not None:
            await awaited


def lets_clients_choose_the_host(original: Original, fields: Any, model: str, deployments: Any) -> dict[str, str]:
    return {}


def forgets_the_prices(original: Original, book: Any, deployment: Any, usage: Any) -> Any:
    cost = original(book, deployment, usage)
    return msgspec.structs.replace(cost, final=None) if deployment.id == "priced-chat-1" else cost


def says_nothing_of_the_cache(original: Original, config: Any) -> None:
    return None


def leaves_out_safety_settings(original: Original, body: Any, *args: Any, **kwargs: Any) -> Any:
    return original({name: value for name, value in body.items() if name != "safetySettings"}, *args, **kwargs)


def tells_google_no_labels(original: Original, metadata: Any) -> dict[str, str]:
    return {}


async def signs_without_the_session(original: Original, params: Any) -> Any:
    return (await original(params))._replace(token=None)


def names_tools_as_the_client_does(original: Original, name: str) -> str:
    return name


def takes_throttling_for_a_mistake(original: Original, exception: str, body: bytes) -> Any:
    failure = original(exception, body)
    if exception == "throttlingException":
        failure.status = 400
    return failure


def takes_a_full_answer_for_a_complete_one(original: Original, reason: str) -> Any:
    return "stop" if reason == "MAX_TOKENS" else original(reason)


def sends_googles_signatures_on(original: Original, body: Any, model: str) -> Any:
    return body if "nebius" in model else original(body, model)


def asks_nobody_for_formats(original: Original, checks: Any, model: Any, deployments: Any, request: Any) -> Any:
    return deployments


SABOTAGES = [
    Sabotage(
        name="asks-nobody-for-formats",
        patches=[("proxy.routing.filters.response_formats.ResponseFormats.__call__", asks_nobody_for_formats)],
        trips=[
            *("test_who_takes_the_format_serves", "test_nobody_takes_it"),
            *("test_a_stream_goes_there_too", "test_that_a_client_has_it_dropped_changes_nothing"),
        ],
    ),
    Sabotage(
        name="says-nothing-of-the-cache",
        patches=[("proxy.api.health._cache_type", says_nothing_of_the_cache)],
        trips=["test_the_gateway_is_ready", "test_ready_with_redis"],
    ),
    Sabotage(
        name="maps-a-status-wrongly",
        patches=[("proxy.providers.openai.provider.failure_from_answer", calls_a_vendor_error_a_server_error)],
        trips=["test_a_status_of_the_upstream[418]"],
    ),
    Sabotage(
        name="drops-a-header",
        patches=[("proxy.api.headers.of_answer", drops_the_model_group)],
        trips=[
            "test_a_chat_names_its_group",
            "test_the_client_gets_the_name_it_asked_for_and_the_upstream_its_own",
            "test_a_wildcard_names_the_upstream_model",
        ],
    ),
    Sabotage(
        name="retries-once-too-often",
        patches=[("proxy.routing.plan.Plan._retries", retries_once_too_often)],
        trips=[
            "test_the_body_says_how_often",
            "test_the_header_says_how_often",
            "test_no_retry_at_all",
            "test_two_retries_unless_somebody_says_otherwise",
        ],
    ),
    Sabotage(
        name="leaks-the-callers-key",
        patches=[("proxy.providers.openai.provider.OpenAICompatible._target_of", leaks_the_callers_key)],
        trips=["test_a_key_from_the_environment"],
    ),
    Sabotage(
        name="leaks-metadata-to-the-vendor",
        patches=[("proxy.api.llm.read_model_request", leaks_metadata)],
        trips=["test_a_field_for_the_gateway[metadata]"],
    ),
    Sabotage(
        name="takes-half-a-key",
        patches=[("proxy.auth.selection.same_key", trusts_any_prefix)],
        trips=["test_a_wrong_key[sk-123]"],
    ),
    Sabotage(
        name="never-cools-down",
        patches=[("proxy.routing.cooldown.Cooldowns.failed", never_cools_down)],
        trips=["test_one_failure_too_many"],
    ),
    Sabotage(
        name="ignores-a-timeout",
        patches=[("proxy.preparation.Preparation.timeout", ignores_the_deployments_timeout)],
        trips=["test_a_timeout_of_the_deployment"],
    ),
    Sabotage(
        name="ignores-the-order",
        patches=[("proxy.routing.router._of_lowest_order", ignores_the_order)],
        trips=["test_the_order_of_deployments"],
    ),
    Sabotage(
        name="passes-a-cut-stream-off-as-complete",
        patches=[("proxy.pipeline.Pipeline.relay", hides_broken_streams)],
        trips=[
            "test_a_stream_that_the_vendor_breaks_off",
            "test_an_error_within_a_stream",
            "test_a_stream_that_falls_silent",
        ],
    ),
    Sabotage(
        name="lets-clients-choose-the-host",
        patches=[("proxy.api.model_request.client_credentials", lets_clients_choose_the_host)],
        trips=["test_a_client_chooses_no_host_and_no_credential"],
    ),
    Sabotage(
        name="forgets-prices",
        patches=[("proxy.accounting.cost.PriceBook.cost_of", forgets_the_prices)],
        trips=[
            "test_the_cost[priced-chat-chat]",
            "test_the_cost[priced-chat-embed]",
            "test_the_cost_of_a_text_completion",
        ],
    ),
    Sabotage(
        name="leaves-out-safety-settings",
        patches=[("proxy.providers.google.native.body_of", leaves_out_safety_settings)],
        trips=["test_every_field_of_googles_goes_through[safetySettings]"],
    ),
    Sabotage(
        name="tells-google-no-labels",
        patches=[("proxy.providers.google.generative._labels", tells_google_no_labels)],
        trips=["test_labels_of_the_metadata"],
    ),
    Sabotage(
        name="signs-without-the-session",
        patches=[("proxy.providers.bedrock.http.credentials_of", signs_without_the_session)],
        trips=["test_the_way_to_bedrock[rock-session]"],
    ),
    Sabotage(
        name="names-bedrocks-tools-as-the-client-does",
        patches=[("proxy.providers.bedrock.tools.bedrock_name", names_tools_as_the_client_does)],
        trips=[
            "test_a_tool[odd-name]",
            "test_a_tool[digit-first]",
            "test_a_tool_with_an_odd_name_keeps_it_for_the_client",
        ],
    ),
    Sabotage(
        name="takes-throttling-for-a-mistake",
        patches=[("proxy.providers.bedrock.stream.failure_within_stream", takes_throttling_for_a_mistake)],
        trips=[
            "test_an_exception_within_a_stream[throttlingException]",
            "test_an_exception_before_anything_is_said[throttlingException]",
        ],
    ),
    Sabotage(
        name="takes-a-full-answer-for-a-complete-one",
        patches=[("proxy.providers.cohere.answers.finish_reason", takes_a_full_answer_for_a_complete_one)],
        trips=["test_why_an_answer_ends[MAX_TOKENS]", "test_a_stream_that_is_full"],
    ),
    Sabotage(
        name="sends-googles-signatures-on",
        patches=[("proxy.providers.openai.provider.without_signatures", sends_googles_signatures_on)],
        trips=["test_a_signature_of_googles_in_the_id_of_a_call_is_sent_to_nobody_else"],
    ),
]
