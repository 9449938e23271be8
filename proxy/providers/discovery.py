"""What people who add models want to know of providers: the settings that each needs, the parameters that its models take."""

from typing import Literal

import msgspec

from proxy.providers.anthropic.params import taken_params as taken_by_claude
from proxy.providers.base import find_provider, provider_names
from proxy.providers.bedrock.models import named
from proxy.providers.cohere import requests as cohere_requests
from proxy.providers.google.params import param_rules as google_rules
from proxy.providers.openai.params import PARAMS, Facts, supported_params
from proxy.providers.openai.provider import OpenAICompatible


class CredentialField(msgspec.Struct, frozen=True):
    """One of ``litellm_params`` that a provider needs or knows."""

    key: str
    label: str
    required: bool = False
    field_type: Literal["text", "password", "upload"] = "text"
    placeholder: str | None = None
    tooltip: str | None = None
    options: list[str] | None = None
    default_value: str | None = None


_VARIABLE = "The value itself, or os.environ/NAME to read a variable of the gateway's environment"
_KEY = CredentialField("api_key", "API Key", required=True, field_type="password", tooltip=_VARIABLE)
_OPTIONAL_KEY = msgspec.structs.replace(_KEY, required=False)
_BASE = CredentialField("api_base", "API Base", tooltip="Only for a server of your own")
_REQUIRED_BASE = CredentialField("api_base", "API Base", required=True, placeholder="https://...")
_AWS = (
    CredentialField("aws_access_key_id", "AWS Access Key ID", field_type="password", tooltip=_VARIABLE),
    CredentialField("aws_secret_access_key", "AWS Secret Access Key", field_type="password", tooltip=_VARIABLE),
    CredentialField("aws_session_token", "AWS Session Token", field_type="password"),
    CredentialField("aws_region_name", "AWS Region Name", placeholder="eu-west-1"),
    CredentialField("aws_profile_name", "AWS Profile Name"),
    CredentialField("aws_role_name", "AWS Role Name", tooltip="ARN of a role that is assumed"),
    CredentialField("aws_session_name", "AWS Session Name"),
    CredentialField("aws_web_identity_token", "AWS Web Identity Token", field_type="password"),
    CredentialField("aws_bedrock_runtime_endpoint", "AWS Bedrock Runtime Endpoint"),
    msgspec.structs.replace(_OPTIONAL_KEY, tooltip="A Bedrock API key, in place of the others"),
)
_OWN = {
    "openai": (_BASE, CredentialField("organization", "Organization ID"), _KEY),
    "azure": (
        _REQUIRED_BASE,
        CredentialField("api_version", "API Version", placeholder="2024-10-21"),
        CredentialField("base_model", "Base Model", tooltip="The model behind the deployment, for its prices"),
        _OPTIONAL_KEY,
        CredentialField("azure_ad_token", "Azure AD Token", field_type="password", tooltip=_VARIABLE),
    ),
    "azure_ai": (_REQUIRED_BASE, _KEY),
    "azure_text": (_REQUIRED_BASE, CredentialField("api_version", "API Version"), _KEY),
    "bedrock": _AWS,
    "vertex_ai": (
        CredentialField("vertex_project", "Vertex Project", required=True),
        CredentialField("vertex_location", "Vertex Location", required=True, placeholder="europe-west1"),
        CredentialField(
            "vertex_credentials", "Vertex Credentials", field_type="upload", tooltip="A service account's key file"
        ),
        _BASE,
    ),
    "offline": (),
}
"""Of providers that need something else than a key; the first of each kind is what most people fill in."""
_SPELLED = {
    "ai21": "AI21",
    "aiml": "AI/ML API",
    "azure": "Azure OpenAI",
    "azure_ai": "Azure AI Foundry",
    "azure_text": "Azure OpenAI (text completions)",
    "bedrock": "Amazon Bedrock",
    "deepseek": "DeepSeek",
    "gemini": "Google AI Studio",
    "github": "GitHub Models",
    "nvidia_nim": "NVIDIA NIM",
    "openai": "OpenAI",
    "openrouter": "OpenRouter",
    "ovhcloud": "OVHcloud",
    "vertex_ai": "Google Vertex AI",
    "vllm": "vLLM",
    "xai": "xAI",
}


class ProviderFields(msgspec.Struct, frozen=True):
    """What a form for a new model of a provider shows."""

    provider: str
    provider_display_name: str
    litellm_provider: str
    credential_fields: tuple[CredentialField, ...]
    default_model_placeholder: str


def provider_fields() -> list[ProviderFields]:
    """Of every provider, in the order of their names."""
    return [ProviderFields(name, shown_name(name), name, _fields(name), f"{name}/MODEL") for name in provider_names()]


def shown_name(provider: str) -> str:
    """A provider's name as people write it, as far as that is known."""
    return _SPELLED.get(provider) or " ".join(part.capitalize() for part in provider.split("_"))


def _fields(name: str) -> tuple[CredentialField, ...]:
    if name in _OWN:
        return _OWN[name]
    provider = find_provider(name)
    if not isinstance(provider, OpenAICompatible):
        return (_BASE, _KEY)
    vendor = provider.vendor
    key = _OPTIONAL_KEY if vendor.keyless is not None else _KEY
    return (_REQUIRED_BASE if vendor.api_base is None else _BASE, key)


_THINKING = ("thinking", "reasoning_effort")


def taken_params(provider: str, model: str, facts: Facts) -> list[str]:
    """OpenAI's parameters that a model takes.

    Args:
        facts: its fields of the packaged table.
    """
    if provider == "openai":
        return supported_params(model, facts)
    if provider == "anthropic":
        return taken_by_claude(facts)
    found = find_provider(provider)
    if isinstance(found, OpenAICompatible):
        refused = found.rules(model, facts).refused
    elif provider in ("gemini", "vertex_ai"):
        refused = google_rules(model, provider, facts).refused
    elif provider == "bedrock":
        refused = frozenset(PARAMS) - named(model).takes(facts)
    else:
        refused = frozenset(PARAMS) - cohere_requests.TAKES if provider == "cohere" else frozenset()
    return [name for name in (*PARAMS, *_THINKING) if name not in refused]
