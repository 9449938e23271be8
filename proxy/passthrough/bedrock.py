"""Bedrock: models of the config at the runtime, agents and knowledge bases at theirs; every call is signed."""

import re
from urllib.parse import unquote

from proxy.errors import DetailError, GatewayError
from proxy.passthrough.addresses import base_of, below, with_query
from proxy.passthrough.deployed import picked
from proxy.passthrough.target import Asked, Target, VendorRoute, unset
from proxy.providers.aws_auth import credentials_of, region_of, signed_headers

ACTIONS = ("invoke", "invoke-with-response-stream", "converse", "converse-stream", "count-tokens")
AGENTS = (
    "agents/",
    "knowledgebases/",
    "flows/",
    "retrieveAndGenerate/",
    "rerank/",
    "generateQuery/",
    "optimize-prompt/",
)
"""Pieces of paths that are of the agents' runtime (A.md, A1)."""
_model = re.compile(rf"(?:.*/)?model/(.+)/({'|'.join(ACTIONS)})")
_region = re.compile(r"[a-z0-9-]+")


class BedrockRoute(VendorRoute):
    """``/bedrock``. Its bodies are read whole, since the signature covers them."""

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        if any(piece in f"{asked.rest}/" for piece in AGENTS):
            return await self._agents(asked)
        found = _model.fullmatch(asked.rest)
        if found is None:
            expected = "Expected format: /model/{modelId}/{action}"
            raise DetailError(
                400,
                {
                    "error": "'model' keyword not found and unable to extract model from endpoint. "
                    f"{expected}. Got: {asked.rest}"
                },
            )
        model, action = unquote(found[1]), found[2]
        if not asked.router.groups.knows(model):
            raise GatewayError(
                400,
                f"{{'error': 'allm_passthrough_route: Invalid model name passed in model={model}. "
                "Call `/v1/models` to view available models for your key.'}",
            )
        deployment = picked(asked.router, model, ("bedrock", "bedrock_converse"), self.path)
        params = deployment.params
        settings = {**params.other, "api_base": params.api_base}
        vendors_name = (
            str(settings.get("model_id") or deployment.model).removeprefix("converse/").removeprefix("invoke/")
        )
        region = _valid(region_of(settings, vendors_name))
        address = params.api_base or settings.get("aws_bedrock_runtime_endpoint")
        try:
            base = base_of(str(address or f"https://bedrock-runtime.{region}.amazonaws.com"))
        except ValueError as error:
            raise unset(f"litellm_params.api_base of model {model!r} {error}") from error
        url = with_query(below(base, f"model/{vendors_name.replace('/', '%2F')}/{action}"), asked.query)
        body = await asked.read()
        headers = await _signed(asked, url, body, settings, region)
        return Target(
            url=url,
            shown=base.shown,
            headers=headers,
            body=body,
            vendor="bedrock",
            model=deployment.model,
            deployment=deployment,
            bare=True,
            detailed=True,
        )

    async def _agents(self, asked: Asked) -> Target:
        region = _valid(region_of({}))
        address = below(base_of(f"https://bedrock-agent-runtime.{region}.amazonaws.com"), asked.rest)
        url, body = with_query(address, asked.query), await asked.read()
        return Target(url=url, shown=address, headers=await _signed(asked, url, body, {}, region), body=body)


async def _signed(asked: Asked, url: str, body: bytes, settings: dict[str, object], region: str) -> dict[str, str]:
    given = {"content-type": asked.text(b"content-type") or "application/json"}
    credentials = await credentials_of(settings)
    return signed_headers(asked.method, url, given, body, service="bedrock", region=region, credentials=credentials)


def _valid(region: str) -> str:
    """A region becomes part of a host."""
    if not _region.fullmatch(region):
        raise unset(f"aws_region_name {region!r} is no region of AWS; correct it")
    return region
