"""What a provider is: one file in this folder, named as the prefix of ``litellm_params.model``."""

import difflib
import importlib
import importlib.util
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec

from proxy.call import Body, Usage
from proxy.config.errors import ConfigError
from proxy.deployment import Deployment
from proxy.errors import Headers
from proxy.upstream.client import UpstreamClient


class Resource(msgspec.Struct, frozen=True):
    """Something that a vendor keeps, and what is done with it."""

    method: str
    path: str
    """Below the endpoint's."""
    query: str = ""
    exists: bool = True
    """Whether it was there before: then nothing is sent but what is to be done, and nothing used."""

    def of(self, url: str) -> str:
        """Its address, given the endpoint's."""
        address, _, query = url.partition("?")
        queries = "&".join(filter(None, (query, self.query)))
        return f"{address}{self.path}?{queries}" if queries else address + self.path


def _as_it_is(name: str) -> str:
    return name


class Attempt(msgspec.Struct):
    """A call on its way to one deployment."""

    deployment: Deployment
    endpoint: str
    """``chat``, ``completions``, ``embeddings``; ``messages`` if the provider speaks Anthropic's dialect, ``responses`` if it
    has OpenAI's Responses API."""
    body: Body
    """In OpenAI's format (of ``messages`` in Anthropic's), without the gateway's own fields; ``model`` is set by the provider."""
    stream: bool
    timeout: float
    """Seconds: of the whole call, or of each silence of a stream."""
    shown_model: str | None
    """The name that the answer carries; ``None``: whatever the vendor says."""
    headers: Headers = []
    """Further headers for the vendor, as the client may send them."""
    max_answer: int = 256_000_000
    """Bytes of a complete answer; more is a failure."""
    keep_text: bool = False
    """Whether a stream keeps its text, so that a fallback can continue it."""
    count: Callable[[str], Awaitable[Usage]] | None = None
    """Tells what a stream that said this used, where its vendor does not; ``None`` when nobody wants to know."""
    credentials: dict[str, str] = {}
    """Hosts and keys in place of the deployment's: its client's, if it may set them, or those of a fallback entry."""
    facts: Mapping[str, Any] = {}
    """What is publicly known about the model: its fields of the packaged table."""
    drop_params: bool = False
    """Leave out parameters that the model has nothing like, instead of refusing the call."""
    allowed_params: Sequence[str] = ()
    """Parameters to pass on whether the model is known to take them or not."""
    metadata: msgspec.Raw | None = None
    """The client's own, for providers that tell their vendor who the end user is."""
    client_headers: Mapping[bytes, bytes] = {}
    """The client's, by lower-case name, for providers whose vendor is told by some of them what to do."""
    resource: Resource | None = None
    """Of ``responses``: what is asked for in place of a new one."""
    seal: Callable[[str], str] = _as_it_is
    """Makes the client's id of the vendor's, of ``responses``."""


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


def wants_usage(attempt: Attempt) -> bool:
    """Whether the client asked for the usage at the end of its stream (``stream_options.include_usage``)."""
    options = attempt.body.get("stream_options")
    if options is None:
        return False
    try:
        return msgspec.json.decode(options, type=_StreamOptions).include_usage
    except msgspec.ValidationError:
        return False


Sink = Callable[[list[bytes]], Awaitable[None] | None]
"""Takes the data of events that came together; what it returns must be awaited before it is called again.

Pushed rather than asked for: what a vendor sends then reaches the client without waking a task, the costliest part of a
paced stream. It runs in the loop's callback and must not block.
"""


class Stream(Protocol):
    """A stream of an upstream, in OpenAI's format: the data of its events, not framed, ``[DONE]`` at the very end."""

    @property
    def text(self) -> list[str] | None:
        """The text so far, if the attempt wants it kept."""

    @property
    def usage(self) -> Usage:
        """Right once the stream has ended."""

    async def pump(self, sink: Sink) -> None:
        """Give every event to ``sink``, as they come; return at the end of the stream.

        Raises:
            proxy.providers.failures.StreamFailure: the stream is incomplete.
        """

    async def aclose(self) -> None:
        """Give the upstream call up; idempotent."""


class Reply(msgspec.Struct):
    """What an upstream answered, in OpenAI's format; exactly one of ``body`` and ``stream`` is set."""

    headers: Headers
    api_base: str
    body: bytes = b""
    stream: Stream | None = None
    usage: Usage = Usage()


class Provider(Protocol):
    """How one kind of vendor is spoken to."""

    async def send(self, attempt: Attempt, client: UpstreamClient) -> Reply:
        """Make the call; for a stream return once its first event has come.

        Raises:
            proxy.errors.Failure: the vendor refused, failed or could not be reached.
        """


@lru_cache
def find_provider(name: str) -> Provider:
    """The provider of a prefix such as ``openai``: the file or package of its name, else the table's.

    Raises:
        ConfigError: there is none of this name.
    """
    provider = _of_file(name) or _of_table(name)
    if provider is not None:
        return provider
    near = [other for other in difflib.get_close_matches(name, _names(), n=5) if _of_file(other) or _of_table(other)]
    meant = f"did you mean {' or '.join(near)}? Else " if near else ""
    raise ConfigError(
        f"litellm_params.model: unknown provider {name!r}; {meant}write openai/MODEL with an api_base for an "
        "OpenAI-compatible vendor"
    )


def _of_file(name: str) -> Provider | None:
    """What the file of a name calls ``provider``, or the file ``provider.py`` of the package of this name."""
    module_name = f"{__package__}.{name.replace('-', '_')}"
    found = importlib.util.find_spec(module_name) if name.replace("-", "_").isidentifier() else None
    if found is not None and found.submodule_search_locations is not None:
        module_name += ".provider"
        found = importlib.util.find_spec(module_name)
    if found is None:
        return None
    provider: Provider | None = getattr(importlib.import_module(module_name), "provider", None)
    return provider


def _of_table(name: str) -> Provider | None:
    provider: Provider | None = importlib.import_module(f"{__package__}.compatible").compatible_provider(name)
    return provider


def provider_names() -> list[str]:
    """Every prefix that a model may have, sorted. Imports all providers."""
    return sorted(name for name in _names() if _of_file(name) or _of_table(name))


def _names() -> list[str]:
    """What may be a prefix: every file, every package and every vendor of the table."""
    package = importlib.import_module(str(__package__))
    files = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return [*files, *importlib.import_module(f"{__package__}.compatible").VENDORS]
