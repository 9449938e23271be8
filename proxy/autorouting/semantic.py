"""Routes by meaning: the model group whose example utterances are nearest to what a call says (B.md, B4).

The vectors of utterances are asked for once and kept as long as some snapshot has a router with the same utterances and
the same embedding model. numpy compares them: 300 vectors of 1536 numbers take 0.03 ms (Python itself: 10 ms; measured).
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from weakref import WeakValueDictionary

import msgspec
import numpy as np

from proxy.autorouting.texts import SAYING, said
from proxy.call import Body
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.routing.choosing import Embed

log = logging.getLogger(__name__)

TOP = 5
"""Utterances that count: the nearest, whatever their routes."""
THRESHOLD = 0.3
"""Of routes without one of their own."""
SECONDS = 5.0
"""How long a call waits for embeddings before it goes to the default model."""
BATCH = 96
"""Texts embedded at once: the fewest that a common vendor takes (Cohere)."""

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Route(msgspec.Struct, frozen=True):
    """A model group, and what is said to it."""

    name: Text
    utterances: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    score_threshold: Annotated[float, msgspec.Meta(ge=-1, le=1)] | None = None
    """The least mean similarity (cosine); 0: any will do, as in the reference."""


class Routes(msgspec.Struct, frozen=True):
    """``auto_router_config``, or the file. What else the reference's files hold (an encoder of their own) is not used."""

    routes: Annotated[tuple[Route, ...], msgspec.Meta(min_length=1)]


class Index:
    """The vectors of texts, once they are there."""

    def __init__(self, texts: Sequence[str], model: str) -> None:
        self._texts = texts
        self._model = model
        self._units: np.ndarray[Any, np.dtype[np.float64]] | None = None
        self._asking: asyncio.Task[None] | None = None

    async def similarities(self, text: str, embed: Embed) -> list[float]:
        """The cosine of each text and ``text``, in order.

        Callers that come while the vectors are asked for share the answer; a failure is everybody's who waits, and the next
        caller asks again.

        Raises:
            Failure: the texts cannot be embedded.
        """
        if self._units is None:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask(embed))
                self._asking.add_done_callback(self._asked)
            await asyncio.shield(self._asking)
        assert self._units is not None
        (asked,) = _units(await embed(self._model, [text]))
        if len(asked) != self._units.shape[1]:
            raise _unusable(self._model, "has another length than it had")
        return [float(cosine) for cosine in self._units @ asked]

    async def _ask(self, embed: Embed) -> None:
        vectors: list[list[float]] = []
        for start in range(0, len(self._texts), BATCH):
            vectors += await embed(self._model, self._texts[start : start + BATCH])
        if len({len(vector) for vector in vectors}) != 1:
            raise _unusable(self._model, "is not always of the same length")
        self._units = _units(vectors)

    def _asked(self, task: asyncio.Task[None]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # whoever waited has seen it


_indexes: WeakValueDictionary[str, Index] = WeakValueDictionary()


def _index(texts: Sequence[str], model: str, members: Sequence[Deployment]) -> Index:
    """The one of the last config, if it is about the same texts and the same model."""
    asked = [(d.provider, d.model, d.params.api_base, d.params.request, d.params.extra_body) for d in members]
    key = hashlib.sha256(msgspec.json.encode((model, asked, texts), order="deterministic")).hexdigest()
    index = _indexes.get(key)
    if index is None:
        index = _indexes[key] = Index(texts, model)
    return index


class SemanticRouter:
    """One ``auto_router/...`` deployment.

    Args:
        name: its model group, for the log.
        members: of the group ``embedding_model``; a change of what they are makes the vectors be asked for anew.
    """

    def __init__(
        self,
        name: str,
        routes: Sequence[Route],
        default_model: str,
        embedding_model: str,
        members: Sequence[Deployment],
    ) -> None:
        self._name = name
        self._default = default_model
        self._away = False
        """Whether embeddings failed the last time: told once, not for every call."""
        self._thresholds = {
            route.name: THRESHOLD if route.score_threshold is None else route.score_threshold for route in routes
        }
        told = [(route.name, utterance) for route in routes for utterance in sorted(set(route.utterances))]
        self._routes = [name for name, _ in told]
        self._index = _index([utterance for _, utterance in told], embedding_model, members)

    @property
    def targets(self) -> tuple[str, ...]:
        """Its routes, and the default model."""
        return (*self._thresholds, self._default)

    async def choose(self, endpoint: str, body: Body, embed: Embed) -> str | None:
        """The group for the last message; the default model where it says nothing, or embeddings fail."""
        if endpoint not in SAYING:
            return None
        message = next(said(endpoint, body), None)
        text = "" if message is None else message.text
        if not text.strip():
            return self._default
        try:
            async with asyncio.timeout(SECONDS):
                similarities = await self._index.similarities(text, embed)
        except (Failure, TimeoutError) as error:
            if not self._away:
                told = f"no answer in {SECONDS:g} s" if isinstance(error, TimeoutError) else error
                log.warning("auto router %s goes to %s, since embeddings fail: %s", self._name, self._default, told)
            self._away = True
            return self._default
        if self._away:
            log.warning("auto router %s has embeddings again", self._name)
            self._away = False
        route = nearest(self._routes, similarities, self._thresholds)
        log.debug("auto router %s chose %s", self._name, route)
        return self._default if route is None else route


def nearest(routes: Sequence[str], similarities: Sequence[float], thresholds: Mapping[str, float]) -> str | None:
    """The route whose utterances among the five nearest have the best mean, of those that reach their threshold.

    Args:
        routes: of each utterance.
        similarities: of each utterance to the text.
    """
    best = sorted(range(len(routes)), key=lambda place: -similarities[place])[:TOP]
    scores: dict[str, list[float]] = {}
    for place in best:
        scores.setdefault(routes[place], []).append(similarities[place])
    means = {route: sum(values) / len(values) for route, values in scores.items()}
    for route in sorted(means, key=lambda route: -means[route]):
        if not thresholds[route] or means[route] >= thresholds[route]:
            return route
    return None


def _units(vectors: Sequence[Sequence[float]]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """The vectors at length 1, one a row; a vector of zeros is near nothing."""
    rows = np.asarray(vectors, dtype=np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths == 0, 1.0, lengths)


def _unusable(model: str, problem: str) -> Failure:
    return Failure(500, f"an embedding of {model!r} {problem}", kind="other")
