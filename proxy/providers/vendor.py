"""What tells one vendor of OpenAI's dialect from another: a value, so that the dialect is written once."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from proxy.call import Body
from proxy.deployment import Deployment
from proxy.errors import Failure
from proxy.providers.openai.params import PARAMS, Facts, ParamRules, vendor_rules

ALL = frozenset(PARAMS)
"""What OpenAI's general models take."""


def words(text: str) -> frozenset[str]:
    """The names in ``text``."""
    return frozenset(text.split())


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """A vendor of OpenAI's dialect. Sources: what LiteLLM 1.81.14 sends, recorded, and its names of settings."""

    name: str
    """The prefix of ``litellm_params.model``."""
    label: str = ""
    """The name in error messages, where it is not the prefix with a capital letter."""
    api_base: str | None = None
    """Where it is unless the deployment or a variable says otherwise; ``None``: every deployment must say it."""
    base_variables: tuple[str, ...] = ()
    """Environment variables with the address of deployments that name none, best first."""
    key_variables: tuple[str, ...] = ()
    """Environment variables with the key of deployments that name none, best first."""
    keyless: str | None = None
    """Sent as the key where there is none: the vendor's server need not ask for one."""
    suffix: str = ""
    """Of the address, added where it is missing."""
    takes: frozenset[str] = ALL
    """The parameters of OpenAI that each of its models takes."""
    if_able: Mapping[str, str] = {}
    """Further parameters, by the ability (a field of the packaged table) that a model must have for it."""
    not_of: Mapping[str, tuple[str, ...]] = {}
    """Parameters that models with such a piece in their names do not take."""
    renamed: Mapping[str, str] = {}
    """Parameters by OpenAI's name that it knows under another."""
    ignored: frozenset[str] = frozenset()
    """Parameters left out without a word."""
    sends: Mapping[str, Any] = {}
    """Fields of chats unless the client or the deployment sets them."""
    embedding_sends: Mapping[str, Any] = {}
    """As ``sends``, of embeddings."""
    model_path: str = ""
    """Before names of models that are no path."""
    headers: Mapping[str, str] = {}
    """Further headers, each with the environment variable that holds it."""
    caches: tuple[str, ...] = ()
    """Pieces of the names of models that understand Anthropic's ``cache_control``; others are not sent it."""
    adapt: Callable[[Body, Deployment], Body] | None = None
    """Whatever else a chat needs; given the body with ``model``."""
    completions: bool = False
    """It answers text completions; others are asked in a chat."""
    chat_models: tuple[str, ...] = ()
    """Beginnings of the names of models that answer chats only, although the vendor answers text completions."""
    quotes_body: bool = False
    """Its error answers are quoted whole in messages, not their text alone."""
    responses: str | None = None
    """The path of its Responses API; without one its models are asked in a chat."""
    adapt_response: Callable[[Body], Body] | None = None
    """Whatever else a call of that API needs."""

    def completes(self, model: str) -> bool:
        """Whether text completions of a model are asked for as such, and not in a chat."""
        return self.completions and ("instruct" in model or not model.startswith(self.chat_models))

    @property
    def exception(self) -> str:
        """What failures are called in error messages."""
        return f"{self.label or self.name[:1].upper() + self.name[1:]}Exception"

    def key_of(self, deployment: Deployment) -> str:
        """The key of a deployment's calls.

        Raises:
            Failure: 500, there is none.
        """
        key = deployment.params.api_key or _first(self.key_variables) or self.keyless
        if key:
            return key
        setting = f"Please pass an `api_key`: set litellm_params.api_key of model {deployment.group!r}"
        raise _unset(self, f"Missing credentials. {setting}{_or_variables(self.key_variables)}.")

    def base_of(self, deployment: Deployment) -> str:
        """The address of a deployment, without the endpoint's path.

        Raises:
            Failure: 500, there is none.
        """
        base = deployment.params.api_base or _first(self.base_variables) or self.api_base
        if not base:
            setting = f"set litellm_params.api_base of model {deployment.group!r}{_or_variables(self.base_variables)}"
            raise _unset(self, f"Missing address. There is no default: {setting}.")
        base = base.rstrip("/").removesuffix("/chat/completions")
        return base if base.endswith(self.suffix) else base + self.suffix

    def model_path_of(self, model: str) -> str:
        """What it calls a model."""
        return (
            model if not self.model_path or model.startswith("accounts/") or "#" in model else self.model_path + model
        )

    def understands_cache_control(self, model: str) -> bool:
        """Whether ``cache_control`` in messages means something to a model."""
        return any(piece in model.lower() for piece in self.caches)

    def own_headers(self) -> dict[str, str]:
        """Its further headers, as far as their variables are set."""
        return {header: os.environ[name] for header, name in self.headers.items() if os.environ.get(name)}

    def rules(self, model: str, facts: Facts) -> ParamRules:
        """What ``model`` does not take; ``facts`` are its fields of the packaged table."""
        taken = self.takes.union(name for name, ability in self.if_able.items() if facts.get(ability))
        lacking = {name for name, pieces in self.not_of.items() if any(piece in model for piece in pieces)}
        return vendor_rules(model, self.name, taken - lacking, self.ignored, self.renamed)


OPENAI = Vendor(
    name="openai",
    label="OpenAI",
    api_base="https://api.openai.com/v1",
    base_variables=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    key_variables=("OPENAI_API_KEY",),
    embedding_sends={"encoding_format": None},
    completions=True,
    chat_models=("gpt-3.5-turbo", "gpt-4", "gpt-5", "chatgpt-", "o1", "o3", "o4"),
    responses="/responses",
)


def _first(variables: tuple[str, ...]) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name))), None)


def _or_variables(names: tuple[str, ...]) -> str:
    return f" or the {' or '.join(names)} variable" if names else ""


def _unset(vendor: Vendor, what: str) -> Failure:
    return Failure(
        500,
        f"litellm.InternalServerError: InternalServerError: {vendor.exception} - {what}",
        kind="server",
        reached=False,
    )
