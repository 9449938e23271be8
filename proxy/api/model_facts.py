"""What is shown of a deployment's model: ``model_info`` in the answers of ``/model/info``."""

from typing import Any

from proxy.accounting.catalog import Catalog, base_model
from proxy.accounting.cost import own_prices
from proxy.config.redact import masked
from proxy.deployment import OPENAI_PREFIX, Deployment
from proxy.providers.anthropic.params import taken_params as taken_by_claude
from proxy.providers.openai.params import supported_params

_FIELDS = """
    max_tokens max_input_tokens max_output_tokens input_cost_per_token input_cost_per_token_flex
    input_cost_per_token_priority cache_creation_input_token_cost cache_creation_input_token_cost_above_200k_tokens
    cache_read_input_token_cost cache_read_input_token_cost_above_200k_tokens cache_read_input_token_cost_flex
    cache_read_input_token_cost_priority cache_creation_input_token_cost_above_1hr input_cost_per_character
    input_cost_per_token_above_128k_tokens input_cost_per_token_above_200k_tokens input_cost_per_query
    input_cost_per_second input_cost_per_audio_token input_cost_per_image_token input_cost_per_image
    input_cost_per_audio_per_second input_cost_per_video_per_second input_cost_per_token_batches
    output_cost_per_token_batches output_cost_per_token output_cost_per_token_flex output_cost_per_token_priority
    output_cost_per_audio_token output_cost_per_character output_cost_per_reasoning_token
    output_cost_per_token_above_128k_tokens output_cost_per_character_above_128k_tokens
    output_cost_per_token_above_200k_tokens output_cost_per_second output_cost_per_video_per_second
    output_cost_per_image output_cost_per_image_token output_vector_size citation_cost_per_token tiered_pricing
    litellm_provider mode supports_system_messages supports_response_schema supports_vision
    supports_function_calling supports_tool_choice supports_assistant_prefill supports_prompt_caching
    supports_audio_input supports_audio_output supports_pdf_input supports_embedding_image_input
    supports_native_streaming supports_web_search supports_url_context supports_reasoning supports_computer_use
    search_context_cost_per_query tpm rpm ocr_cost_per_page annotation_cost_per_page
"""
FACTS = tuple(_FIELDS.split())
"""Fields of the packaged table that are shown, null where nothing is known; in the reference's order."""


def facts_of(deployment: Deployment, catalog: Catalog) -> dict[str, Any]:
    """``model_info``: the config's own, completed with the deployment's prices and with the packaged table."""
    entry = catalog.entry(deployment)
    table = {} if entry is None else entry.fields
    facts: dict[str, Any] = {"key": deployment.params.model if entry is None else entry.key}
    facts |= {name: table.get(name) for name in FACTS}
    for name in ("input_cost_per_token", "output_cost_per_token"):
        facts[name] = facts[name] or 0  # unknown and free look alike here, as in the reference
    facts["litellm_provider"] = facts["litellm_provider"] or deployment.provider
    if deployment.provider == OPENAI_PREFIX:
        facts["supported_openai_params"] = supported_params(deployment.model, table)
        if "/" not in (base_model(deployment) or deployment.params.model):
            facts["supported_openai_params"].append("user")  # only of bare names, as in the reference
    elif deployment.provider == "anthropic":
        facts["supported_openai_params"] = taken_by_claude(table)
    return facts | own_info(deployment)


def own_info(deployment: Deployment) -> dict[str, Any]:
    """``model_info`` of the config or the database alone."""
    stored = {"id": deployment.id, "db_model": is_stored(deployment)}
    configured: dict[str, Any] = masked(deployment.info)
    return configured | own_prices(deployment) | stored


def is_stored(deployment: Deployment) -> bool:
    """Whether it is of the database."""
    return deployment.info.get("db_model") is True
