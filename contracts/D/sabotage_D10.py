"""Ways to break configured pass-through routes, and the cases of D10 that notice."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]

_kept: list[tuple[str, str]] = []


def opens_exact_paths(original: Original, route: Any, rest: str) -> bool:
    return bool(original(route, rest)) or not rest


def closes_every_path(original: Original, route: Any, rest: str) -> bool:
    return bool(original(route, rest)) and False


def serves_no_sub_paths(original: Original, route: Any, rest: str) -> bool:
    return bool(original(route, rest)) and (not rest or route.path not in ("/custom/plain", "/custom/api"))


def serves_all_sub_paths(original: Original, route: Any, rest: str) -> bool:
    original(route, rest)
    return True


def keeps_headers_of_clients(original: Original, given: Any, own: Mapping[str, str], **options: Any) -> Any:
    headers = original(given, own, **options)
    _kept.extend(header for header in headers if header[0] == "leaked")
    return [*headers, *(_kept[:1] if ("leaked" not in dict(headers) and "leak" in own.values()) else [])]


def lets_clients_set_headers(original: Original, given: Any, own: Mapping[str, str], **options: Any) -> Any:
    chosen = given.get(b"x-pass-authorization")
    own = {name: value for name, value in own.items() if chosen is None or name.lower() != "authorization"}
    return original(given, own, **options)


def forwards_nothing(original: Original, given: Any, own: Any, **options: Any) -> Any:
    return original(given, own, **{**options, "forwarded": frozenset()})


def forwards_cookies(original: Original, *given: Any) -> frozenset[bytes]:
    return original(*given) - {b"authorization", b"x-api-key"}  # type: ignore[no-any-return]


def loses_the_targets_query(original: Original, asked: str, configured: str, defaults: Any) -> Any:
    return original(asked, "", defaults)


def loses_the_defaults(original: Original, asked: str, configured: str, defaults: Any) -> Any:
    return original(asked, configured, {})


def resolves_no_variables(original: Original, headers: Mapping[str, Any]) -> Any:
    resolved, problem = original(headers)
    return {name: value.replace("sk-env-up", "os.environ/UP_KEY") for name, value in resolved.items()}, problem


def keeps_metadata(original: Original, names: frozenset[str]) -> Any:
    return original(names - {"metadata"})


def takes_native_paths(original: Original, paths: Any, path: str, method: str) -> bool:
    return bool(original(paths, path, method)) and path not in ("/v1/models",)


def takes_any_method(original: Original, methods: Any, key: str) -> frozenset[str]:
    taken = original(methods, key)
    return frozenset((*taken, "GET", "PUT", "OPTIONS", "HEAD")) if taken == {"POST"} else taken


def vendors_first(original: Original, table: Any, path: str, method: str) -> Any:
    found = original(table, path, method)
    if path == "/anthropic/v1/messages":
        return found._replace(route=table._by_first["anthropic"][-1], rest="v1/messages")
    return found


def follows_paths_anywhere(original: Original, rest: str) -> None:
    if "%" not in rest:
        original(rest)


def shows_secrets(original: Original, route: Any) -> dict[str, Any]:
    return {**original(route), "headers": route._headers}


async def hides_statuses(original: Original, response: Any, target: Any) -> Any:
    error = await original(response, target)
    error.status = 502 if error.status == 418 else error.status
    return error


SABOTAGES = [
    Sabotage(
        name="opens-exact-paths",
        patches=[("proxy.passthrough.endpoints.EndpointRoute.is_public", opens_exact_paths)],
        trips=["test_a_path_needs_a_key", "test_a_path_below_a_vendors_needs_a_key"],
    ),
    Sabotage(
        name="closes-every-path",
        patches=[("proxy.passthrough.endpoints.EndpointRoute.is_public", closes_every_path)],
        trips=["test_a_path_that_is_public_on_purpose"],
    ),
    Sabotage(
        name="serves-no-sub-paths",
        patches=[("proxy.passthrough.endpoints.EndpointRoute.serves", serves_no_sub_paths)],
        trips=[
            "test_path_and_target_are_enough",
            "test_a_sub_path_is_appended",
            "test_a_sub_path_needs_a_key",
            "test_methods",
            "test_fields_of_the_gateway_stay_here",
            "test_errors_are_quoted",
            "test_a_stream_is_relayed_as_it_is",
            "test_an_upload",
            "test_no_path_leaves_its_target",
        ],
    ),
    Sabotage(
        name="serves-all-sub-paths",
        patches=[("proxy.passthrough.endpoints.EndpointRoute.serves", serves_all_sub_paths)],
        trips=["test_no_sub_paths_where_none_are_wanted"],
    ),
    Sabotage(
        name="keeps-headers-of-clients",
        patches=[("proxy.passthrough.exchange.upward", keeps_headers_of_clients)],
        trips=["test_headers_of_one_client_are_not_sent_for_another"],
    ),
    Sabotage(
        name="lets-clients-set-headers",
        patches=[("proxy.passthrough.exchange.upward", lets_clients_set_headers)],
        trips=["test_no_client_sets_a_configured_header"],
    ),
    Sabotage(
        name="forwards-nothing",
        patches=[("proxy.passthrough.exchange.upward", forwards_nothing)],
        trips=["test_headers_of_the_client_are_forwarded"],
    ),
    Sabotage(
        name="forwards-the-callers-key",
        patches=[("proxy.api.passthrough.key_headers", forwards_cookies)],
        trips=["test_headers_of_the_client_are_forwarded"],
    ),
    Sabotage(
        name="loses-the-targets-query",
        patches=[("proxy.passthrough.endpoints.merged", loses_the_targets_query)],
        trips=["test_the_query_of_the_target_is_kept", "test_queries_are_merged"],
    ),
    Sabotage(
        name="loses-the-defaults",
        patches=[("proxy.passthrough.endpoints.merged", loses_the_defaults)],
        trips=["test_queries_are_merged"],
    ),
    Sabotage(
        name="resolves-no-variables",
        patches=[("proxy.passthrough.endpoints._resolved", resolves_no_variables)],
        trips=[
            "test_a_sub_path_is_appended",
            "test_an_exact_path",
            "test_a_slash_at_the_end_adds_nothing",
            "test_no_client_sets_a_configured_header",
            "test_methods",
            "test_fields_of_the_gateway_stay_here",
            "test_errors_are_quoted",
            "test_a_stream_is_relayed_as_it_is",
        ],
    ),
    Sabotage(
        name="keeps-metadata",
        patches=[("proxy.api.passthrough.MemberFilter", keeps_metadata)],
        trips=["test_fields_of_the_gateway_stay_here"],
    ),
    Sabotage(
        name="takes-native-paths",
        patches=[("proxy.api.native.NativePaths.__call__", takes_native_paths)],
        trips=["test_the_gateways_own_routes_win"],
    ),
    Sabotage(
        name="takes-any-method",
        patches=[("proxy.passthrough.endpoints._methods", takes_any_method)],
        trips=["test_methods_that_are_not_configured"],
    ),
    Sabotage(
        name="vendors-come-first",
        patches=[("proxy.passthrough.routes.PassThrough.find", vendors_first)],
        trips=["test_a_path_below_a_vendors_is_the_operators"],
    ),
    Sabotage(
        name="follows-paths-anywhere",
        patches=[("proxy.passthrough.addresses.check", follows_paths_anywhere)],
        trips=["test_no_path_leaves_its_target"],
    ),
    Sabotage(
        name="shows-secrets",
        patches=[("proxy.passthrough.endpoints.EndpointRoute.described", shows_secrets)],
        trips=["test_the_configs_endpoints_are_listed"],
    ),
    Sabotage(
        name="hides-statuses",
        patches=[("proxy.api.passthrough.refusal", hides_statuses)],
        trips=["test_errors_are_quoted[418]"],
    ),
]
