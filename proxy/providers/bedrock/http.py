"""The HTTP side of Amazon Bedrock: where calls go, as whom, and what comes of them."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from proxy.errors import Headers
from proxy.providers import calling
from proxy.providers.aws_auth import credentials_of, region_of, signed_headers
from proxy.providers.base import Attempt
from proxy.providers.bedrock.failures import FAILURES
from proxy.providers.bedrock.models import Named
from proxy.providers.bedrock.params import BETAS
from proxy.providers.paths import piece_of_path
from proxy.upstream.client import UpstreamClient, UpstreamResponse

SERVICE = "bedrock"
ENDPOINT_VARIABLE = "AWS_BEDROCK_RUNTIME_ENDPOINT"
BEARER_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
"""https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html"""
_BETA = "anthropic-beta"


class Target(NamedTuple):
    """Where a call goes, and what counts for its signature."""

    url: str
    region: str
    settings: Mapping[str, Any]
    """``litellm_params`` that begin with ``aws_``."""
    bearer: str | None
    """A key of Bedrock's own, in place of a signature."""


def target_of(attempt: Attempt, model: Named, verb: str, *, safe: str = "") -> Target:
    """Where a call goes.

    Args:
        verb: the end of its path.
        safe: left as it is in the name of the model; Bedrock takes both forms.

    Raises:
        Failure: 400, no model is called so.
    """
    params, own = attempt.deployment.params, attempt.credentials
    settings = params.other if model.region is None else {"aws_region_name": model.region, **_set(params.other)}
    called = str(params.request.get("model_id") or model.id)
    region = region_of(settings, called if called.startswith("arn:") else "")
    base = (
        own.get("api_base")
        or own.get("base_url")
        or params.other.get("aws_bedrock_runtime_endpoint")
        or params.api_base
        or os.environ.get(ENDPOINT_VARIABLE)
        or f"https://bedrock-runtime.{region}.amazonaws.com"
    )
    url = f"{base.rstrip('/')}/model/{piece_of_path(called, safe=safe)}/{verb}"
    bearer = own.get("api_key") or params.api_key or os.environ.get(BEARER_VARIABLE)
    return Target(url, region, settings, bearer)


def _set(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def betas_of(attempt: Attempt) -> list[str]:
    """What the client and the deployment want switched on of Anthropic's."""
    named = [attempt.client_headers.get(_BETA.encode(), b"").decode("latin-1")]
    named += [text for name, text in _given(attempt).items() if name == _BETA]
    return [beta.strip() for text in named for beta in text.split(",") if beta.strip()]


def _given(attempt: Attempt) -> dict[str, str]:
    own = {name.lower(): text for name, text in attempt.deployment.params.extra_headers.items()}
    return dict(attempt.headers) | own


async def post(client: UpstreamClient, target: Target, body: bytes, attempt: Attempt) -> UpstreamResponse:
    """The head of a good answer.

    Raises:
        Failure: there are no credentials, or Bedrock refused, failed or could not be reached.
    """
    headers = await _headers(target, body, attempt)
    return await calling.post(client, target.url, headers, body, attempt, failures=FAILURES)


async def read(response: UpstreamResponse, attempt: Attempt) -> bytes:
    """The whole body of a good answer; raises as :func:`post`."""
    return await calling.read(response, attempt, failures=FAILURES)


async def _headers(target: Target, body: bytes, attempt: Attempt) -> Headers:
    headers = _given(attempt) | {"content-type": "application/json"}
    betas = [beta for beta in betas_of(attempt) if beta in BETAS]
    headers.pop(_BETA, None)
    if betas:
        headers[_BETA] = ",".join(betas)
    if target.bearer:
        return [*headers.items(), ("authorization", f"Bearer {target.bearer}")]
    signed = signed_headers(
        "POST",
        target.url,
        headers,
        body,
        service=SERVICE,
        region=target.region,
        credentials=await credentials_of(target.settings),
    )
    return list(signed.items())
