"""Tiers by how hard a question looks: words and lengths are weighed, nobody is asked (B.md, B4).

Names, defaults and weights of the settings are the reference's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from proxy.autorouting.texts import SAYING, said
from proxy.call import Body
from proxy.routing.choosing import Embed

Tier = Literal["SIMPLE", "MEDIUM", "COMPLEX", "REASONING"]
Name = Annotated[str, msgspec.Meta(min_length=1)]

WEIGHED = 20_000
"""Characters in which words are looked for: 3 ms; all of them would hold up other calls."""
CHARACTERS = 4
"""Of a token, about."""
CODE = """
    function, class, def, const, let, var, import, export, return, async, await, try, catch, exception, error, debug, api,
    endpoint, request, response, database, sql, query, schema, algorithm, implement, refactor, optimize, python, javascript,
    typescript, java, rust, golang, react, vue, angular, node, docker, kubernetes, git, commit, merge, branch, pull request
"""
TECHNICAL = """
    architecture, distributed, scalable, microservice, machine learning, neural network, deep learning, encryption,
    authentication, authorization, performance, latency, throughput, benchmark, concurrency, parallel, threading, memory,
    cpu, gpu, optimization, protocol, tcp, http, grpc, websocket, container, orchestration
"""
SIMPLE = """
    what is, what's, define, definition of, who is, who was, when did, when was, where is, where was, how many, how much,
    yes or no, true or false, simple, brief, short, quick, hello, hi, hey, thanks, thank you, goodbye, bye, okay
"""
REASONING = """
    step by step, think through, let's think, reason through, analyze this, break down, explain your reasoning,
    show your work, chain of thought, think carefully, consider all, evaluate, pros and cons, compare and contrast,
    weigh the options, logical, deduce, infer, conclude
"""
TIERS: Mapping[Tier, str] = {
    "SIMPLE": "gpt-4o-mini",
    "MEDIUM": "gpt-4o",
    "COMPLEX": "claude-sonnet-4-20250514",
    "REASONING": "claude-sonnet-4-20250514",
}
WEIGHTS: Mapping[str, float] = {
    "tokenCount": 0.10,
    "codePresence": 0.30,
    "reasoningMarkers": 0.25,
    "technicalTerms": 0.25,
    "simpleIndicators": 0.05,
    "multiStepPatterns": 0.03,
    "questionComplexity": 0.02,
}
BOUNDARIES: tuple[tuple[str, float, Tier], ...] = (
    ("simple_medium", 0.15, "SIMPLE"),
    ("medium_complex", 0.35, "MEDIUM"),
    ("complex_reasoning", 0.60, "COMPLEX"),
)
"""Name, default, and the tier of what is below."""
_in_steps = re.compile(r"step\s*\d|\d\.\s|[a-z]\)\s")
_word = re.compile(r"\w+")


class Settings(msgspec.Struct, frozen=True):
    """``complexity_router_config``. A setting that is not given has the reference's default."""

    tiers: dict[Tier, Name] = msgspec.field(default_factory=lambda: dict(TIERS))
    default_model: Name | None = None
    tier_boundaries: dict[str, float] = {}
    token_thresholds: dict[str, float] = {}
    dimension_weights: dict[str, float] | None = None
    code_keywords: Sequence[Name] = ()
    technical_keywords: Sequence[Name] = ()
    simple_keywords: Sequence[Name] = ()
    reasoning_keywords: Sequence[Name] = ()


class ComplexityRouter:
    """One ``auto_router/complexity_router`` deployment.

    Args:
        default_model: for tiers without a model.
    """

    def __init__(self, settings: Settings, default_model: str) -> None:
        self._tiers = settings.tiers
        self._default = default_model
        self._weights = WEIGHTS if settings.dimension_weights is None else settings.dimension_weights
        self._bounds = settings.tier_boundaries
        self._short = settings.token_thresholds.get("simple", 15)
        self._long = settings.token_thresholds.get("complex", 400)
        self._code = _counter(settings.code_keywords or _listed(CODE))
        self._technical = _counter(settings.technical_keywords or _listed(TECHNICAL))
        self._simple = _counter(settings.simple_keywords or _listed(SIMPLE))
        self._reasoning = _counter(settings.reasoning_keywords or _listed(REASONING))

    @property
    def targets(self) -> tuple[str, ...]:
        """The models of its tiers, and the default model."""
        return (*self._tiers.values(), self._default)

    async def choose(self, endpoint: str, body: Body, embed: Embed) -> str | None:  # noqa: ARG002
        """The group for what the user said last; the default model when nobody said anything."""
        if endpoint not in SAYING:
            return None
        asked = system = ""
        for message in said(endpoint, body):
            if message.role == "user" and not asked:
                asked = message.text
            elif message.role == "system" and not system:
                system = message.text
        return self._tiers.get(self.tier(asked, system), self._default) if asked else self._default

    def tier(self, asked: str, system: str = "") -> Tier:
        """How hard the user's question looks; what the system is told counts too, but not as a reason to think."""
        question = _Text(asked[:WEIGHED].lower())
        everything = _Text(f"{system[:WEIGHED]} {asked[:WEIGHED]}".lower()) if system else question
        reasons = self._reasoning(question)
        if reasons >= 2:
            return "REASONING"
        tokens = len(asked) // CHARACTERS
        dimensions = {
            "tokenCount": -1 if tokens < self._short else 1 if tokens > self._long else 0,
            "codePresence": _graded(self._code(everything), (1, 0.5), (2, 1)),
            "reasoningMarkers": _graded(reasons, (1, 0.7)),
            "technicalTerms": _graded(self._technical(everything), (2, 0.5), (4, 1)),
            "simpleIndicators": _graded(self._simple(everything), (1, -1)),
            "multiStepPatterns": 0.5 if _has_steps(everything.text) else 0,
            "questionComplexity": 0.5 if asked.count("?") > 3 else 0,
        }
        score = sum(value * self._weights.get(name, 0) for name, value in dimensions.items())
        for name, default, tier in BOUNDARIES:
            if score < self._bounds.get(name, default):
                return tier
        return "REASONING"


def _graded(count: int, *grades: tuple[int, float]) -> float:
    """The value of the highest grade that ``count`` reaches, of ``(least count, value)`` in order; else 0."""
    return next((value for least, value in reversed(grades) if count >= least), 0)


def _has_steps(text: str) -> bool:
    """Whether something is numbered, or comes first and something else then, in one line."""
    for line in text.splitlines():
        first = line.find("first")
        if first >= 0 and line.find("then", first + len("first")) >= 0:
            return True
    return _in_steps.search(text) is not None


def _listed(keywords: str) -> list[str]:
    return [" ".join(keyword.split()) for keyword in keywords.split(",")]


class _Text:
    """A text of small letters, and the words in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = frozenset(_word.findall(text))


def _counter(keywords: Sequence[str]) -> Callable[[_Text], int]:
    """Tells how many of the keywords are in a text: single words as words, phrases anywhere."""
    lowered = {keyword.lower() for keyword in keywords}
    words = {keyword for keyword in lowered if _word.fullmatch(keyword)}
    phrases = [keyword for keyword in lowered if " " in keyword]
    others = [re.compile(rf"\b{re.escape(keyword)}\b") for keyword in lowered.difference(words, phrases)]

    def count(given: _Text) -> int:
        found = sum(phrase in given.text for phrase in phrases) + sum(bool(o.search(given.text)) for o in others)
        return found + len(words & given.words)

    return count
