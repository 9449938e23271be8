"""Ways to break virtual keys, and the core cases that notice."""

from collections.abc import Callable, Mapping
from typing import Any

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def lets_expired_keys_in(original: Original, found: Any) -> Any:
    access = found.identity.access
    return original(found) if access.key["expires"] is None else found.identity


async def remembers_what_was_deleted(original: Original, directory: Any) -> None:
    return None


def lets_keys_call_all_models(original: Original, *args: Any) -> None:
    return None


def forgets_access_groups(original: Original, deployments: Any) -> Mapping[str, Any]:
    return {}


def takes_wildcards_for_names(original: Original, access: Any, wildcard: str, model: str) -> bool:
    return False


def forgets_aliases(original: Original, access: Any, model: str | None) -> str | None:
    return model


def looks_at_no_fallbacks(original: Original, value: Any) -> list[str]:
    return []


def forgets_teams(original: Original, admission: Any, access: Any, model: str | None, fallbacks: Any = ()) -> None:
    if access.team is None:
        original(admission, access, model, fallbacks)


def allows_all_routes(original: Original, allowed: Any, path: str, groups: Any) -> bool:
    return True


def lets_keys_spend_what_is_reached(original: Original, holder: Any) -> None:
    if holder.kind != "key" or holder.account.spend != holder.max_budget:
        original(holder)


def lets_holders_spend(original: Original, holder: Any) -> None:
    if holder.kind not in ("team", "team_member", "organization", "user"):
        original(holder)


def overlooks_customers(original: Original, names: Any, headers: Any, fields: Any) -> str | None:
    return None


def forgets_temporary_increases(original: Original, budget: float | None, metadata: Any) -> float | None:
    return budget


async def charges_free_models(original: Original, admission: Any, asked: Any) -> Any:
    admission._free = lambda _: False
    return await original(admission, asked)


def lists_all_models(original: Original, admission: Any, access: Any) -> list[str] | None:
    return None


def lets_viewers_write(original: Original, *args: Any) -> None:
    caller, path, groups, _, organization = args
    original(caller, path, groups, "GET", organization)


def shows_short_names(original: Original, user_id: str | None) -> str:
    return user_id if user_id == "vk-a" else str(original(user_id))


def opens_organizations(original: Original, caller: Any, path: str, organization_id: str | None) -> None:
    return None


def needs_no_user(original: Original, *args: Any, **kwargs: Any) -> None:
    return None


def takes_no_addresses_from_proxies(original: Original, settings: Any, headers: Any, client: Any) -> str:
    return str(client[0])


def tells_the_key(original: Original, key: str, token: str) -> Any:
    error = original(key, token)
    error.message = error.message.replace("sk-...", key)
    return error


def takes_any_text_for_a_key(original: Original, keys: Any, key: str) -> Any:
    return original(keys, key if key.startswith("sk-") else f"sk-{key}")


