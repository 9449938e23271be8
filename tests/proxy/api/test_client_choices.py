"""What clients may not choose: hosts, accounts, the headers of others."""

import json
from typing import Any

import pytest

from fixtures.running import UpstreamControl
from tests.conftest import Vendor
from tests.gateways import Gateway
from tests.proxy.api.refusals import MESSAGES, error, post

pytestmark = pytest.mark.xdist_group("strict")


class TestHostsAndCredentials:
    NAMES = (
        "api_base",
        "base_url",
        "api_key",
        "api_version",
        "organization",
        "aws_secret_access_key",
        "vertex_project",
    )

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize(
        "place",
        [
            lambda name: {name: "x"},
            lambda name: {"fallbacks": [{"model": "m", name: "x"}]},
            lambda name: {"fallbacks": [{"m": [{"model": "m", name: "x"}]}]},
            lambda name: {"context_window_fallbacks": [{"m": [{"model": "m", "deep": [{name: "x"}]}]}]},
            lambda name: {"content_policy_fallbacks": [{"m": [{name: "x"}]}]},
            lambda name: {"extra_body": {name: "x"}},
            lambda name: {"extra_body": {"deep": {"deeper": [{name: "x"}]}}},
        ],
    )
    def test_are_not_the_clients_to_choose(self, strict: Gateway, name: str, place: Any) -> None:
        told = error(strict.chat("m", **place(name)))
        assert told["param"] == name
        assert "configurable_clientside_auth_params" in told["message"]

    @pytest.mark.parametrize("value", [None, 5, [], {}])
    def test_of_the_wrong_type(self, strict: Gateway, value: Any) -> None:
        assert strict.chat("free", api_base=value).status_code == 400

    def test_where_the_deployment_allows_it(self, strict: Gateway, vendor: Vendor, upstream: UpstreamControl) -> None:
        upstream.script(vendor.model, {"free": []})
        base = f"{upstream.url}/other/v1"
        answer = strict.chat("free", api_base=base, api_key="sk-clients-own")
        assert answer.status_code == 200
        assert answer.headers["x-litellm-model-api-base"] == base
        (entry,) = upstream.journal(vendor.model)
        assert entry.path == "/other/v1/chat/completions"
        assert entry.headers["authorization"] == "Bearer sk-clients-own"
        assert not {"api_base", "api_key"} & entry.body.keys()

    def test_where_a_pattern_allows_it(self, strict: Gateway, upstream: UpstreamControl) -> None:
        allowed = f"{upstream.url}/abc/v1"
        assert strict.chat("pattern", api_base=allowed).status_code == 200
        for other in (f"{upstream.url}/v1", f"{allowed}/x", f"http://evil.example/?{allowed}", f"{allowed}\n"):
            assert error(strict.chat("pattern", api_base=other))["param"] == "api_base"
        assert error(strict.chat("pattern", api_base=allowed, base_url=allowed))["param"] == "base_url"

    def test_of_another_group_does_not_help(self, strict: Gateway, upstream: UpstreamControl) -> None:
        told = error(strict.chat("m", fallbacks=["free"], api_base=f"{upstream.url}/other/v1"))
        assert told["param"] == "api_base"

    def test_properties_of_tools_may_be_called_so(self, strict: Gateway) -> None:
        function = {"name": "f", "parameters": {"type": "object", "properties": {"api_key": {"type": "string"}}}}
        assert strict.chat("m", tools=[{"type": "function", "function": function}]).status_code == 200


class TestHeaderInjection:
    @pytest.mark.parametrize(
        "name", ["any/a\r\nx-injected: 1", "any/\x00", "any/\u2028é\U0001f600", "any/a\tb", "any/\x7f"]
    )
    def test_through_the_models_name(self, gateway: Gateway, name: str) -> None:
        for stream in (False, True):
            answer = gateway.chat(name, stream=stream)
            assert answer.status_code < 500
            assert "x-injected" not in answer.headers

    @pytest.mark.parametrize(
        "headers",
        [
            {"x\r\ny": "z"},
            {"x": "a\r\nx-injected: 1"},
            {"x": "a\nb"},
            {"x": "a\x00"},
            {"x": "\u20ac"},
            {"": "x"},
            {"x y": "z"},
            {"x:": "z"},
            {"Authorization": "Bearer sk-other"},
            {"proxy-authorization": "x"},
            {"api-key": "x"},
            {"X-Api-Key": "x"},
            {"x-goog-api-key": "x"},
            {"Host": "evil.example"},
            {"Content-Length": "5"},
            {"Transfer-Encoding": "chunked"},
            {"Connection": "close"},
            {"Cookie": "a=b"},
            {"x-forwarded-for": "1.2.3.4"},
        ],
    )
    def test_through_extra_headers(self, strict: Gateway, headers: dict[str, str]) -> None:
        assert error(strict.chat("m", extra_headers=headers))["param"] == "extra_headers"

    def test_extra_headers_that_are_fine(self, gateway: Gateway, vendor: Vendor) -> None:
        assert gateway.chat(vendor.name, extra_headers={"X-Trace": "1", "openai-beta": "x=1"}).status_code == 200
        (entry,) = vendor.received
        assert (entry.headers["x-trace"], entry.headers["openai-beta"]) == ("1", "x=1")
        assert "extra_headers" not in entry.body

    @pytest.mark.parametrize("path", ["/openai/deployments/{}/chat/completions", "/engines/{}/chat/completions"])
    def test_through_the_path(self, gateway: Gateway, path: str) -> None:
        answer = post(gateway, json.dumps({"messages": MESSAGES}).encode(), path.format("any%2Fa%0d%0ax-injected:%201"))
        assert answer.status_code < 500
        assert "x-injected" not in answer.headers
