"""A1: Vertex AI, whose project and location are the credentials', whatever the path says."""

from typing import Any

import pytest

from contracts.harness.case import Case
from contracts.harness.mark import contract
from fixtures.replies import ok

pytestmark = contract("A1", config="A1/vertex.yaml")

OWN_HEADERS = ["x-litellm-call-id", "x-litellm-model-api-base", "x-litellm-key-spend"]
ASKED: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
PLACE = "projects/proj-1/locations/us-central1"


@pytest.mark.parametrize("path", ["/vertex-ai", "/vertex_ai"])
def test_the_projects_place_is_the_credentials(case: Case, path: str) -> None:
    case.script({"gemini-pass": [ok("hello")]})
    rest = "v1/projects/theirs/locations/asia-east1/publishers/google/models/gemini-pass:generateContent"
    answer = case.post(f"{path}/{rest}", ASKED, headers={"anthropic-beta": "one", "x-other": "two"})
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert answer.json["candidates"][0]["content"]["parts"] == [{"text": "hello"}]
    [call] = case.journal()
    assert call.entry["host"] == "us-central1-aiplatform.googleapis.com"
    assert call.path == f"/v1/{PLACE}/publishers/google/models/gemini-pass:generateContent"
    assert call.headers["authorization"] == "Bearer ya29.up1"
    assert call.headers["anthropic-beta"] == "one"
    assert "x-other" not in call.headers
    assert call.body == ASKED


@pytest.mark.parametrize(
    ("rest", "full"),
    [
        (
            "publishers/google/models/gemini-short:generateContent",
            "v1/{}/publishers/google/models/gemini-short:generateContent",
        ),
        (
            "v1beta1/publishers/google/models/gemini-short:generateContent",
            "v1beta1/{}/publishers/google/models/gemini-short:generateContent",
        ),
    ],
)
def test_short_paths(case: Case, rest: str, full: str) -> None:
    case.script({"gemini-short": [ok("hello")]})
    answer = case.post(f"/vertex_ai/{rest}", ASKED)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert case.journal().paths == [f"/{full.format(PLACE)}"]


def test_a_stream_is_one_of_events(case: Case) -> None:
    case.script({"gemini-stream": [ok(["one ", "two"])]})
    answer = case.post(
        "/vertex_ai/v1/projects/theirs/locations/asia-east1/publishers/google/models/gemini-stream:streamGenerateContent?alt=sse",
        ASKED,
    )
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert [event["candidates"][0]["content"]["parts"][0]["text"] for event in answer.events] == ["one ", "two", ""]
    assert case.journal()[0].query == {"alt": "sse"}


def test_a_stream_that_names_no_form(case: Case) -> None:
    case.script({"gemini-unformed": [ok(["one ", "two"])]})
    answer = case.post("/vertex_ai/publishers/google/models/gemini-unformed:streamGenerateContent", ASKED)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert isinstance(answer.json, list)
    assert case.journal()[0].query == {}


def test_a_model_of_the_config(case: Case) -> None:
    case.script({"gemini-2.5-flash": [ok("hello")]})
    rest = "v1/projects/theirs/locations/asia-east1/publishers/google/models/vertex-group:generateContent"
    answer = case.post(f"/vertex_ai/{rest}", ASKED)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    [call] = case.journal()
    assert call.entry["host"] == "europe-west1-aiplatform.googleapis.com"
    assert call.path.startswith("/v1/projects/proj-2/locations/europe-west1/publishers/google/models/gemini-2.5-flash:")


def test_the_key_in_a_header_of_the_gateway(case: Case) -> None:
    case.script({"gemini-keyed": [ok("hello")]})
    answer = case.post(
        "/vertex_ai/publishers/google/models/gemini-keyed:generateContent",
        ASKED,
        key=None,
        headers={"x-litellm-api-key": "Bearer sk-1234", "authorization": "Bearer something-else"},
    )
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert case.journal()[0].headers["authorization"] == "Bearer ya29.up1"


def test_discovery_engine(case: Case) -> None:
    case.script({"gemini-found": [ok("hello")]})
    rest = "v1/projects/theirs/locations/global/models/gemini-found:generateContent"
    answer = case.post(f"/vertex_ai/discovery/{rest}", ASKED)
    case.assert_same_as_recorded(headers=OWN_HEADERS)
    assert answer.status == 200
    assert case.journal()[0].entry["host"] == "discoveryengine.googleapis.com"


def test_a_key_is_needed(case: Case) -> None:
    answer = case.post("/vertex_ai/publishers/google/models/gemini-pass:generateContent", ASKED, key=None)
    case.assert_same_as_recorded()
    assert answer.status == 401
