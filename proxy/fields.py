"""Fields of a request's body that are the gateway's, whoever sets them, and never reach a vendor."""

from typing import Any

#: Options of a call, as a client may set them.
OPTIONS = frozenset(
    (
        "additional_drop_params",
        "allowed_openai_params",
        "content_policy_fallbacks",
        "context_window_fallbacks",
        "disable_fallbacks",
        "drop_params",
        "extra_body",
        "extra_headers",
        "fallbacks",
        "max_fallbacks",
        "mock_response",
        "mock_testing_content_policy_fallbacks",
        "mock_testing_context_fallbacks",
        "mock_testing_fallbacks",
        "num_retries",
        "priority",
        "stream_timeout",
        "timeout",
    )
)
#: Fields that are the gateway's too, and like those above never reach a vendor (A.md, CORE).
GATEWAY_FIELDS = frozenset(
    (
        "allowed_model_region",
        "cache",
        "caching",
        "guardrails",
        "litellm_call_id",
        "litellm_metadata",
        "litellm_session_id",
        "litellm_trace_id",
        "max_retries",
        "metadata",
        "mock_timeout",
        "model",
        "no-log",
        "prompt_id",
        "prompt_variables",
        "proxy_server_request",
        "request_timeout",
        "secret_fields",
        "specific_deployment",
        "tags",
        "ttl",
    )
)
#: They choose where a call goes, or whose account pays for it.
CREDENTIAL_FIELDS = frozenset(
    (
        "api_base",
        "api_key",
        "api_version",
        "aws_access_key_id",
        "aws_bedrock_runtime_endpoint",
        "aws_profile_name",
        "aws_region_name",
        "aws_role_name",
        "aws_secret_access_key",
        "aws_session_name",
        "aws_session_token",
        "aws_sts_endpoint",
        "aws_web_identity_token",
        "azure_ad_token",
        "azure_password",
        "azure_username",
        "base_url",
        "client_id",
        "client_secret",
        "custom_llm_provider",
        "litellm_credential_name",
        "litellm_params",
        "model_list",
        "organization",
        "tenant_id",
        "tianji_params",
        "user_config",
        "vertex_credentials",
        "vertex_location",
        "vertex_project",
    )
)

KEPT_BACK = OPTIONS | GATEWAY_FIELDS | CREDENTIAL_FIELDS

LONGEST_NAME = 1000
"""Characters of a name that a client chooses; longer ones are cut."""
MOST_TAGS = 100


def names_of(value: Any) -> list[str]:
    """The tags of a list that a client sent: so many, so long, that reading and storing them stays cheap."""
    if not isinstance(value, list):
        return []
    return [name[:LONGEST_NAME] for name in value[:MOST_TAGS] if isinstance(name, str)]
