"""Which fallbacks follow a failure, and what the error says of them.

The texts, down to the missing spaces, are what clients of the reference see (cassettes of A4).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from proxy.config.model import Fallbacks, RouterSettings
from proxy.config.redact import masked
from proxy.errors import Failure
from proxy.routing.refusals import Refusal
from proxy.routing.request import RouteRequest

Target = str | dict[str, Any]


class Targets(msgspec.Struct, frozen=True):
    """What is tried next: ``tried`` in order; ``shown`` is how the error speaks of it."""

    tried: Sequence[Target]
    shown: str
    named: bool = False
    """Whether the list is the client's, not the config's."""


NOTHING = Targets((), "None")


class FallbackLists:
    """The lists that hold for one call: the client's where it sent some, else the config's."""

    def __init__(self, settings: RouterSettings, request: RouteRequest) -> None:
        self._direct: list[Target] | None = None
        if request.fallbacks and _is_plain_list(request.fallbacks):
            self._direct = request.fallbacks
        self._request = request
        self._general = _lists(request.fallbacks, settings.fallbacks)
        self._context_window = _lists(request.context_window_fallbacks, settings.context_window_fallbacks)
        self._content_policy = _lists(request.content_policy_fallbacks, settings.content_policy_fallbacks)

    @property
    def shown(self) -> str:
        """The general lists as Python writes them."""
        return str(shown_lists(self._general))

    def has_list_for(self, failure: Failure) -> bool:
        """Whether a context-window or content-policy error has lists of its own, which make retries pointless."""
        return bool(self._special(failure))

    def after(self, model: str, failure: Failure) -> Targets:
        """What follows the failure of ``model``; the failure's message is extended as the reference does it."""
        if self._direct is not None:
            return Targets(self._direct, "None", named=True)
        special = self._special(failure)
        if special is not None:
            return Targets(lookup(special, model) or (), "None", self._is_named(f"{failure.kind}_fallbacks"))
        self._add_hint(model, failure)
        if self._general is None:
            return NOTHING
        found = lookup(self._general, model)
        if found is None:
            if not isinstance(failure, Refusal):
                told = f"No fallback model group found for original model_group={model}. Fallbacks={self.shown}"
                failure.message += told
            return NOTHING
        return Targets(found, str(masked(found)), self._is_named("fallbacks"))

    def follows(self, model: str) -> bool:
        """Whether ``model`` has fallbacks for when nobody serves it."""
        return self._direct is not None or bool(self._general and lookup(self._general, model))

    def quotes_itself(self, failure: Failure) -> bool:
        """Whether the error of a call without fallbacks repeats itself as "the fallback's error"."""
        return self._direct is not None or self._special(failure) is not None or self._general is not None

    def _is_named(self, lists: str) -> bool:
        return getattr(self._request, lists) is not msgspec.UNSET

    def _special(self, failure: Failure) -> list[Any] | None:
        if failure.kind == "context_window":
            return self._context_window
        if failure.kind == "content_policy":
            return self._content_policy
        return None

    def _add_hint(self, model: str, failure: Failure) -> None:
        if failure.kind not in ("context_window", "content_policy"):
            return
        setting = "context_window_fallback" if failure.kind == "context_window" else "content_policy_fallback"
        label = "context_window_fallbacks" if failure.kind == "context_window" else "content_policy_fallback"
        failure.message += (
            f"\nmodel={model}. {label}=None. fallbacks={self.shown}."
            f"\n\nSet '{setting}' - https://docs.litellm.ai/docs/routing#fallbacks"
        )


def annotate(failure: Failure, model: str, shown: str, last: str | None) -> None:
    """Say in the failure which group it came from, which fallbacks there were, and how the last of them failed."""
    if isinstance(failure, Refusal):
        return
    failure.message += f". Received Model Group={model}\nAvailable Model Group Fallbacks={shown}"
    if last is not None:
        failure.message += f"\nError doing the fallback: {last}"


def shown_lists(lists: Sequence[Any] | None) -> Sequence[Any] | None:
    """Lists as errors show them: an entry may hold the key of another account."""
    if lists is None:
        return None
    return [{name: masked(to) for name, to in item.items()} if isinstance(item, dict) else item for item in lists]


def _is_plain_list(fallbacks: Sequence[Any]) -> bool:
    """Names or request fields, as a client may send them: not the config's ``[{group: [...]}]``."""
    return all(isinstance(item, str) or (isinstance(item, dict) and "model" in item) for item in fallbacks)


def _lists(client: list[Any] | msgspec.UnsetType | None, configured: Fallbacks) -> list[Any] | None:
    return configured_lists(configured) if isinstance(client, msgspec.UnsetType) else client


def configured_lists(configured: Fallbacks) -> list[Any] | None:
    """The config's lists in the form that clients send."""
    return [{name: list(targets)} for name, targets in configured.items()] or None


def lookup(lists: Sequence[Any], model: str) -> list[Target] | None:
    """The list for ``model``: its name, else its name without the provider's prefix, else ``"*"``."""
    merged: dict[str, list[Target]] = {}
    for item in lists:
        if isinstance(item, Mapping):
            for name, targets in item.items():
                if isinstance(targets, list):
                    merged.setdefault(name, [target for target in targets if isinstance(target, str | dict)])
    for name in (model, model.partition("/")[2], "*"):
        if name and name in merged:
            return merged[name]
    return None
