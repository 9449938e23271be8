"""Ways to break routing by region, and the cases of B1 that notice."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage
from proxy.routing.refusals import Refusal

Original = Callable[..., Any]
CHATS = [
    "test_only_deployments_of_the_region_serve",
    "test_nobody_is_in_the_region",
    "test_who_says_no_region_is_in_none",
    "test_an_alias",
    "test_a_stream",
    "test_a_refused_stream",
    "test_text_completions_stay_too",
    "test_messages_in_anthropics_format_stay_too",
    "test_whatever_has_no_messages_stays_too",
    "test_the_place_itself",
    "test_the_region_that_a_place_lies_in",
    "test_parts_of_a_name_are_no_region",
    "test_a_callers_region_replaces_what_is_asked",
    "test_nobody_is_in_the_callers_region",
    "test_a_fallback_may_be_in_the_region",
    "test_a_fallback_may_be_abroad_too",
    "test_a_retry_stays_in_the_region",
    "test_a_refusal_is_not_retried",
    "test_a_region_that_is_cooling_down",
]
CUSTOMERS = [
    "test_a_customers_region_replaces_what_is_asked",
    "test_a_customer_is_refused_elsewhere",
    "test_a_customer_of_the_admin",
]


def goes_abroad(original: Original, model: str, deployments: list[Any], request: Any) -> list[Any]:
    """Abroad, where that is possible."""
    found = original(model, deployments, request)
    return [deployment for deployment in deployments if deployment not in found] or deployments


def infers_nothing(original: Original, deployment: Any) -> tuple[str, ...]:
    return original(deployment)[:1]  # type: ignore[no-any-return]


def forgets_the_place_itself(original: Original, deployment: Any) -> tuple[str, ...]:
    found = original(deployment)
    return found if deployment.params.region_name in ("eu", "us") else found[1:]  # type: ignore[no-any-return]


def goes_by_parts_of_names(original: Original, deployment: Any) -> tuple[str, ...]:
    found = original(deployment)
    return (*found, *(name.upper() for name in found), "eu-west", "west1") if found else found


def asks_the_client_first(original: Original, route: Any, call: Any, fields: Any) -> None:
    original(route, call, fields)
    if "allowed_model_region" in fields:
        route.region = msgspec.json.decode(fields["allowed_model_region"])


def takes_everything_for_a_name(original: Original, fields: Any) -> str | None:
    try:
        return original(fields)  # type: ignore[no-any-return]
    except Exception:
        return "nowhere"


async def forgets_customers(original: Original, admission: Any, asked: Any) -> Any:
    return msgspec.structs.replace(await original(admission, asked), region=None)


async def hesitates(original: Original, pipeline: Any) -> Any:
    try:
        return await original(pipeline)
    except Refusal:
        await asyncio.sleep(0.6)
        raise


def always_filters(original: Original, config: Any) -> Any:
    from proxy.routing.filters.regions import in_region

    yield from original(config)
    yield in_region


def always_reads(original: Original, route: Any, call: Any, fields: Any) -> None:
    original(route, call, fields)
    if route.region is None and "allowed_model_region" in fields:
        route.region = msgspec.json.decode(fields["allowed_model_region"])


def says_that_all_are_cooling(original: Original, router: Any, model: str, candidates: Sequence[Any]) -> Any:
    refusal = original(router, model, candidates)
    refusal.message = refusal.message.replace("cooldown_list=[]", f"cooldown_list={[it.id for it in candidates]}")
    return refusal


SABOTAGES = [
    Sabotage(
        name="goes-abroad",
        patches=[("proxy.routing.filters.regions.in_region", goes_abroad)],
        trips=[*CHATS, *CUSTOMERS, "test_customers_without_a_region_go_where_they_like"],
    ),
    Sabotage(
        name="infers-nothing",
        patches=[("proxy.routing.filters.regions.places", infers_nothing)],
        trips=["test_the_region_that_a_place_lies_in"],
    ),
    Sabotage(
        name="forgets-the-place-itself",
        patches=[("proxy.routing.filters.regions.places", forgets_the_place_itself)],
        trips=["test_the_place_itself"],
    ),
    Sabotage(
        name="goes-by-parts-of-names",
        patches=[("proxy.routing.filters.regions.places", goes_by_parts_of_names)],
        trips=["test_parts_of_a_name_are_no_region"],
    ),
    Sabotage(
        name="asks-the-client-first",
        patches=[("proxy.api.model_request.add_wishes", asks_the_client_first)],
        trips=[
            "test_a_callers_region_replaces_what_is_asked[another]",
            "test_a_customers_region_replaces_what_is_asked",
            "test_a_customer_of_the_admin",
        ],
    ),
    Sabotage(
        name="takes-everything-for-a-name",
        patches=[("proxy.api.wishes._region", takes_everything_for_a_name)],
        trips=["test_what_is_no_name_is_the_clients_mistake"],
    ),
    Sabotage(
        name="forgets-customers",
        patches=[("proxy.auth.admission.Admission.admit", forgets_customers)],
        trips=CUSTOMERS,
    ),
    Sabotage(
        name="hesitates",
        patches=[("proxy.pipeline.Pipeline.run", hesitates)],
        trips=["test_a_refusal_is_not_retried"],
    ),
    Sabotage(
        name="looks-without-being-asked",
        patches=[
            ("proxy.routing.filters._wanted", always_filters),
            ("proxy.api.model_request.add_wishes", always_reads),
        ],
        trips=["test_nobody_looks_at_regions_without_checks_before_the_call"],
    ),
    Sabotage(
        name="says-that-all-are-cooling",
        patches=[("proxy.routing.router.Router._none_available", says_that_all_are_cooling)],
        trips=[
            "test_nobody_is_in_the_region",
            "test_who_says_no_region_is_in_none",
            "test_an_alias",
            "test_a_refused_stream",
            "test_parts_of_a_name_are_no_region",
            "test_nobody_is_in_the_callers_region",
            "test_a_fallback_may_be_abroad_too",
            "test_a_customer_is_refused_elsewhere",
        ],
    ),
]
