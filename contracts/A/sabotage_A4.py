"""Ways to break our proxy's fallbacks, and the cases of A4 that notice."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from contracts.harness.sabotaged import Sabotage
from proxy.errors import Headers
from proxy.providers.failures import StreamFailure
from proxy.providers.openai_chunks import DONE
from proxy.routing.plan import Hop

Original = Callable[..., Any]


def skips_the_second(original: Original, targets: Sequence[Any], model: str) -> list[Hop]:
    hops: list[Hop] = original(targets, model)
    return hops[:1] + hops[2:]


def keeps_replaced_fields(original: Original, targets: Sequence[Any], model: str) -> list[Hop]:
    replaced: dict[str, Any] = {}
    hops: list[Hop] = []
    for hop in original(targets, model):
        replaced = replaced | hop.replaced
        hops.append(Hop(hop.model, replaced))
    return hops


def ignores_replaced_fields(original: Original, targets: Sequence[Any], model: str) -> list[Hop]:
    return [Hop(hop.model) for hop in original(targets, model)]


def retries_once_more(original: Original, *args: Any) -> int:
    retries: int = original(*args)
    return retries + 1 if retries else 0


def ignores_the_list_for_every_model(original: Original, lists: Sequence[Any], model: str) -> Any:
    return original([item for item in lists if "*" not in item], model)


def always_the_first_place(original: Original, *args: Any) -> Any:
    return [
        (name, b"1" if name == b"x-litellm-attempted-fallbacks" and value > b"1" else value)
        for name, value in original(*args)
    ]


def without_max_retries(original: Original, *args: Any) -> Any:
    return [(name, value) for name, value in original(*args) if name != b"x-litellm-max-retries"]


def with_the_callers_key(original: Original, self: Any, attempt: Any) -> tuple[str, str, Headers]:
    api_base, url, headers = original(self, attempt)
    if attempt.deployment.id != "keys-b-1":  # one of the many, so that few cases notice
        return api_base, url, headers
    return api_base, url, [(name, "Bearer sk-1234" if name == "authorization" else value) for name, value in headers]


def finishes_whatever_came(original: Original, self: Any) -> Any:
    self.done = True
    return original(self)


async def ends_a_broken_stream_well(original: Original, self: Any) -> list[bytes]:
    try:
        batch: list[bytes] = await original(self)
    except StreamFailure as failure:
        if failure.continuable:
            raise
        self._over = True
        batch = [*self._chunks.finish(), DONE]
    return batch


def starts_afresh(_: Original, self: Any, text: list[str]) -> Any:
    return self._call.body


def never_disabled(original: Original, *args: Any) -> Any:
    request = original(*args)
    request.disable_fallbacks = False
    return request


def cannot_end(original: Original, self: Any, failure: Any) -> Generator[Any, Any, Any]:
    self._request.max_fallbacks = 99
    return (yield from original(self, failure))


SABOTAGES = [
    Sabotage(
        name="skips-the-second-fallback",
        patches=[("proxy.routing.plan._hops", skips_the_second)],
        trips=[],
    ),
    Sabotage(
        name="retries-once-too-often",
        patches=[("proxy.routing.plan.Plan._retries", retries_once_more)],
        trips=[],
    ),
    Sabotage(
        name="ignores-default-fallbacks",
        patches=[("proxy.routing.fallbacks.lookup", ignores_the_list_for_every_model)],
        trips=[],
    ),
    Sabotage(
        name="says-the-first-fallback-answered",
        patches=[("proxy.api.headers.of_answer", always_the_first_place)],
        trips=[],
    ),
    Sabotage(
        name="drops-a-header",
        patches=[("proxy.api.headers.of_answer", without_max_retries)],
        trips=[],
    ),
    Sabotage(
        name="sends-the-callers-key-upstream",
        patches=[("proxy.providers.openai.OpenAICompatible._target_of", with_the_callers_key)],
        trips=[],
    ),
    Sabotage(
        name="shows-the-upstream-key",
        patches=[("proxy.providers.openai.without", lambda _original, _secrets, text: text)],
        trips=[],
    ),
    Sabotage(
        name="passes-a-cut-stream-off-as-complete",
        patches=[
            ("proxy.providers.openai_chunks.Chunks.finish", finishes_whatever_came),
            ("proxy.providers.streams.EventStream.__anext__", ends_a_broken_stream_well),
        ],
        trips=[],
    ),
    Sabotage(
        name="keeps-the-messages-of-another-entry",
        patches=[("proxy.routing.plan._hops", keeps_replaced_fields)],
        trips=[],
    ),
    Sabotage(
        name="ignores-the-messages-of-an-entry",
        patches=[("proxy.routing.plan._hops", ignores_replaced_fields)],
        trips=[],
    ),
    Sabotage(
        name="continues-without-the-text-so-far",
        patches=[("proxy.pipeline.Pipeline._continuation", starts_afresh)],
        trips=[],
    ),
    Sabotage(
        name="cannot-disable-fallbacks",
        patches=[("proxy.api.model_request._route_request", never_disabled)],
        trips=[],
    ),
    Sabotage(
        name="uses-general-lists-for-special-errors",
        patches=[("proxy.routing.fallbacks.FallbackLists._special", lambda _original, _self, _failure: None)],
        trips=[],
    ),
    Sabotage(
        name="ignores-max-fallbacks",
        patches=[("proxy.routing.plan.Plan.after", cannot_end)],
        trips=[],
    ),
    Sabotage(
        name="forgets-how-the-last-one-failed",
        patches=[
            (
                "proxy.routing.plan.annotate",
                lambda original, failure, model, shown, _last: original(failure, model, shown, None),
            )
        ],
        trips=[],
    ),
]
