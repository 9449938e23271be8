"""Names of settings that have no field of their own in ``model``: accepted, kept, and not warned about.

Source of the names: LiteLLM 1.81.14.
"""

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: ``tianji_X`` is another spelling of ``litellm_X`` for these X.
BOTH_SPELLINGS: Final = _names(
    "params settings jwtauth license key_header_name credential_name budget_table metadata session_id trace_id "
    "disabled_callbacks system_prompt embedding_model embedding_config"
)

#: Top-level sections of other features, kept as written in ``ProxyConfig.sections``.
SECTIONS: Final = _names(
    "default_vertex_config files_settings finetune_settings guardrails vector_store_registry mcp_servers mcp_tools "
    "agent_list prompts search_tools credential_list callback_settings assistant_settings policies policy_attachments"
)

#: Keys of a ``model_list`` item beside ``model_name``, ``litellm_params`` and ``model_info``.
ENTRY: Final = _names("rpm tpm")

ROUTER: Final = _names(
    "set_verbose debug_level client_ttl alerting_config router_general_settings ignore_invalid_deployments "
    "assistants_config search_tools guardrail_list"
)

#: The router's keys that the reference reads from ``litellm_settings`` too.
ROUTER_IN_SETTINGS: Final = _names(
    "num_retries max_fallbacks fallbacks default_fallbacks context_window_fallbacks content_policy_fallbacks "
    "allowed_fails"
)

SETTINGS: Final = _names(
    """
    set_verbose guardrails responses global_prompt_directory global_bitbucket_config global_gitlab_config
    priority_reservation priority_reservation_settings mcp_aliases mcp_semantic_tool_filter scim_upsert_user timezone
    prompt_injection_params prometheus_params websearch_interception_params default_redis_ttl detect_prompt_injection
    add_function_to_prompt add_user_information_to_llm_headers aiohttp_trust_env allow_dynamic_callback_disabling
    anthropic_beta_headers_url api_base api_key api_version argilla_batch_size argilla_transformation_object
    aws_sqs_callback_params banned_keywords_list blocked_user_list budget_duration caching callback_settings
    check_provider_endpoint cold_storage_custom_logger common_cloud_provider_auth_params cost_discount_config
    cost_margin_config credential_list custom_prometheus_metadata_labels custom_prometheus_tags custom_prompt_dict
    custom_provider_map datadog_llm_observability_params datadog_params datadog_use_v1 default_in_memory_ttl
    default_internal_user_params default_key_generate_params default_max_internal_user_budget
    default_redis_batch_cache_expiry default_soft_budget default_team_params default_team_settings
    disable_add_prefix_to_prompt disable_add_transform_inline_image_block disable_add_user_agent_to_request_tags
    disable_aiohttp_transport disable_aiohttp_trust_env disable_anthropic_gemini_context_caching_transform
    disable_copilot_system_to_assistant disable_end_user_cost_tracking
    disable_end_user_cost_tracking_prometheus_only disable_hf_tokenizer_download disable_stop_sequence_limit
    disable_streaming_logging disable_token_counter dynamodb_table_name email enable_azure_ad_token_refresh
    enable_caching_on_provider_specific_optional_params enable_end_user_cost_tracking_prometheus_only
    enable_json_schema_validation enable_loadbalancing_on_batch_endpoints enable_preview_features
    extra_spend_tag_headers filter_invalid_headers force_ipv4 forward_traceparent_to_llm_provider
    gcs_pub_sub_use_v1 generic_api_use_v1 generic_logger_headers global_disable_no_log_param
    google_moderation_confidence_threshold headers include_cost_in_streaming_usage input_callback
    internal_user_budget_duration key_generation_settings langfuse_default_tags langsmith_batch_size
    llamaguard_model_name llamaguard_unsafe_content_categories llm_guard_mode log_raw_request_response
    logged_real_time_event_types logging max_budget max_end_user_budget max_end_user_budget_id
    max_internal_user_budget max_tokens max_ui_session_budget max_user_budget model_alias_map model_cost
    model_cost_map_url model_fallbacks model_group_settings num_retries_per_request openai_moderations_model_name
    organization output_parse_pii post_call_rules pre_call_rules presidio_ad_hoc_recognizers project
    prometheus_initialize_budget_metrics prometheus_metrics_config proxy_auth public_agent_groups public_mcp_servers
    public_model_groups public_model_groups_links reasoning_auto_summary redact_messages_in_exceptions
    redact_user_api_key_info require_auth_for_metrics_endpoint retry return_response_headers s3_callback_params
    safe_memory_mode ssl_certificate ssl_ecdh_curve ssl_security_level ssl_verify
    standard_logging_payload_excluded_fields store_audit_logs suppress_debug_info tag_budget_config telemetry token
    upperbound_key_generate_params use_aiohttp_transport use_client use_litellm_proxy vector_store_index_registry
    vector_store_registry vertex_ai_safety_settings vertex_location vertex_project
    ai21_key aleph_alpha_key amazon_nova_api_key anthropic_key azure_key baseten_key bytez_key clarifai_key
    cloudflare_api_key cohere_key cometapi_key databricks_key datarobot_key gigachat_key gradient_ai_api_key groq_key
    heroku_key huggingface_key infinity_key lemonade_key llama_api_key maritalk_key nebius_key nlp_cloud_key
    novita_api_key ollama_key openai_key openai_like_key openrouter_key ovhcloud_key predibase_key replicate_key
    sap_service_key snowflake_key togetherai_api_key vercel_ai_gateway_key wandb_key
    """
)

