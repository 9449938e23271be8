"""Batches that would go to a vendor as they came, of callers for whom it matters what is in them."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from fixtures.running import UpstreamControl
from proxy.api.admitting import check_uncounted
from proxy.call import Call, Identity
from proxy.errors import GatewayError
from proxy.limits.limiter import Limiter
from proxy.passthrough.endpoints import endpoint_routes
from proxy.passthrough.routes import Found
from proxy.rates import Rate, Rates
from proxy.snapshot import Snapshot
from proxy.state.memory import MemoryState
from tests.gateways import KEY, Gateway, running

PATHS = [
    "/openai_passthrough/v1/batches",
    "/openai_passthrough/v1/batches/",
    "/openai_passthrough/v1/%62atches",
    "/openai_passthrough/batches",
    "/azure/openai/Batches",
    "/anthropic/v1/messages/batches",
    "/mistral/v1/batch/jobs",
    "/gemini/v1beta/models/gemini-2.5-pro:batchGenerateContent",
]
SMALL = {"rpm_limit": 100}


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("passed-batches")
    vendors = ("OPENAI", "AZURE", "ANTHROPIC", "MISTRAL", "GEMINI")
    environment = {f"{name}_API_BASE": f"{upstream.url}/case/passed-batches" for name in vendors}
    config = {
        "model_list": [],
        "environment_variables": environment | {f"{name}_API_KEY": "sk-up" for name in vendors},
        "general_settings": {
            "master_key": KEY,
            "database_url": f"sqlite:///{folder}/keys.db",
            "pass_through_endpoints": [{"path": "/ours", "target": f"{upstream.url}/case/passed-batches"}],
        },
    }
    with running(folder, config) as started:
        yield started


def passed(gateway: Gateway, upstream: UpstreamControl, path: str, method: str = "POST", **key: Any) -> httpx.Response:
    """The answer, and that the vendor was only asked if it is not a refusal."""
    upstream.script("passed-batches", {})
    made = gateway.http.post("/key/generate", json={"allowed_passthrough_routes": ["/ours/*"], **key})
    assert made.status_code == 200, made.text
    said = made.json()["key"]
    headers = {"x-goog-api-key": said} if path.startswith("/gemini") else {"authorization": f"Bearer {said}"}
    body = {} if method == "GET" else {"json": {"input_file_id": "file-1"}}
    answer = gateway.http.request(method, path, headers=headers, **body)
    assert (answer.status_code != 403) == bool(upstream.journal("passed-batches"))
    return answer


@pytest.mark.parametrize("path", PATHS)
def test_a_caller_with_limits_is_told_where_to_go(gateway: Gateway, upstream: UpstreamControl, path: str) -> None:
    answer = passed(gateway, upstream, path, **SMALL)
    assert answer.status_code == 403
    assert "/v1/batches" in answer.json()["error"]["message"]
    assert passed(gateway, upstream, path).status_code != 403


@pytest.mark.parametrize(
    "key",
    [{"tpm_limit": 9}, {"models": ["m"]}, {"model_max_budget": {"m": {"budget_limit": 1, "time_period": "1d"}}}],
    ids=["tokens", "models", "budgets"],
)
def test_whatever_a_batch_may_not_pass(gateway: Gateway, upstream: UpstreamControl, key: dict[str, Any]) -> None:
    answer = passed(gateway, upstream, PATHS[0], **key)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "method", "key"),
    [
        (PATHS[0], "GET", SMALL),
        (f"{PATHS[0]}/batch_1/cancel", "POST", SMALL),
        ("/openai_passthrough/v1/files", "POST", SMALL),
        (PATHS[0], "POST", {"max_parallel_requests": 5}),
        ("/ours/batches", "POST", SMALL),
    ],
    ids=["asked", "cancelled", "files", "parallel", "ours"],
)
def test_what_is_passed_as_ever(
    gateway: Gateway, upstream: UpstreamControl, path: str, method: str, key: dict[str, Any]
) -> None:
    assert passed(gateway, upstream, path, method, **key).status_code != 403


@pytest.mark.parametrize(
    ("target", "rest", "refused"),
    [
        ("https://api.openai.com/v1", "batches", True),
        ("https://api.openai.com/v1", "%62atches", True),
        ("https://api.openai.com/v1/batches", "", True),
        ("https://api.openai.com/v1", "files", False),
        ("https://jobs.internal/v1", "batches", False),
    ],
)
def test_routes_of_ones_own_to_a_vendor(target: str, rest: str, refused: bool) -> None:
    [route] = endpoint_routes([{"path": "/own", "target": target}])
    snapshot = SimpleNamespace(admission=None)
    call = Call(cast(Snapshot, snapshot), route.name, {})
    call.path, call.identity = f"/own/{rest}", Identity(rates=Rates((Rate("api_key", "key", requests=9),)))
    try:
        check_uncounted(call, Found(route, rest), "POST", Limiter(MemoryState()))
    except GatewayError as error:
        assert (refused, error.status) == (True, 403)
    else:
        assert not refused
