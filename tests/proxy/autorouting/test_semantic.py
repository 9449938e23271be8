"""Routes by meaning, with an encoder that is told its vectors."""

import asyncio
import gc
import json
import logging
from collections.abc import Sequence
from weakref import WeakValueDictionary

import msgspec
import pytest

from proxy.autorouting import semantic
from proxy.autorouting.semantic import Route, SemanticRouter, nearest
from proxy.call import Body
from proxy.errors import Failure
from tests.proxy.routing.making import deployment

VECTORS = {
    "north": [0.0, 1.0],
    "up": [0.0, 2.0],
    "east": [1.0, 0.0],
    "right": [3.0, 0.0],
    "between": [1.0, 1.1],
    "down": [0.0, -1.0],
    "nothing": [0.0, 0.0],
}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of other tests are not there."""
    monkeypatch.setattr(semantic, "_indexes", WeakValueDictionary())


class Encoder:
    """Counts what it is asked, and fails as it is told."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.fails = False
        self.gate: asyncio.Event | None = None

    async def __call__(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        self.asked.append(list(texts))
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        if self.fails:
            raise Failure(500, "the vendor is away", kind="server")
        return [VECTORS.get(text, [1.0, 1.0]) for text in texts]


def router(
    *routes: Route, model: str = "embedding", api_base: str = "http://a", name: str = "auto", key: str = "k"
) -> SemanticRouter:
    chosen = routes or (Route("n", ("up", "north")), Route("e", ("east", "right")))
    return SemanticRouter(name, chosen, "default", model, [deployment(model, "e-1", api_base=api_base, api_key=key)])


def body(text: str) -> Body:
    return {"messages": msgspec.Raw(json.dumps([{"role": "user", "content": text}]).encode())}


async def choice(auto: SemanticRouter, text: str, encoder: Encoder) -> str | None:
    return await auto.choose("chat", body(text), encoder)


def chosen(auto: SemanticRouter, text: str, encoder: Encoder | None = None) -> str | None:
    return asyncio.run(choice(auto, text, encoder or Encoder()))


@pytest.mark.parametrize(
    ("text", "group"),
    [("up", "n"), ("right", "e"), ("between", "n"), ("down", "default"), ("nothing", "default"), ("  ", "default")],
)
def test_the_nearest_route_is_chosen(text: str, group: str) -> None:
    assert chosen(router(), text) == group


def test_a_blank_text_asks_nobody() -> None:
    encoder = Encoder()
    chosen(router(), " \n", encoder)
    assert encoder.asked == []


def test_embeddings_choose_nothing() -> None:
    raw = {"input": msgspec.Raw(b'"up"')}
    assert asyncio.run(router().choose("embeddings", raw, Encoder())) is None


@pytest.mark.parametrize(
    ("similarities", "thresholds", "group"),
    [
        ([0.9, 0.1, 0.6], {"a": 0.3, "b": 0.3}, "b"),  # the mean of a is 0.5
        ([0.9, 0.1, 0.6], {"a": 0.3, "b": 0.7}, "a"),  # the next that passes
        ([0.9, 0.1, 0.6], {"a": 0.6, "b": 0.7}, None),
        ([-0.9, -0.9, -0.8], {"a": 0.3, "b": 0.0}, "b"),  # 0 always passes
        ([0.5, 0.5, 0.1], {"a": 0.5, "b": 0.3}, "a"),  # a threshold that is just reached
    ],
)
def test_means_and_thresholds(similarities: list[float], thresholds: dict[str, float], group: str | None) -> None:
    assert nearest(["a", "a", "b"], similarities, thresholds) == group


def test_only_the_five_nearest_count() -> None:
    similarities = [0.9, 0.8, 0.7, 0.6, 0.5, 0.1]
    assert nearest(["a"] * 5 + ["b"], similarities, {"a": 0.7, "b": 0.0}) == "a"
    assert nearest(["a"] * 6, similarities, {"a": 0.65}) == "a"
    assert nearest(["a"] * 6, similarities, {"a": 0.71}) is None


def test_utterances_are_embedded_once_in_a_fixed_order() -> None:
    encoder, auto = Encoder(), router(Route("n", ("up", "north", "up")), Route("e", ("east",)))

    async def several() -> None:
        await asyncio.gather(*(choice(auto, text, encoder) for text in ("up", "right", "east")))
        await choice(auto, "down", encoder)

    asyncio.run(several())
    assert encoder.asked == [["north", "up", "east"], ["up"], ["right"], ["east"], ["down"]]


def test_many_utterances_are_embedded_in_batches() -> None:
    encoder, auto = Encoder(), router(Route("n", tuple(map(str, range(200)))))
    chosen(auto, "up", encoder)
    assert [len(asked) for asked in encoder.asked] == [96, 96, 8, 1]


def test_a_failure_goes_to_the_default_model_and_is_not_kept(caplog: pytest.LogCaptureFixture) -> None:
    encoder, auto = Encoder(), router(name="told")

    async def failing() -> list[str | None]:
        encoder.fails = True
        away = await asyncio.gather(*(choice(auto, "up", encoder) for _ in range(3)))
        encoder.fails = False
        return [*away, await choice(auto, "up", encoder)]

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(failing()) == ["default", "default", "default", "n"]
    assert [asked for asked in encoder.asked if len(asked) > 1] == [encoder.asked[0]] * 2  # one flight each time
    assert [record.getMessage() for record in caplog.records] == [
        "auto router told goes to default, since embeddings fail: the vendor is away",
        "auto router told has embeddings again",
    ]


def test_who_waits_too_long_goes_to_the_default_model_while_the_vectors_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(semantic, "SECONDS", 0.05)
    encoder, auto = Encoder(), router()

    async def slow() -> list[str | None]:
        encoder.gate = asyncio.Event()
        first = await choice(auto, "up", encoder)
        encoder.gate.set()
        return [first, await choice(auto, "up", encoder)]

    assert asyncio.run(slow()) == ["default", "n"]
    assert encoder.asked == [["north", "up", "east", "right"], ["up"]]


def test_a_caller_that_goes_away_takes_nobody_along() -> None:
    encoder, auto = Encoder(), router()

    async def leaving() -> str | None:
        encoder.gate = asyncio.Event()
        gone, stays = (asyncio.create_task(choice(auto, "up", encoder)) for _ in range(2))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        encoder.gate.set()
        return await stays

    assert asyncio.run(leaving()) == "n"


def test_a_model_that_changes_its_mind_about_lengths() -> None:
    class Growing(Encoder):
        async def __call__(self, model: str, texts: Sequence[str]) -> list[list[float]]:
            await super().__call__(model, texts)
            return [[1.0] * (1 + len(self.asked)) for _ in texts]

    class Uneven(Encoder):
        async def __call__(self, model: str, texts: Sequence[str]) -> list[list[float]]:
            return [[1.0] * (1 + place) for place, _ in enumerate(texts)]

    assert chosen(router(), "up", Growing()) == "default"
    assert chosen(router(), "up", Uneven()) == "default"


def test_vectors_outlive_a_reload_that_does_not_touch_them() -> None:
    encoder, before = Encoder(), router()

    async def reloading() -> int:
        await choice(before, "up", encoder)
        for after in (router(key="rotated"), router(Route("n", ("north", "up")), Route("e", ("right", "east"), 0.9))):
            await choice(after, "up", encoder)
        return len(encoder.asked)

    assert asyncio.run(reloading()) == 4


@pytest.mark.parametrize("changed", [{"model": "other"}, {"api_base": "http://b"}])
def test_another_embedding_model_is_asked_anew(changed: dict[str, str]) -> None:
    encoder, before = Encoder(), router()

    async def reloading() -> None:
        await choice(before, "up", encoder)
        await choice(router(**changed), "up", encoder)  # type: ignore[arg-type]

    asyncio.run(reloading())
    assert len(encoder.asked) == 4


def test_vectors_that_no_router_needs_are_forgotten() -> None:
    auto = router()
    chosen(auto, "up")
    assert len(semantic._indexes) == 1
    del auto
    gc.collect()
    assert len(semantic._indexes) == 0