GENERAL: Final = _names(
    """
    admin_only_routes alert_to_webhook_url alert_types alerting alerting_args alerting_threshold
    allow_client_side_credentials allow_requests_on_db_unavailable allow_user_auth allowed_ips
    always_include_stream_usage custom_auth_settings custom_key_generate custom_key_update custom_sso
    custom_ui_sso_sign_in_handler database_args database_connection_pool_limit database_connection_timeout
    database_type default_team_disabled disable_adding_master_key_hash_to_db disable_error_logs
    disable_master_key_return disable_prisma_schema_update disable_reset_budget disable_responses_id_security
    disable_retry_on_max_parallel_request_limit_error disable_spend_logs disable_spend_updates enable_jwt_auth
    enable_mcp_registry enable_oauth2_auth enable_oauth2_proxy_auth enable_public_model_hub enforce_rbac
    enforce_user_param enforced_params forward_openai_org_id health_check_details image_generation_model
    infer_model_from_keys key_management_settings key_management_system litellm_jwtauth
    litellm_license maximum_spend_logs_cleanup_cron maximum_spend_logs_retention_interval
    maximum_spend_logs_retention_period mcp_client_side_auth_header_name mcp_internal_ip_ranges
    mcp_trusted_proxy_ranges moderation_model oauth2_config_mappings otel proxy_batch_polling_interval
    proxy_batch_write_at proxy_budget_rescheduler_max_time proxy_budget_rescheduler_min_time public_routes
    reject_clientside_metadata_tags require_end_user_mcp_access_defined role_permissions search_tools
    service_account_settings spend_report_frequency spend_journal_folder
    store_prompts_in_spend_logs supported_db_objects ui_access_mode
    use_azure_key_vault use_google_kms use_redis_transaction_buffer use_shared_health_check use_x_forwarded_for
    user_api_key_cache_ttl user_header_mappings user_header_name user_mcp_management_mode
    """
)

