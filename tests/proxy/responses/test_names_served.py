"""A name inside an id leads nowhere but to responses, whoever wrote it."""

import base64
from collections.abc import Iterator

import pytest

from fixtures.running import UpstreamControl
from tests.gateways import KEY, Gateway, deployment, running


@pytest.fixture(scope="module")
def gateway(upstream: UpstreamControl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    base = f"{upstream.url}/case/names"
    config = {"model_list": [deployment("m", base, model="m")], "general_settings": {"master_key": KEY}}
    with running(tmp_path_factory.mktemp("names"), config) as gateway:
        yield gateway


@pytest.mark.parametrize("end", ["", "/cancel", "/input_items"])
@pytest.mark.parametrize("name", ["..", ".", "../files", "a/../../b", "a?b=c#d", "x\r\nhost: y", "%2e%2e", "a b\0"])
def test_names_stay_where_they_belong(upstream: UpstreamControl, gateway: Gateway, name: str, end: str) -> None:
    upstream.script("names", {"*": []})
    way = f"litellm:custom_llm_provider:openai;model_id:id-m;response_id:{name}"
    given = "resp_" + base64.b64encode(way.encode()).decode()
    method = "POST" if end == "/cancel" else "GET"
    answer = gateway.http.request(method, f"/v1/responses/{given.replace('/', '%2F')}{end}")
    assert answer.status_code < 500
    for call in upstream.journal("names"):
        assert call.path.startswith("/case/names/v1/responses/")
        rest = call.path.removeprefix("/case/names/v1/responses/").removesuffix(end)
        assert "/" not in rest
        assert rest not in (".", "..")
        assert call.query == {}
        assert "y" not in call.headers.get("host", "")
