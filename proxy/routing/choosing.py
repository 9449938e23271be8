"""Auto routers, as a plan knows them: deployments that serve nothing themselves but choose the model group that does."""

from collections.abc import Sequence
from typing import Protocol

from proxy.call import Body
from proxy.config.model import ProxyConfig
from proxy.deployment import split_model

PROVIDER = "auto_router"
"""The prefix of their ``litellm_params.model``."""


class Embed(Protocol):
    """Turns texts into vectors, all of the same length, in order."""

    async def __call__(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """Ask a model group.

        Raises:
            Failure: nobody could answer, or the answer is no use.
        """
        ...


class Chooser(Protocol):
    """One auto router."""

    @property
    def targets(self) -> tuple[str, ...]:
        """Every model group that it may choose."""

    async def choose(self, endpoint: str, body: Body, embed: Embed) -> str | None:
        """The model group for a call; ``None``: calls of this endpoint say nothing that a choice could be made by."""


def has_choosers(config: ProxyConfig) -> bool:
    """Whether a config has auto routers."""
    return any(split_model(entry.params.model)[0] == PROVIDER for entry in config.model_list)
