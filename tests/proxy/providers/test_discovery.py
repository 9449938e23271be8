"""What people who add models are told about providers."""

import pytest

from proxy.providers.base import find_provider, provider_names
from proxy.providers.discovery import provider_fields, shown_name, taken_params


def test_every_name_is_a_provider() -> None:
    names = provider_names()
    assert names == sorted(set(names))
    assert len(names) > 60
    for name in names:
        find_provider(name)


def test_every_provider_says_what_it_needs() -> None:
    for entry in provider_fields():
        keys = [field.key for field in entry.credential_fields]
        assert len(keys) == len(set(keys))
        for field in entry.credential_fields:
            secret = field.key.endswith(("key", "token", "key_id"))
            assert (field.field_type == "password") == secret, (entry.provider, field.key)


@pytest.mark.parametrize(
    ("name", "shown"), [("openai", "OpenAI"), ("together_ai", "Together Ai"), ("bedrock", "Amazon Bedrock")]
)
def test_names_as_people_write_them(name: str, shown: str) -> None:
    assert shown_name(name) == shown


@pytest.mark.parametrize(
    ("provider", "model", "takes", "refuses"),
    [
        ("openai", "gpt-4o", "logit_bias", "thinking"),
        ("openai", "o3", "reasoning_effort", "logprobs"),
        ("anthropic", "claude-3-haiku-20240307", "tools", "logit_bias"),
        ("mistral", "mistral-large-latest", "seed", "logprobs"),
        ("gemini", "gemini-1.5-pro", "stop", "logit_bias"),
        ("bedrock", "amazon.nova-pro-v1:0", "temperature", "seed"),
        ("cohere", "command-r", "seed", "logprobs"),
    ],
)
def test_parameters_that_models_take(provider: str, model: str, takes: str, refuses: str) -> None:
    taken = taken_params(provider, model, {})
    assert takes in taken
    assert refuses not in taken
    assert len(taken) == len(set(taken))
