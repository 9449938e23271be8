"""Azure OpenAI (``azure/DEPLOYMENT``): deployments in the path, versions in the query, an ``api-key`` or an Entra ID token."""

import os
import re
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

import msgspec

from proxy.call import Body
from proxy.deployment import Deployment
from proxy.errors import Failure, Headers
from proxy.providers.azure.failures import azure_failure
from proxy.providers.base import Attempt
from proxy.providers.openai.format import encode, raw
from proxy.providers.openai.params import Facts, ParamRules, rules_of, vendor_rules
from proxy.providers.openai.provider import PATHS, OpenAICompatible
from proxy.providers.paths import piece_of_path
from proxy.providers.vendor import Vendor, words

DEFAULT_VERSION = "2024-07-01-preview"
"""Of deployments that name none; recorded."""
RESPONSES_VERSION = "preview"
"""Of their responses."""
GENERAL_VERSIONS = frozenset(("v1", "latest", "preview"))
"""They stand for the API without versions, which names deployments as OpenAI names models."""
_TAKES = words(
    """
    temperature n stream_options stop max_tokens max_completion_tokens tools tool_choice presence_penalty
    frequency_penalty logit_bias user function_call functions top_p logprobs top_logprobs response_format seed
    parallel_tool_calls prediction modalities audio web_search_options
    """
)
_NOT_OF_REASONING = frozenset(("frequency_penalty", "logprobs", "top_logprobs", "presence_penalty", "top_p"))
_reasoning = re.compile(r"o[134]|o_series/")
_gpt_5 = re.compile(r"gpt-5(?!-chat)|gpt5_series/")
_series = re.compile(r"^(o_series|gpt5_series)/")


class Azure(OpenAICompatible):
    """Azure OpenAI."""

    def rules(self, model: str, facts: Facts) -> ParamRules:
        """Deployments are named freely: what kind of model one is must be seen from its name, or from its series."""
        kind = "gpt-5" if _gpt_5.search(model) else "o1" if _reasoning.search(model) else None
        if kind is None:
            return vendor_rules(model, self.vendor.name, self.vendor.takes, frozenset(), {})
        name = _series.sub("", model)
        rules = rules_of(kind, facts)
        refused = _NOT_OF_REASONING if kind == "o1" else _NOT_OF_REASONING | {"stop"}
        return msgspec.structs.replace(rules, model=name, refused=refused, vendor=self.vendor.name)

    def _failure_of(self, status: int, headers: Headers, body: bytes, *, coded: bool) -> Failure:
        return azure_failure(status, headers, body, coded=coded)

    def _body(self, attempt: Attempt) -> bytes:
        model = _series.sub("", attempt.deployment.model)
        if attempt.endpoint == "responses":
            return self._response_body(attempt, model)
        said = (
            {"stream": False} if attempt.endpoint == "chat" and not _reasoning.search(attempt.deployment.model) else {}
        )
        return encode({"model": model, **said, **self._adapted(attempt.body, attempt)})

    def _credentials(self, deployment: Deployment) -> dict[str, str]:
        token = deployment.params.other.get("azure_ad_token") or os.environ.get("AZURE_AD_TOKEN")
        if token and not deployment.params.api_key:
            return {"authorization": f"Bearer {token}"}
        key = self.vendor.key_of(deployment)
        return {"authorization": f"Bearer {key}"} if _version(deployment) in GENERAL_VERSIONS else {"api-key": key}

    def _url(self, deployment: Deployment, api_base: str, endpoint: str) -> str:
        address = urlsplit(api_base)
        if endpoint == "responses":
            return _responses_url(deployment, address)
        path = address.path.rstrip("/").removesuffix("/openai/v1")
        version = parse_qs(address.query).get("api-version", [_version(deployment)])[0]
        if version in GENERAL_VERSIONS:
            return f"{address.scheme}://{address.netloc}{path}/openai/v1{PATHS[endpoint]}"
        if "/openai/deployments/" not in path:
            path += f"/openai/deployments/{piece_of_path(_series.sub('', deployment.model))}"
        return f"{address.scheme}://{address.netloc}{path}{PATHS[endpoint]}?{urlencode({'api-version': version})}"


def _responses_url(deployment: Deployment, address: SplitResult) -> str:
    """Responses are no deployment's: the body names it."""
    version = parse_qs(address.query).get("api-version", [deployment.params.api_version or RESPONSES_VERSION])[0]
    path = address.path.partition("/openai")[0].rstrip("/")
    api = "/openai/v1" if version in GENERAL_VERSIONS else "/openai"
    return f"{address.scheme}://{address.netloc}{path}{api}/responses?{urlencode({'api-version': version})}"


def _as_azure_takes_it(body: Body) -> Body:
    """Messages that go back must not say how they ended; there is no compaction on the server."""
    body = {name: value for name, value in body.items() if name != "context_management"}
    if b'"status"' in bytes(body.get("input", b"")):
        items = msgspec.json.decode(body["input"])
        if isinstance(items, list):
            body["input"] = raw([_without_status(item) for item in items])
    return body


def _without_status(item: Any) -> Any:
    if isinstance(item, dict) and item.get("type") in ("message", "reasoning"):
        return {name: value for name, value in item.items() if name != "status"}
    return item


def _version(deployment: Deployment) -> str:
    return deployment.params.api_version or os.environ.get("AZURE_API_VERSION") or DEFAULT_VERSION


AZURE = Vendor(
    name="azure",
    base_variables=("AZURE_API_BASE",),
    key_variables=("AZURE_OPENAI_API_KEY", "AZURE_API_KEY"),
    takes=_TAKES,
    responses="/responses",
    adapt_response=_as_azure_takes_it,
)
provider = Azure(AZURE)
