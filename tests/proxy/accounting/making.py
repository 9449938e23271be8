"""Deployments and price books of a few lines."""

from typing import Any

from proxy.accounting.catalog import build_catalog
from proxy.accounting.cost import PriceBook
from proxy.config.model import DeploymentParams, ModelEntry
from proxy.deployment import Deployment, make_deployment


def deployment(model: str = "openai/gpt-4o-mini", info: dict[str, Any] | None = None, **params: Any) -> Deployment:
    entry = ModelEntry(
        model_name="group", params=DeploymentParams(model=model, **params), model_info={"id": model} | (info or {})
    )
    return make_deployment(entry)


def price_book(*deployments: Deployment, **settings: Any) -> PriceBook:
    return PriceBook(deployments, build_catalog(deployments), settings)