ADMISSION = "proxy.auth.admission.Admission"
BUDGET = "proxy.auth.admission.check_budget"
_LIST: list[tuple[str, str, Any, list[str]]] = [
    ("lets-expired-keys-in", "proxy.auth.virtual_keys._usable", lets_expired_keys_in, ["test_an_expired_key"]),
    (
        "remembers-what-was-deleted",
        "proxy.auth.directory.Directory._changed",
        remembers_what_was_deleted,
        ["test_a_key_that_is_deleted"],
    ),
    (
        "keys-call-all-models",
        f"{ADMISSION}._check_key_models",
        lets_keys_call_all_models,
        [
            *("test_a_key_may_call_its_models", "test_refusals_of_other_endpoints", "test_wildcards"),
            *("test_access_groups", "test_an_alias_of_the_router", "test_fallbacks_that_clients_name"),
        ],
    ),
    (
        "forgets-access-groups",
        "proxy.auth.model_access._access_groups",
        forgets_access_groups,
        ["test_access_groups", "test_a_key_is_listed_its_models"],
    ),
    (
        "takes-wildcards-for-names",
        "proxy.auth.model_access.ModelAccess._matches",
        takes_wildcards_for_names,
        ["test_wildcards"],
    ),
    (
        "forgets-aliases",
        "proxy.auth.admission._aliased",
        forgets_aliases,
        ["test_aliases_of_a_key", "test_aliases_of_a_team"],
    ),
    (
        "looks-at-no-fallbacks",
        "proxy.auth.admission._fallbacks",
        looks_at_no_fallbacks,
        ["test_fallbacks_that_clients_name"],
    ),
    (
        "forgets-teams",
        f"{ADMISSION}._check_holders_allow",
        forgets_teams,
        ["test_models_of_a_team", "test_a_blocked_team"],
    ),
    (
        "allows-all-routes",
        "proxy.auth.permissions._is_listed",
        allows_all_routes,
        [
            *(f"test_allowed_routes[{each}]" for each in ("llm", "exact", "beginning", "wildcard", "info")),
            "test_kinds_of_keys",
        ],
    ),
    (
        "lists-all-models",
        f"{ADMISSION}.listed",
        lists_all_models,
        ["test_a_key_is_listed_its_models", "test_models_of_a_team"],
    ),
    (
        "takes-any-text-for-a-key",
        "proxy.auth.virtual_keys.VirtualKeys.identity",
        takes_any_text_for_a_key,
        ["test_a_key_that_does_not_begin_as_keys_do"],
    ),
    (
        "tells-the-key",
        "proxy.auth.virtual_keys._unknown",
        tells_the_key,
        ["test_an_unknown_key", "test_a_key_that_is_no_key", "test_a_key_that_is_deleted"],
    ),
    (
        "keys-spend-what-is-reached",
        BUDGET,
        lets_keys_spend_what_is_reached,
        ["test_a_budget_that_is_reached", "test_a_budget_is_used_up"],
    ),
    (
        "lets-holders-spend",
        BUDGET,
        lets_holders_spend,
        [
            *("test_the_budget_of_a_user", "test_the_budget_of_a_team", "test_the_budget_of_a_member"),
            "test_the_budget_of_an_organization",
        ],
    ),
    (
        "overlooks-customers",
        "proxy.auth.customers.CustomerNames.find",
        overlooks_customers,
        ["test_the_budget_of_a_customer", "test_a_blocked_customer"],
    ),
    (
        "forgets-temporary-increases",
        "proxy.auth.rows._raised",
        forgets_temporary_increases,
        ["test_a_budget_that_is_raised_for_some_time"],
    ),
    (
        "charges-free-models",
        f"{ADMISSION}.admit",
        charges_free_models,
        ["test_free_models_have_no_budget", "test_models_without_a_price_have_no_budget"],
    ),
    (
        "lets-viewers-write",
        "proxy.auth.permissions._check_role",
        lets_viewers_write,
        [f"test_a_viewer_changes_nothing[{each}]" for each in ("generate", "new-team", "new-user")],
    ),
    ("shows-short-names", "proxy.auth.permissions._masked", shows_short_names, ["test_short_names_are_not_shown"]),
    (
        "opens-organizations",
        "proxy.api.plain.check_organization",
        opens_organizations,
        ["test_organizations_are_their_admins", "test_only_admins_make_organizations"],
    ),
    (
        "needs-no-user",
        "proxy.auth.requirements.Requirements.check_params_of_users",
        needs_no_user,
        ["test_calls_must_name_their_user", "test_tags_are_not_the_clients"],
    ),
    (
        "takes-no-addresses-from-proxies",
        "proxy.auth.guarded.address_of",
        takes_no_addresses_from_proxies,
        ["test_only_certain_addresses_may_call[203.0.113.7]"],
    ),
]
SABOTAGES = [
    Sabotage(name=name, patches=[(function, replacement)], trips=trips) for name, function, replacement, trips in _LIST
]
