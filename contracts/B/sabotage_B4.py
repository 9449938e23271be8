"""Ways to break our proxy's auto routers, and the cases of B4 that notice."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage
from proxy.autorouting.texts import Said
from proxy.errors import Failure

Original = Callable[..., Any]


def without_thresholds(original: Original, routes: Any, similarities: Any, thresholds: Mapping[str, float]) -> Any:
    return original(routes, similarities, dict.fromkeys(thresholds, 0.0))


def with_one_threshold(original: Original, routes: Any, similarities: Any, thresholds: Mapping[str, float]) -> Any:
    return original(routes, similarities, dict.fromkeys(thresholds, 0.3))


def by_the_best(original: Original, routes: Sequence[str], similarities: Sequence[float], thresholds: Any) -> Any:
    best: dict[str, float] = {}
    for route, similarity in zip(routes, similarities, strict=True):
        best[route] = max(similarity, best.get(route, -1.0))
    return original(list(best), list(best.values()), thresholds)


def by_the_first_alone(original: Original, routes: Any, similarities: Any, thresholds: dict[str, float]) -> Any:
    best = original(routes, similarities, dict.fromkeys(thresholds, 0.0))
    return original(routes, similarities, thresholds | {route: 2.0 for route in thresholds if route != best})


def by_all(original: Original, routes: Sequence[str], similarities: Sequence[float], thresholds: Any) -> Any:
    means = [
        sum(s for r, s in zip(routes, similarities, strict=True) if r == route) / routes.count(route)
        for route in dict.fromkeys(routes)
    ]
    return original(list(dict.fromkeys(routes)), means, thresholds)


def the_first_message(original: Original, endpoint: str, body: Any) -> Iterator[Said]:
    yield from reversed(list(original(endpoint, body)))


def no_prompts(original: Original, endpoint: str, body: Any) -> Iterator[Said]:
    return iter(()) if endpoint == "completions" else original(endpoint, body)


def no_parts(original: Original, content: Any) -> Iterator[str]:
    yield from (text for text in original(content) if not isinstance(content, list))


async def forgets_vectors(original: Original, self: Any, text: str, embed: Any) -> Any:
    self._units = None
    return await original(self, text, embed)


async def fails_with_the_embeddings(original: Original, self: Any, text: str, embed: Any) -> Any:
    try:
        return await original(self, text, embed)
    except Failure as failure:
        raise RuntimeError(str(failure)) from failure


def no_anthropic_messages(original: Original, endpoint: str, body: Any) -> Iterator[Said]:
    return iter(()) if endpoint == "messages" else original(endpoint, body)


def as_the_chosen_group(original: Original, call: Any, routed: Any, cost: Any) -> Any:
    chosen = call.outcome.chosen
    return [
        (name, chosen.encode() if name == b"x-litellm-model-group" and chosen else text)
        for name, text in original(call, routed, cost)
    ]


def without_the_choice(original: Original, call: Any, routed: Any, cost: Any) -> Any:
    return [(name, text) for name, text in original(call, routed, cost) if name != b"x-tianji-routed-model"]


async def chooses_for_anything(original: Original, self: Any, endpoint: str, body: Any, embed: Any) -> Any:
    return await original(self, endpoint, body, embed) or "general-group"


def of_the_default_model(original: Original, self: Any, model: str, failure: Any) -> Any:
    return original(self, "broken-group" if model == "auto-backed" else model, failure)


def without_the_system(original: Original, self: Any, asked: str, system: str = "") -> Any:
    del system
    return original(self, asked)


def with_the_systems_reasons(original: Original, self: Any, asked: str, system: str = "") -> Any:
    return original(self, f"{asked} {system}")


def parts_of_words(original: Original, keywords: Sequence[str]) -> Callable[[Any], int]:
    original(keywords)
    return lambda given: sum(keyword in given.text for keyword in keywords)


def graded_once(original: Original, count: int, *grades: tuple[int, float]) -> Any:
    return original(count, grades[0])


def with_the_usual_weights(original: Original, self: Any, settings: Any, default_model: str) -> None:
    original(self, msgspec.structs.replace(settings, dimension_weights=None), default_model)


def with_the_usual_words(original: Original, self: Any, settings: Any, default_model: str) -> None:
    original(self, msgspec.structs.replace(settings, code_keywords=(), simple_keywords=()), default_model)


def without_defaults(original: Original, self: Any, settings: Any, default_model: str) -> None:
    original(self, settings, default_model)
    self._default = "spare-group"


NEAREST = "proxy.autorouting.semantic.nearest"
SAID = "proxy.autorouting.semantic.said"
TIER = "proxy.autorouting.complexity.ComplexityRouter"
SABOTAGES = [
    Sabotage(
        name="every-route-passes",
        patches=[(NEAREST, without_thresholds)],
        trips=[
            "test_the_text_chooses_the_group[neither]",
            "test_routes_are_weighed[auto-strict-please write some python code-upstream-general]",
            "test_routes_are_weighed[auto-next-sun-upstream-code]",
            "test_fallbacks_are_those_of_the_auto_router",
        ],
    ),
    Sabotage(
        name="one-threshold-for-all",
        patches=[(NEAREST, with_one_threshold)],
        trips=[
            "test_routes_are_weighed[auto-strict-please write some python code-upstream-general]",
            "test_routes_are_weighed[auto-next-sun-upstream-code]",
        ],
    ),
    Sabotage(
        name="the-best-utterance-counts",
        patches=[(NEAREST, by_the_best)],
        trips=["test_routes_are_weighed[auto-mean-sun-upstream-weather]"],
    ),
    Sabotage(
        name="every-utterance-counts",
        patches=[(NEAREST, by_all)],
        trips=["test_routes_are_weighed[auto-five-sun-upstream-code]"],
    ),
    Sabotage(
        name="no-second-route",
        patches=[(NEAREST, by_the_first_alone)],
        trips=["test_routes_are_weighed[auto-next-sun-upstream-code]"],
    ),
    Sabotage(
        name="the-first-message-counts",
        patches=[(SAID, the_first_message)],
        trips=["test_only_the_last_message_counts"],
    ),
    Sabotage(name="prompts-say-nothing", patches=[(SAID, no_prompts)], trips=["test_a_text_completion"]),
    Sabotage(name="no-anthropic-format", patches=[(SAID, no_anthropic_messages)], trips=["test_anthropics_format"]),
    Sabotage(
        name="parts-say-nothing",
        patches=[("proxy.autorouting.texts._texts", no_parts)],
        trips=["test_a_message_in_parts"],
    ),
    Sabotage(
        name="embeds-utterances-again",
        patches=[("proxy.autorouting.semantic.Index.similarities", forgets_vectors)],
        trips=["test_utterances_are_embedded_once"],
    ),
    Sabotage(
        name="fails-with-the-embeddings",
        patches=[("proxy.autorouting.semantic.Index.similarities", fails_with_the_embeddings)],
        trips=["test_embeddings_that_fail"],
    ),
    Sabotage(
        name="embeddings-are-routed",
        patches=[("proxy.autorouting.semantic.SemanticRouter.choose", chooses_for_anything)],
        trips=["test_embeddings_choose_nothing"],
    ),
    Sabotage(
        name="fallbacks-of-the-chosen-group",
        patches=[("proxy.routing.fallbacks.FallbackLists.after", of_the_default_model)],
        trips=["test_fallbacks_are_those_of_the_auto_router"],
    ),
    Sabotage(
        name="does-not-tell-the-choice",
        patches=[("proxy.api.llm.answer_headers.of_answer", without_the_choice)],
        trips=["test_a_header_tells_the_choice"],
    ),
    Sabotage(
        name="tells-the-chosen-group-as-the-model-group",
        patches=[("proxy.api.llm.answer_headers.of_answer", as_the_chosen_group)],
        trips=[
            "test_the_text_chooses_the_group",
            "test_routes_are_weighed",
            "test_only_the_last_message_counts",
            "test_a_fallback_may_be_an_auto_router",
            "test_words_decide",
            "test_a_config_has_words_weights_and_boundaries_of_its_own",
            "test_what_the_system_is_told_counts",
            "test_the_system_is_no_reason_to_think",
            "test_the_last_question_of_the_user_counts",
            "test_tiers_without_a_model_are_the_default_models",
        ],
    ),
    Sabotage(
        name="does-not-look-at-the-system",
        patches=[(f"{TIER}.tier", without_the_system)],
        trips=["test_what_the_system_is_told_counts"],
    ),
    Sabotage(
        name="thinks-for-the-system",
        patches=[(f"{TIER}.tier", with_the_systems_reasons)],
        trips=["test_the_system_is_no_reason_to_think"],
    ),
    Sabotage(
        name="parts-of-words-are-words",
        patches=[("proxy.autorouting.complexity._counter", parts_of_words)],
        trips=[
            "test_words_decide[part-of-words]",
            "test_words_decide[one-word-of-code]",
            "test_words_decide[one-marker]",
            "test_words_decide[numbered]",
        ],
    ),
    Sabotage(
        name="one-word-is-enough",
        patches=[("proxy.autorouting.complexity._graded", graded_once)],
        trips=[
            "test_words_decide[short-code]",
            "test_words_decide[four-terms]",
            "test_words_decide[code-and-terms]",
            "test_words_decide[all-three]",
            "test_words_decide[long]",
            "test_a_config_has_words_weights_and_boundaries_of_its_own[two]",
            "test_what_the_system_is_told_counts",
            "test_tiers_without_a_model_are_the_default_models[one]",
        ],
    ),
    Sabotage(
        name="the-first-question-counts",
        patches=[("proxy.autorouting.complexity.said", the_first_message)],
        trips=["test_the_last_question_of_the_user_counts"],
    ),
    Sabotage(
        name="no-weights-of-its-own",
        patches=[(f"{TIER}.__init__", with_the_usual_weights)],
        trips=[
            "test_a_config_has_words_weights_and_boundaries_of_its_own[long]",
            "test_a_config_has_words_weights_and_boundaries_of_its_own[long-and-two]",
        ],
    ),
    Sabotage(
        name="no-words-of-its-own",
        patches=[(f"{TIER}.__init__", with_the_usual_words)],
        trips=[
            "test_a_config_has_words_weights_and_boundaries_of_its_own[one]",
            "test_a_config_has_words_weights_and_boundaries_of_its_own[two]",
            "test_a_config_has_words_weights_and_boundaries_of_its_own[not-of-the-list]",
            "test_a_config_has_words_weights_and_boundaries_of_its_own[long-and-two]",
        ],
    ),
    Sabotage(
        name="no-default-model",
        patches=[(f"{TIER}.__init__", without_defaults)],
        trips=["test_tiers_without_a_model_are_the_default_models[none]"],
    ),
]
