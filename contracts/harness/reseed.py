"""`--reseed N`: other names for model groups, upstream models and texts, so that no answer can be a learned one.

Cases and recordings keep their names: what goes to the gateway and to the upstreams is renamed on the way out, and back
on the way in. The same N renames the same way. Names that mean something to a vendor stay, because prices and
parameters hang on them; so do names of fewer than four letters, which could be any word.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import yaml

from contracts.harness.configs import CONFIGS
from contracts.harness.translation import Translation
from fixtures.dialects.openai import CONTENT
from fixtures.replies import Reply

SHORTEST = 4
_VENDOR = re.compile(
    r"(gpt-|o\d|claude|gemini|text-|omni-|dall-e|whisper|tts-|command|mistral|llama|davinci|babbage|embed-"
    r"|(us\.|eu\.)?(anthropic|amazon|cohere|meta|mistral|openai)\.|arn:|converse$|invoke$|accounts$|fireworks$|models$|responses$|complexity_router$|[a-z]{2}-[a-z]+-\d$)"
)
_WORD = re.compile(rf"[A-Za-z]{{{SHORTEST},}}")
_PARAMS = ("litellm_params", "tianji_params")
_SAYS_SOMETHING = ("body", "text", "events", "raw", "tool_calls")


class Naming:
    """The new names of one seed; without a seed nothing is renamed."""

    def __init__(self, seed: int | None) -> None:
        self.seed = seed

    def of_config(self, config: str) -> Translation:
        """New names for the groups, aliases and upstream models of the configs in that config's folder."""
        if self.seed is None:
            return Translation({})
        files = sorted((CONFIGS / config).parent.glob("*.yaml"))
        configs = [yaml.safe_load(path.read_text()) for path in files]
        found = {word for config in configs for word in _model_names(config)}
        found -= {provider for config in configs for provider in _providers(config)}
        words = self._rename(word for word in found if not _VENDOR.match(word))
        # A name that is an ordinary word (`healthy`) may well come back, in the gateway's own messages.
        return Translation(words, untold={old: new for old, new in words.items() if not old.isalpha()})

    def of_replies(self, models: Mapping[str, Sequence[Any]]) -> Translation:
        """New words for the texts that upstreams are told to say.

        Single words of the old texts may well come back, from the gateway's own messages; whole texts may not.
        """
        if self.seed is None:
            return Translation({})
        texts = set(_texts(msgspec.to_builtins(models)))
        words = Translation(self._rename(word for text in texts for word in _WORD.findall(text)))
        return Translation(words.words, untold={text: words.out(text) for text in texts if " " in text})

    def explicit(self, models: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        """The script with the ordinary text written out, so that it is renamed too."""
        if self.seed is None:
            return models
        return {model: [_explicit(reply) for reply in replies or [Reply()]] for model, replies in models.items()}

    def _rename(self, words: Iterable[str]) -> dict[str, str]:
        return {word: self._new_name(word) for word in sorted(set(words)) if len(word) >= SHORTEST}

    def _new_name(self, word: str) -> str:
        """Letters become letters of the same case and digits digits; without vowels, so that it is no other word."""
        dice = random.Random(f"{self.seed} {word}")
        consonants = sorted(set(string.ascii_lowercase) - set("aeiou"))
        new = [
            dice.choice(string.digits)
            if character.isdigit()
            else _like(character, dice.choice(consonants))
            if character.isalpha()
            else character
            for character in word
        ]
        return "".join(new)


def _like(character: str, letter: str) -> str:
    return letter.upper() if character.isupper() else letter


def _model_names(config: Any) -> Iterator[str]:
    for name in _groups(config):
        yield from _parts(name)
    for model in _upstream_models(config):
        yield from _parts(model.partition("/")[2])
    for section in config.values() if isinstance(config, dict) else ():
        if isinstance(section, dict):
            yield from section.get("model_group_alias") or {}


def _providers(config: Any) -> Iterator[str]:
    """The words that name a provider, wherever else they stand: a group may be called `openai/*`."""
    yield from (model.partition("/")[0] for model in _upstream_models(config))


def _groups(config: Any) -> Iterator[str]:
    yield from (str(entry.get("model_name", "")) for entry in _entries(config))


def _upstream_models(config: Any) -> Iterator[str]:
    for entry in _entries(config):
        yield from (str(entry.get(params, {}).get("model", "")) for params in _PARAMS)


def _entries(config: Any) -> list[Any]:
    return (config.get("model_list") or []) if isinstance(config, dict) else []


def _parts(name: str) -> Iterator[str]:
    """The words of a name: wildcards and slashes stay where they are."""
    yield from (part for part in name.split("/") if part and "*" not in part)


def _explicit(reply: Any) -> Any:
    said = msgspec.to_builtins(reply)
    if said.get("content") is not None or any(said.get(field) for field in _SAYS_SOMETHING):
        return said
    return {**said, "content": CONTENT}


def _texts(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, name)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from _texts(inner, key)
    elif isinstance(value, str) and key == "content":
        yield value