#: Deployment settings that are never sent upstream.
PARAMS: Final = _names(
    """
    allowed_model_region assistant_continue_message auto_router_config auto_router_config_path
    auto_router_default_model auto_router_embedding_model aws_access_key_id aws_batch_role_arn
    aws_bedrock_runtime_endpoint aws_external_id aws_profile_name aws_region_name aws_role_name aws_secret_access_key
    aws_session_name aws_session_token aws_sts_endpoint aws_web_identity_token azure_ad_token azure_ad_token_provider
    azure_password azure_scope azure_username base_model bos_token budget_duration bucket_name cache cache_key caching
    caching_groups client_id client_secret complexity_router_config complexity_router_default_model
    context_window_fallback_dict content_policy_fallbacks context_window_fallbacks custom_prompt_dict
    deployment_id disable_add_transform_inline_image_block eos_token ensure_alternating_roles fake_stream
    fallback_depth fallbacks fastest_response final_prompt_value force_timeout gcs_bucket_name guardrails
    headers hf_model_name id initial_prompt_value litellm_credential_name litellm_disabled_callbacks litellm_metadata
    litellm_session_id litellm_system_prompt litellm_trace_id max_budget max_fallbacks max_file_size_mb
    merge_reasoning_content_in_choices metadata milvus_text_field mock_delay mock_timeout mock_tool_calls
    model_config model_info no-log oci_compartment_id oci_endpoint_id oci_fingerprint oci_key oci_key_file oci_region
    oci_serving_mode oci_signer oci_tenancy oci_user preset_cache_key prompt_id prompt_label prompt_variables
    prompt_version provider_specific_header realtime_protocol retry_policy retry_strategy roles s3_bucket_name
    s3_encryption_key_id s3_output_bucket_name s3_region_name sagemaker_base_url search_tool_name silent_model ssl_verify
    supports_system_message supports_system_prompt tenant_id tiered_pricing ttl turn_off_message_logging upload_url use_client
    use_litellm_proxy user_continue_message vector_store_id vertex_ai_credentials vertex_ai_location
    vertex_ai_project vertex_credentials vertex_location vertex_project verbose watsonx_region_name
    arize_api_key arize_space_id arize_space_key gcs_path_service_account humanloop_api_key langfuse_host
    langfuse_prompt_version langfuse_public_key langfuse_secret langfuse_secret_key langsmith_api_key
    langsmith_base_url langsmith_project langsmith_sampling_rate langsmith_tenant_id posthog_api_key posthog_api_url
    wandb_api_key weave_project_id
    """
)

#: Common request fields: what a misspelt deployment setting may also have meant.
REQUEST: Final = _names(
    """
    audio dimensions encoding_format frequency_penalty function_call functions input_type keep_alive language
    logit_bias logprobs max_completion_tokens max_new_tokens max_output_tokens max_tokens modalities n parallel_tool_calls
    prediction presence_penalty prompt_cache_key prompt_cache_retention quality reasoning_effort response_format
    safety_identifier safety_settings seed service_tier size stop store stream stream_options style task_type
    temperature thinking tool_choice tools top_k top_logprobs top_p user verbosity voice web_search_options
    """
)

#: Names of strategies, each with the one it stands for.
STRATEGIES: Final = {
    "simple-shuffle": "simple-shuffle",
    "least-busy": "least-busy",
    "latency-based-routing": "latency-based-routing",
    "cost-based-routing": "cost-based-routing",
    "usage-based-routing": "usage-based-routing",
    "usage-based-routing-v2": "usage-based-routing-v2",
    "provider-budget-routing": "provider-budget-routing",
    "lowest-tpm-rpm": "usage-based-routing-v2",
}

#: Settings that an environment variable gives when the file does not.
VARIABLES: Final = {
    "litellm_settings": {
        "request_timeout": "REQUEST_TIMEOUT",
        "drop_params": "LITELLM_DROP_PARAMS",
        "modify_params": "LITELLM_MODIFY_PARAMS",
    },
    "router_settings": {
        "max_fallbacks": "ROUTER_MAX_FALLBACKS",
        "cooldown_time": "DEFAULT_COOLDOWN_TIME_SECONDS",
        "polling_interval": "DEFAULT_POLLING_INTERVAL",
    },
    "general_settings": {
        "master_key": "LITELLM_MASTER_KEY",
        "database_url": "DATABASE_URL",
        "store_model_in_db": "STORE_MODEL_IN_DB",
    },
}
