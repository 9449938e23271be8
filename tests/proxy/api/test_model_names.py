"""What a key's list of models covers."""

import pytest

from proxy.api.model_names import is_in


@pytest.mark.parametrize(
    ("models", "name", "allowed"),
    [
        ((), "anything", True),
        (("a",), "a", True),
        (("a",), "b", False),
        (("openai/*",), "openai/gpt-4o", True),
        (("openai/*",), "groq/llama", False),
        (("openai/*",), "openai", False),
        (("[ab]",), "a", False),
    ],
)
def test_names_and_patterns(models: tuple[str, ...], name: str, allowed: bool) -> None:
    assert is_in(models, name) is allowed
