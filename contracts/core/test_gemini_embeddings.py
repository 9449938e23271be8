"""Embeddings of Gemini and of Vertex AI."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.exchange import Exchange
from contracts.harness.mark import contract

pytestmark = contract("core", config="google/gemini.yaml")

MODEL = "models/gemini-embedding-001"


def asked(said: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "content": {"parts": [{"text": said}]}, **more}


CALLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "dimensions": ({"dimensions": 3}, {"outputDimensionality": 3}),
    "task": ({"task_type": "RETRIEVAL_DOCUMENT", "title": "x"}, {"task_type": "RETRIEVAL_DOCUMENT", "title": "x"}),
    "input-type": (
        {"input_type": "RETRIEVAL_QUERY"},
        {"input_type": "RETRIEVAL_QUERY", "task_type": "RETRIEVAL_QUERY"},
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_embedding(case: Case, call: str) -> None:
    given, expected = CALLS[call]
    case.script({"gemini-embedding-001": []})
    answer = case.embed("gem-embed", **given)
    case.assert_same_as_recorded()
    assert answer.json["data"][0]["embedding"] == [0.1, -0.2, 0.3]
    [received] = case.journal()
    assert received.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
    assert received.body == {"requests": [asked("hello", **expected)]}


def test_several_embeddings(case: Case) -> None:
    case.script({"gemini-embedding-001": []})
    answer = case.embed("gem-embed", input=["hi", "you"])
    assert case.journal().bodies == [{"requests": [asked("hi"), asked("you")]}]

    def as_recorded(answer: Exchange) -> None:
        assert [one["index"] for one in answer.json["data"]] == [0, 0]

    def required(answer: Exchange) -> None:
        assert [one["index"] for one in answer.json["data"]] == [0, 1]

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_an_embedding_of_a_user(case: Case) -> None:
    case.script({"gemini-embedding-001": []})
    answer = case.embed("gem-embed", user="anna")
    case.assert_same_as_recorded()
    assert answer.status == 400
    assert "'user'" in answer.json["error"]["message"]


@pytest.mark.parametrize("form", ["base64", "float"])
def test_the_form_that_openais_client_asks_for(case: Case, form: str) -> None:
    case.script({"gemini-embedding-001": []})
    answer = case.embed("gem-embed", encoding_format=form)

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 400

    def required(answer: Exchange) -> None:
        assert answer.status == 200
        vector = answer.json["data"][0]["embedding"]
        assert vector == ("zczMPc3MTL6amZk+" if form == "base64" else [0.1, -0.2, 0.3])

    case.deviates(answer, as_recorded=as_recorded, required=required)


def test_tokens_in_place_of_texts(case: Case) -> None:
    case.script({"gemini-embedding-001": []})
    answer = case.embed("gem-embed", input=[1, 2])

    def as_recorded(answer: Exchange) -> None:
        assert answer.status == 500

    def required(answer: Exchange) -> None:
        assert answer.status == 400
        assert len(case.journal()) == 0

    case.deviates(answer, as_recorded=as_recorded, required=required)
    case.wait(1.1)


def test_googles_own_address(case: Case) -> None:
    case.script({"text-embedding-004": []})
    answer = case.embed("gem-embed-google")
    case.assert_same_as_recorded()
    assert answer.status == 200
    [received] = case.journal()
    assert received.entry["query"] == {"key": "gm-up"}
    assert received.path == "/v1beta/models/text-embedding-004:batchEmbedContents"


@contract("core", config="google/vertex.yaml")
@pytest.mark.parametrize("call", CALLS)
def test_an_embedding_of_vertex(case: Case, call: str) -> None:
    given, expected = CALLS[call]
    case.script({"text-embedding-005": []})
    answer = case.embed("vertex-embed", input=["hi", "you"], **given)
    case.assert_same_as_recorded()
    assert [one["index"] for one in answer.json["data"]] == [0, 1]
    assert answer.json["usage"]["prompt_tokens"] == 8
    [received] = case.journal()
    assert received.path.endswith("/publishers/google/models/text-embedding-005:predict")
    assert received.body["parameters"] == expected
