"""The packaged table of public models: prices in US dollars, sizes in tokens, abilities.

``prices.json.gz`` holds ``{model: {field: value}}``, as published with LiteLLM 1.81.14 in
``model_prices_and_context_window_backup.json`` (MIT), without its prose. ``tianji prices update`` puts a newer one in its
place (:mod:`proxy.accounting.price_file`).
"""

import gzip
import logging
import re
import zlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from proxy.accounting.price_file import place
from proxy.providers.bedrock.models import known_as

log = logging.getLogger(__name__)

#: Owners whose names do not begin with their provider's and a dash.
ALSO = {"bedrock": "bedrock_converse", "cohere": "cohere_chat", "azure": "azure_text"}

SAMPLE = "sample_spec"

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode
_provider = re.compile(rb'"litellm_provider":"([^"]*)"')


class Entry(msgspec.Struct, frozen=True):
    """What is known about one model."""

    key: str
    """Its name in the table."""
    fields: dict[str, Any]


class ModelTable:
    """Entries by name; upper and lower case are the same. They stay encoded until they are asked for."""

    def __init__(self, entries: Mapping[str, msgspec.Raw]) -> None:
        self._entries = entries
        self._keys = {key.lower(): key for key in entries}

    def find(self, model: str, provider: str | None = None) -> Entry | None:
        """The entry of a vendor's model, under its name with the provider's prefix or without.

        Args:
            provider: ``None`` takes the entry whoever the provider is.
        """
        for name in candidates(model, provider):
            key = self._keys.get(name.lower())
            if key is not None and (provider is None or serves(provider, self._provider_of(key))):
                return Entry(key, _decode_fields(self._entries[key]))
        return None

    def models_of(self, provider: str) -> tuple[str, ...]:
        """Names of a provider's models, as the table has them; patterns of fine-tuned ones left out."""
        return tuple(
            key
            for key in self._entries
            if serves(provider, self._provider_of(key)) and not key.startswith("ft:") and "*" not in key
        )

    def only(self, names: Iterable[str], providers: Iterable[str]) -> "ModelTable":
        """A small table: what ``names`` may be found under, and all models of ``providers``."""
        keys = {self._keys[name.lower()] for name in names if name.lower() in self._keys}
        for provider in providers:
            keys.update(key for key in self._entries if serves(provider, self._provider_of(key)))
        # copied, because each piece holds the whole of the text that it was cut from
        return ModelTable({key: self._entries[key].copy() for key in self._entries if key in keys})

    def _provider_of(self, key: str) -> str:
        match = _provider.search(self._entries[key])
        return match[1].decode() if match else ""


def load_table() -> ModelTable:
    """The whole table: about 6 ms and 2 MB, so keep only a part of it."""
    return ModelTable(_decode(_content()))


def published_table() -> dict[str, msgspec.Raw]:
    """The whole table as it is published, for clients that read it; an entry that explains the fields comes first."""
    entries = _decode(_content())
    return {SAMPLE: entries.pop(SAMPLE, msgspec.Raw(b"{}"))} | entries


def _content() -> bytes:
    """The table that was put in the packaged one's place, if that can be read, else the packaged one."""
    path = place()
    try:
        return gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        pass
    except (OSError, EOFError, zlib.error) as error:
        log.error("the prices in %s cannot be read, the packaged ones are used: %s", path, error)  # noqa: TRY400
    return gzip.decompress((files(__package__) / "prices.json.gz").read_bytes())


def candidates(model: str, provider: str | None) -> list[str]:
    """The names that a model may stand under, best first; a fine-tuned model is priced as its kind."""
    names = [model] if provider is None else [f"{provider}/{model}", model]
    bare = model.rpartition("/")[2]
    if provider is None and bare != model:
        names.append(model.partition("/")[2])
    if bare.startswith("ft:"):
        names.append(":".join(bare.split(":")[:2]))
    if provider == "bedrock":
        names += known_as(model)
    return names


def serves(provider: str, owner: str) -> bool:
    """Whether an entry of ``owner`` is about a model of ``provider``: ``vertex_ai-language-models`` is ``vertex_ai``'s."""
    return owner in {provider, f"text-completion-{provider}", ALSO.get(provider)} or owner.startswith(f"{provider}-")
