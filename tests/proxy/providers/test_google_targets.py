"""Where calls for Google go: hosts and paths that no client can change."""

import asyncio
from typing import Any

import pytest

from proxy.config.model import DeploymentParams
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.providers import vertex_ai
from proxy.providers.base import Attempt
from proxy.providers.gemini import provider as gemini
from proxy.providers.google.http import GENERATE, GENERATE_STREAM, Target
from proxy.providers.vertex_ai import provider as vertex


def attempt(provider: str, model: str, own: dict[str, str] | None = None, **params: Any) -> Attempt:
    deployment = Deployment("id", "group", provider, model, DeploymentParams(model=model, **params), {})
    return Attempt(deployment, "chat", {}, False, 1.0, None, credentials=own or {})


def studio(call: Attempt, method: str = GENERATE) -> Target:
    return asyncio.run(gemini.target_of(call, None, method))  # type: ignore[arg-type]


def cloud(monkeypatch: pytest.MonkeyPatch, call: Attempt, method: str = GENERATE) -> Target:
    async def token(*_: Any) -> tuple[str, str | None]:
        return "ya29", "own-project"

    monkeypatch.setattr(vertex_ai, "access_token", token)
    return asyncio.run(vertex.target_of(call, None, method))  # type: ignore[arg-type]


def test_a_model_that_a_client_names_stays_one_piece_of_the_path() -> None:
    target = studio(attempt("gemini", "../../v1/files?x=", api_base="https://h.test/v1beta", api_key="gm"))
    assert target.whole_url == "https://h.test/v1beta/models/..%2F..%2Fv1%2Ffiles%3Fx%3D:generateContent"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_model_that_leads_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(Failure, match="Invalid model name"):
        studio(attempt("gemini", name, api_base="https://h.test/v1beta", api_key="gm"))
    with pytest.raises(Failure, match="Invalid model name") as raised:
        cloud(monkeypatch, attempt("vertex_ai", f"gemini/{name}"))
    assert raised.value.status == 400


def test_the_key_goes_where_the_address_wants_it() -> None:
    assert studio(attempt("gemini", "m", api_key="g&m")).whole_url.endswith(
        "/v1beta/models/m:generateContent?key=g%26m"
    )
    own = studio(attempt("gemini", "m", api_key="gm", api_base="https://h.test"), GENERATE_STREAM)
    assert (own.query, own.auth) == ("alt=sse", {"x-goog-api-key": "gm"})


def test_the_clients_own_key_and_host() -> None:
    call = attempt("gemini", "m", {"api_key": "mine", "api_base": "https://mine.test"}, api_key="gm")
    target = studio(call)
    assert target.auth == {"x-goog-api-key": "mine"}
    assert target.url == "https://mine.test/models/m:generateContent"


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Failure, match=r"litellm_params\.api_key of model 'group'"):
        studio(attempt("gemini", "m"))


@pytest.mark.parametrize(
    ("other", "url"),
    [
        ({}, "https://us-central1-aiplatform.googleapis.com/v1/projects/own-project/locations/us-central1"),
        (
            {"vertex_project": "p/../q", "vertex_location": "global"},
            "https://aiplatform.googleapis.com/v1/projects/p%2F..%2Fq/locations/global",
        ),
    ],
)
def test_a_place(monkeypatch: pytest.MonkeyPatch, other: dict[str, str], url: str) -> None:
    target = cloud(monkeypatch, attempt("vertex_ai", "m", other=other))
    assert target.url == f"{url}/publishers/google/models/m:generateContent"
    assert target.auth == {"authorization": "Bearer ya29"}


def test_a_tuned_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cloud(monkeypatch, attempt("vertex_ai", "gemini/123")).url.endswith("/endpoints/123:generateContent")


@pytest.mark.parametrize("location", ["evil.test/", "us-central1.evil.test#", "US", "a" * 65])
def test_a_location_chooses_no_host(monkeypatch: pytest.MonkeyPatch, location: str) -> None:
    with pytest.raises(Failure, match="vertex_location"):
        cloud(monkeypatch, attempt("vertex_ai", "m", {"vertex_location": location}))
