"""Ways to break the vendors' pass-through routes, and the cases of A1 that notice."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def sends_the_callers_key(original: Original, *given: Any) -> frozenset[bytes]:
    original(*given)
    return frozenset()


def forgets_the_query(original: Original, url: str, query: str) -> str:
    return original(url, "" if query in ("beta=true", "a=1&b=%20x") else query)


def keeps_gateway_fields(original: Original, names: frozenset[str]) -> Any:
    return original(names - {"tags", "num_retries"})


def takes_metadata_out(original: Original, names: frozenset[str]) -> Any:
    return original(names | {"metadata"})


def sends_the_callers_query_key(original: Original, query: str, values: Mapping[str, str]) -> str:
    original(query, values)
    return query or "key=none"


def looks_for_bearers_too(original: Original, route: Any, headers: Any, query: str) -> Any:
    return original(route, headers, query) or headers


def lets_clients_set_credentials(original: Original, given: Any, own: Any, **options: Any) -> Any:
    headers = original(given, own, **options)
    chosen = given.get(b"x-pass-authorization")
    kept = [(name, value) for name, value in headers if name.lower() != "authorization"]
    return headers if chosen is None else [*kept, ("authorization", chosen.decode())]


async def quotes_errors_bare(original: Original, response: Any, target: Any) -> Any:
    error = await original(response, target)
    return error if target.detailed else type(error)(error.status, "the vendor failed")


async def hides_statuses(original: Original, response: Any, target: Any) -> Any:
    error = await original(response, target)
    error.status = 500 if error.status in (404, 307) else error.status
    return error


def follows_paths_anywhere(original: Original, rest: str) -> None:
    if "%2e" not in rest.lower() and "%252e" not in rest.lower():
        original(rest)


def keeps_the_clients_place(original: Original, base: Any, rest: str, project: Any, location: Any) -> str:
    return original(base, rest, "theirs", location)


def calls_azures_group(original: Original, asked: Any, deployment: Any) -> Any:
    return original(asked, msgspec.structs.replace(deployment, model="az-group"))


def serves_any_model_on_azure(original: Original, router: Any, model: str, providers: Any, path: str) -> Any:
    return original(router, model, (*providers, "openai"), path)


def signs_nothing(original: Original, method: str, url: str, headers: Any, body: bytes, **options: Any) -> Any:
    original(method, url, headers, body, **options)
    return dict(headers)


def forgets_the_beta_of_assistants(original: Original, route: Any, asked: Any, key: str) -> Any:
    return {name: value for name, value in original(route, asked, key).items() if name != "openai-beta"}


def finds_keys_that_are_not_set(original: Original, vendor: Any) -> str:
    try:
        return str(original(vendor))
    except Exception:
        return "None"


SABOTAGES = [
    Sabotage(
        name="sends-the-callers-key",
        patches=[("proxy.api.passthrough.key_headers", sends_the_callers_key)],
        trips=["test_the_gateways_key_stays_here"],
    ),
    Sabotage(
        name="forgets-the-query",
        patches=[("proxy.passthrough.vendors.with_query", forgets_the_query)],
        trips=["test_anthropic", "test_vendors_with_a_bearer"],
    ),
    Sabotage(
        name="keeps-gateway-fields",
        patches=[("proxy.api.passthrough.MemberFilter", keeps_gateway_fields)],
        trips=["test_fields_of_the_gateway_stay_here"],
    ),
    Sabotage(
        name="takes-metadata-out",
        patches=[("proxy.api.passthrough.MemberFilter", takes_metadata_out)],
        trips=["test_metadata_are_the_vendors"],
    ),
    Sabotage(
        name="sends-the-callers-key-to-google",
        patches=[("proxy.passthrough.vendors.replaced", sends_the_callers_query_key)],
        trips=["test_gemini", "test_a_stream_of_gemini"],
    ),
    Sabotage(
        name="looks-for-bearers-too",
        patches=[("proxy.passthrough.vendors.GeminiRoute.presented", looks_for_bearers_too)],
        trips=["test_gemini_does_not_look_for_bearers"],
    ),
    Sabotage(
        name="lets-clients-set-credentials",
        patches=[("proxy.passthrough.exchange.upward", lets_clients_set_credentials)],
        trips=["test_no_client_sets_the_vendors_key"],
    ),
    Sabotage(
        name="quotes-errors-bare",
        patches=[("proxy.api.passthrough.refusal", quotes_errors_bare)],
        trips=[
            "test_errors_are_quoted",
            "test_a_page_is_quoted",
            "test_an_error_of_a_stream",
            "test_an_error_of_azure",
            "test_a_redirect_is_not_followed",
        ],
    ),
    Sabotage(
        name="hides-statuses",
        patches=[("proxy.api.passthrough.refusal", hides_statuses)],
        trips=["test_errors_are_quoted[404]", "test_a_redirect_is_not_followed"],
    ),
    Sabotage(
        name="follows-paths-anywhere",
        patches=[("proxy.passthrough.addresses.check", follows_paths_anywhere)],
        trips=["test_no_path_leaves_its_vendor"],
    ),
    Sabotage(
        name="keeps-the-clients-project",
        patches=[("proxy.passthrough.vertex._address", keeps_the_clients_place)],
        trips=[
            "test_the_projects_place_is_the_credentials",
            "test_short_paths",
            "test_a_stream_is_one_of_events",
            "test_a_stream_that_names_no_form",
            "test_a_model_of_the_config",
            "test_the_key_in_a_header_of_the_gateway",
            "test_discovery_engine",
        ],
    ),
    Sabotage(
        name="calls-azures-group",
        patches=[("proxy.passthrough.deployed.body_for", calls_azures_group)],
        trips=[
            "test_azure_with_a_model_of_the_config",
            "test_a_stream_of_azure",
            "test_vllm_with_a_model_of_the_config",
        ],
    ),
    Sabotage(
        name="serves-any-model-on-azure",
        patches=[("proxy.passthrough.deployed.picked", serves_any_model_on_azure)],
        trips=["test_a_model_of_another_vendor"],
    ),
    Sabotage(
        name="signs-nothing",
        patches=[("proxy.passthrough.bedrock.signed_headers", signs_nothing)],
        trips=["test_bedrock", "test_agents_of_bedrock"],
    ),
    Sabotage(
        name="forgets-the-beta-of-assistants",
        patches=[("proxy.passthrough.vendors.OpenAIRoute._headers", forgets_the_beta_of_assistants)],
        trips=["test_assistants_are_a_beta"],
    ),
    Sabotage(
        name="finds-keys-that-are-not-set",
        patches=[("proxy.passthrough.vendors.Vendor.key", finds_keys_that_are_not_set)],
        trips=[
            "test_a_setting_is_missing[openai]",
            "test_a_setting_is_missing[gemini]",
            "test_a_setting_is_missing[azure]",
            "test_no_key_is_sent_where_there_is_none",
        ],
    ),
]
