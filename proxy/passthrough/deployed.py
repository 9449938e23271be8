"""Routes whose paths or bodies may name a model of the config: Azure and vLLM."""

import os
from typing import Any
from urllib.parse import urlencode

import msgspec

from proxy.deployment import Deployment
from proxy.errors import GatewayError
from proxy.passthrough.addresses import Base, base_of, below_vendor, with_query
from proxy.passthrough.members import UNREADABLE
from proxy.passthrough.target import Asked, Target, VendorRoute, unset
from proxy.passthrough.vendors import AZURE, KeyRoute
from proxy.providers.azure.provider import AZURE as AZURE_MODELS
from proxy.routing.request import RouteRequest
from proxy.routing.router import Router

_AZURE = ("azure", "azure_ai", "azure_text")
_VLLM = ("hosted_vllm", "vllm")


class AzureRoute(KeyRoute):
    """Azure: a segment of the path may be a model of the config, which then says where the call goes and how."""

    def __init__(self, path: str) -> None:
        super().__init__(path, AZURE)

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        segments = asked.rest.split("/")
        model = (
            next((part for part in segments if asked.router.groups.knows(part)), None) if len(segments) > 1 else None
        )
        if model is None:
            return await super().target(asked)
        deployment = picked(asked.router, model, _AZURE, self.path)
        rest = "/".join(deployment.model if part == model else part for part in segments)
        params = deployment.params
        address = below_vendor(base_of_deployment(deployment, "AZURE_API_BASE"), rest)
        version = params.api_version or os.environ.get("AZURE_API_VERSION")
        query = urlencode({"api-version": version}) if version else asked.query
        return Target(
            url=with_query(address, query),
            shown=address,
            headers={"api-key": AZURE_MODELS.key_of(deployment)},
            body=await body_for(asked, deployment),
            vendor=deployment.provider,
            model=deployment.model,
            deployment=deployment,
            bare=True,
        )


class VllmRoute(VendorRoute):
    """vLLM: the model of the body may be one of the config; else ``VLLM_API_BASE`` says where it is."""

    async def target(self, asked: Asked) -> Target:
        """See :class:`proxy.passthrough.target.Route`."""
        model = _fields(await asked.read()).get("model")
        if isinstance(model, str) and asked.router.groups.knows(model):
            return await self._deployed(asked, model)
        address = os.environ.get("VLLM_API_BASE")
        if not address:
            raise unset(
                "VLLM_API_BASE is not set: the gateway does not know where vLLM is. Set it, or name a configured model"
            )
        try:
            url = below_vendor(base_of(address), asked.rest)
        except ValueError as error:
            raise unset(f"VLLM_API_BASE {error}") from error
        key = os.environ.get("VLLM_API_KEY")
        return Target(
            url=with_query(url, asked.query), shown=url, headers={"x-api-key": key} if key else {}, vendor="hosted_vllm"
        )

    async def _deployed(self, asked: Asked, model: str) -> Target:
        deployment = picked(asked.router, model, _VLLM, self.path)
        url = below_vendor(base_of_deployment(deployment, "HOSTED_VLLM_API_BASE"), asked.rest)
        key = deployment.params.api_key
        return Target(
            url=with_query(url, asked.query),
            shown=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            body=await body_for(asked, deployment),
            vendor=deployment.provider,
            model=deployment.model,
            deployment=deployment,
            bare=True,
        )


def picked(router: Router, model: str, providers: tuple[str, ...], path: str) -> Deployment:
    """The deployment that takes a call of a configured model.

    Raises:
        GatewayError: 400, it is another vendor's; 429, all are cooling down.
    """
    deployment = router.pick(model, router.candidates(model), set(), RouteRequest(model=model))
    if deployment.provider not in providers:
        raise GatewayError(
            400,
            f"Model {model!r} is served by {deployment.provider}, which {path} does not lead to; "
            f"call a model of {' or '.join(providers)}, or use the path of its own vendor",
            type="invalid_request_error",
            param="model",
        )
    return deployment


def base_of_deployment(deployment: Deployment, variable: str) -> Base:
    """Where a deployment is.

    Raises:
        GatewayError: 401, no setting says so, or it is no address.
    """
    address = deployment.params.api_base or os.environ.get(variable)
    setting = f"litellm_params.api_base of model {deployment.group!r}"
    if not address:
        raise unset(f"{setting} is not set, nor is {variable}. Set one of them")
    try:
        return base_of(address)
    except ValueError as error:
        raise unset(f"{setting} {error}") from error


async def body_for(asked: Asked, deployment: Deployment) -> bytes:
    """The client's body, a JSON object's ``model`` being the deployment's."""
    body = await asked.read()
    fields = _fields(body)
    if "model" not in fields:
        return body
    return msgspec.json.encode(fields | {"model": deployment.model})


def _fields(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE:
        return {}
