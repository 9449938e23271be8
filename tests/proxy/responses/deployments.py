"""Deployments for tests."""

from proxy.config.model import DeploymentParams
from proxy.deployment import Deployment


def deployment(provider: str) -> Deployment:
    return Deployment(f"{provider}-1", "group", provider, "model", DeploymentParams(model=f"{provider}/model"), {})
