"""What a plan reads of a call."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from proxy.errors import Failure


def _nothing() -> int:
    return 0


class RouteRequest(msgspec.Struct, kw_only=True):
    """What the plan reads of a call."""

    model: str
    num_retries: int = 0
    fallbacks: list[Any] | msgspec.UnsetType | None = msgspec.UNSET
    """The client's own list, ``None`` for none at all; unset: the config's."""
    context_window_fallbacks: list[Any] | msgspec.UnsetType | None = msgspec.UNSET
    content_policy_fallbacks: list[Any] | msgspec.UnsetType | None = msgspec.UNSET
    max_fallbacks: int = 0
    disable_fallbacks: bool = False
    pinned: str | None = None
    """The id of the deployment that serves the call wherever it may."""
    mock_failure: Failure | None = None
    """Raised in place of the first call (the reference's ``mock_testing_fallbacks`` and its like)."""
    priority: int | None = None
    """In the queue, from 0 (first) to 255; ``None``: the call does not queue."""
    stream: bool = False
    has_messages: bool = False
    """Whether it must fit into a context window (``enable_pre_call_checks``): chats must, and text completions."""
    wants_format: bool = False
    """Whether the answer must have a format (``response_format``), which not every model takes."""
    region: str | None = None
    """That the call must stay in (``allowed_model_region``)."""
    tags: Sequence[str] = ()
    """Of body, header, key and team; what a deployment must be tagged with. A client's text in place of a list counts as
    its characters, as in the reference: nobody has such tags."""
    count_tokens: Callable[[], int] = _nothing
    """How many tokens the client sent, counted when somebody asks; 0 when they cannot be counted."""
    tokens_at_most: int = 0
    """What ``count_tokens`` cannot exceed, known without counting."""
