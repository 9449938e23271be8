"""Context windows: a call goes to deployments whose models can read so many tokens (``enable_pre_call_checks``).

The tokens are counted in the same way for all of them (F.md, F1), and only when one of the windows may be too small.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.routing.request import RouteRequest

Window: TypeAlias = Callable[[Deployment], int | None]
"""The most tokens that a deployment's model reads; ``None``: not known."""


class ContextWindows:
    """A filter: the deployments that have room for a chat. Other calls, and what cannot be counted, go anywhere."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def smallest(self, deployments: Iterable[Deployment]) -> float:
        """Tokens; 0 where models are not known before they are called for, infinite when no window is known."""
        windows = (0 if "*" in deployment.model else self._window(deployment) for deployment in deployments)
        return min((window for window in windows if window is not None), default=math.inf)

    def __call__(self, _model: str, deployments: list[Deployment], request: RouteRequest) -> list[Deployment]:
        """Those that have room.

        Raises:
            Failure: 400, none of them has; fallbacks for context windows may.
        """
        if not request.has_messages:
            return deployments
        windows = [self._window(deployment) for deployment in deployments]
        if all(window is None or request.tokens_at_most <= window for window in windows):
            return deployments
        tokens = request.count_tokens()
        roomy = [
            deployment
            for deployment, window in zip(deployments, windows, strict=True)
            if window is None or tokens <= window
        ]
        if deployments and not roomy:
            raise _too_long(deployments, windows, tokens)
        return roomy


def _too_long(deployments: Sequence[Deployment], windows: Sequence[int | None], tokens: int) -> Failure:
    told = "".join(
        f"Model={deployment.params.model}, Max Input Tokens={window}, Got={tokens}"
        for deployment, window in zip(deployments, windows, strict=True)
    )
    return Failure(
        400,
        "litellm.ContextWindowExceededError: litellm.BadRequestError: litellm._pre_call_checks: Context Window exceeded for "
        f"given call. No models have context window large enough for this call.\n{told}",
        kind="context_window",
        reached=False,
    )
