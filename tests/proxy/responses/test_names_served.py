"""A name inside an id leads nowhere but to responses, whoever wrote it."""

import base64
from collections.abc import Iterator
from urllib.parse import unquote

import httpx
import pytest

from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    base = f"{upstream.url}/case/names"
    kept = deployment("kept", base)
    kept["litellm_params"]["model"] = "deepseek/kept"  # whose responses the gateway keeps
    config = {"model_list": [deployment("m", base, model="m"), kept], "general_settings": {"master_key": KEY}}
    with running(tmp_path_factory.mktemp("names"), config) as gateway:
        yield gateway


def asked(gateway: Gateway, name: str, end: str = "") -> httpx.Response:
    """What is answered about the response that a vendor calls so."""
    way = f"litellm:custom_llm_provider:openai;model_id:id-m;response_id:{name}"
    given = "resp_" + base64.b64encode(way.encode()).decode()
    method = "POST" if end == "/cancel" else "GET"
    return gateway.http.request(method, f"/v1/responses/{given.replace('/', '%2F')}{end}")


@pytest.mark.parametrize("end", ["", "/cancel", "/input_items"])
@pytest.mark.parametrize(
    "name", ["..", ".", "../files", "a/../../b", "a?b=c#d", "x\r\nhost: y", "%2e%2e", "a b\0", "..\\x", "ü"]
)
def test_names_stay_where_they_belong(upstream: UpstreamControl, gateway: Gateway, name: str, end: str) -> None:
    upstream.script("names", {"*": []})
    answer = asked(gateway, name, end)
    assert answer.status_code == 404
    assert upstream.journal("names") == []


def test_names_of_vendors_and_other_gateways(upstream: UpstreamControl, gateway: Gateway) -> None:
    upstream.script("names", {"*": []})
    for name in ("resp_1", "resp_1:m", "resp_a-b_c.d", "resp_aGk+aG8="):
        assert asked(gateway, name).status_code == 200
    paths = [call.path.rpartition("/")[2] for call in upstream.journal("names")]
    assert [unquote(path) for path in paths] == ["resp_1", "resp_1:m", "resp_a-b_c.d", "resp_aGk+aG8="]


def test_limits_of_input_items(upstream: UpstreamControl, gateway: Gateway) -> None:
    upstream.script("names", {"*": []})
    texts = [{"role": "user", "content": str(number)} for number in range(3)]
    made = gateway.http.post("/v1/responses", json={"model": "kept", "input": texts}).json()
    for limit, expected in (("1", 1), ("100", 3), (None, 3)):
        answer = gateway.http.get(f"/v1/responses/{made['id']}/input_items", params={"limit": limit} if limit else {})
        assert (answer.status_code, len(answer.json()["data"])) == (200, expected)
    for limit in ("0", "101", "9" * 5000, "-1", "x", "٣"):
        answer = gateway.http.get(f"/v1/responses/{made['id']}/input_items", params={"limit": limit})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "limit"
