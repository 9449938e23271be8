"""Ways to break single sign-on, and the cases of A3 that notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def any_state(original: Original, one: str, other: str) -> bool:
    original(one, other)
    return True


async def remembers_for_ever(original: Original, connection: Any, kind: str, secret: str, type_: Any) -> Any:
    from proxy.sso.pending import look

    return await look(connection, kind, secret, type_)  # type: ignore[arg-type]


def believes_any_address(original: Original, provider: Any, claims: Any) -> bool:
    original(provider, claims)
    return True


def lets_in_who_has_no_address(original: Original, person: Any, environment: Any) -> None:
    if person.email is not None:
        original(person, environment)


def takes_the_first_domain(original: Original, person: Any, environment: Any) -> None:
    parts = (person.email or "").split("@")
    shortened = msgspec.structs.replace(person, email="@".join(parts[:2])) if len(parts) > 2 else person
    original(shortened, environment)


def knows_no_domains(original: Original, person: Any, environment: Any) -> None:
    original(person, {name: value for name, value in environment.items() if name != "ALLOWED_EMAIL_DOMAINS"})


def opens_the_cookie(original: Original, token: str, *, secure: bool) -> dict[str, Any]:
    return {**original(token, secure=secure), "httponly": False}


def goes_by_the_attribute(original: Original, mapping: Any, claims: Any) -> None:
    original(mapping, claims)


def takes_the_first_role(original: Original, mapping: Any, claims: Any) -> Any:
    from proxy.sso.person import texts_at

    groups = list(texts_at(claims, mapping.group_claim))
    found = (role for group in groups for role, names in mapping.roles.items() if group in names)
    return next(found, original(mapping, claims))


def restricts_nobody(original: Original, known: Any, found: Any) -> None:
    original(msgspec.structs.replace(known, access_mode=None), found)


def lets_everybody_in(original: Original, known: Any, role: Any) -> None:
    original(known, "proxy_admin")


async def joins_no_team(original: Original, connection: Any, user: Any, wanted: Any) -> Any:
    return await original(connection, user, [])


def knows_no_app_roles(original: Original, claims: Any) -> None:
    original(claims)


def shows_secrets(original: Original, values: Any) -> Any:
    original(values)
    return dict(values)


async def forgets_what_is_stored(original: Original, config: Any, store: Any) -> Any:
    return await original(config, None)


def misses_nothing(original: Original, environment: Any, name: Any) -> list[str]:
    original(environment, name)
    return []


def takes_any_password(original: Original, one: str, other: str) -> bool:
    original(one, other)
    return True


async def gives_keys_unasked(original: Original, connection: Any, kind: str, secret: str, value: Any) -> None:
    if kind == "confirmation":
        kind, secret = "program", value.name
    await original(connection, kind, secret, value)


def lets_sessions_spend(original: Original, config: Any, user: Any, **options: Any) -> Any:
    return {**original(config, user, **options), "max_budget": 100.0}


def gives_sessions_no_team(original: Original, config: Any, user: Any, **options: Any) -> Any:
    return {**original(config, user, **options), "team_id": None}


async def asks_no_function(original: Original, asked: Any, person: Any) -> None:
    await original(asked, person)


def knows_no_defaults(original: Original, config: Any) -> dict[str, Any]:
    original(config)
    return {}


async def keeps_keys(original: Original, connection: Any, table: Any, *where: Any) -> list[Any]:
    return []


def sends_no_headers(original: Original, text: str) -> dict[str, str]:
    original(text)
    return {}


async def adds_users_anew(original: Original, connection: Any, user_id: str, person: Any) -> Any:
    return await original(connection, user_id, msgspec.structs.replace(person, email=None))


async def leaves_users_as_they_were(original: Original, connection: Any, user: Any, *found: Any) -> Any:
    return user


SABOTAGES = [
    Sabotage(
        name="any-state",
        patches=[("proxy.api.management.sso._same", any_state)],
        trips=["test_a_state_of_ones_own"],
    ),
    Sabotage(
        name="remembers-for-ever",
        patches=[("proxy.api.management.sso.take", remembers_for_ever)],
        trips=["test_coming_back_twice"],
    ),
    Sabotage(
        name="believes-any-address",
        patches=[("proxy.sso.person._is_verified", believes_any_address)],
        trips=["test_an_address_that_was_not_verified"],
    ),
    Sabotage(
        name="lets-in-who-has-no-address",
        patches=[("proxy.api.management.sso.check_domain", lets_in_who_has_no_address)],
        trips=["test_nobody_without_an_address_where_domains_are_asked_for"],
    ),
    Sabotage(
        name="takes-the-first-domain",
        patches=[("proxy.api.management.sso.check_domain", takes_the_first_domain)],
        trips=["test_the_domain_is_what_comes_last"],
    ),
    Sabotage(
        name="knows-no-domains",
        patches=[("proxy.api.management.sso.check_domain", knows_no_domains)],
        trips=[
            "test_another_domain",
            "test_the_domain_is_what_comes_last",
            "test_nobody_without_an_address_where_domains_are_asked_for",
        ],
    ),
    Sabotage(
        name="opens-the-cookie",
        patches=[("proxy.sso.session.cookie", opens_the_cookie)],
        trips=["test_the_cookie_is_safe"],
    ),
    Sabotage(
        name="goes-by-the-attribute",
        patches=[("proxy.sso.person.RoleMapping.role_of", goes_by_the_attribute)],
        trips=["test_the_role_of_groups"],
    ),
    Sabotage(
        name="takes-the-first-role",
        patches=[("proxy.sso.person.RoleMapping.role_of", takes_the_first_role)],
        trips=["test_the_role_of_groups[highest]"],
    ),
    Sabotage(
        name="restricts-nobody",
        patches=[("proxy.sso.flow.check_access", restricts_nobody)],
        trips=["test_who_is_not_in_the_group"],
    ),
    Sabotage(
        name="lets-everybody-in",
        patches=[("proxy.sso.flow.check_role", lets_everybody_in)],
        trips=["test_administrators_alone"],
    ),
    Sabotage(
        name="joins-no-team",
        patches=[("proxy.sso.users._in_teams", joins_no_team)],
        trips=["test_groups_are_teams"],
    ),
    Sabotage(
        name="knows-no-app-roles",
        patches=[("proxy.sso.microsoft.role_of", knows_no_app_roles)],
        trips=["test_the_role_is_an_app_role"],
    ),
    Sabotage(
        name="shows-secrets",
        patches=[("proxy.sso.stored.shown", shows_secrets)],
        trips=["test_secrets_are_not_shown"],
    ),
    Sabotage(
        name="forgets-what-is-stored",
        patches=[("proxy.api.management.sso.known", forgets_what_is_stored)],
        trips=["test_settings_are_stored_and_count"],
    ),
    Sabotage(
        name="misses-nothing",
        patches=[("proxy.api.management.sso.missing", misses_nothing)],
        trips=["test_what_is_missing"],
    ),
    Sabotage(
        name="takes-any-password",
        patches=[("proxy.api.management.login._same", takes_any_password)],
        trips=[
            "test_a_wrong_password",
            "test_a_users_password",
            "test_the_master_key_is_no_password_where_there_is_another",
            "test_passwords_without_a_database",
        ],
    ),
    Sabotage(
        name="gives-keys-unasked",
        patches=[("proxy.api.management.sso.keep", gives_keys_unasked)],
        trips=["test_who_signed_in_is_asked"],
    ),
    Sabotage(
        name="lets-sessions-spend",
        patches=[("proxy.sso.users.session_key", lets_sessions_spend)],
        trips=["test_what_a_session_may_spend", "test_the_session_has_a_key", "test_whose_key_the_administrator_has"],
    ),
    Sabotage(
        name="gives-sessions-no-team",
        patches=[("proxy.sso.users.session_key", gives_sessions_no_team)],
        trips=[
            "test_what_a_session_may_spend",
            "test_the_session_has_a_key",
            "test_whose_key_the_administrator_has",
            "test_the_user_is_stored",
            "test_the_second_time_it_is_the_same_user",
            "test_what_new_users_get",
        ],
    ),
    Sabotage(
        name="asks-no-function",
        patches=[("proxy.api.management.sso._custom_values", asks_no_function)],
        trips=["test_an_operators_function_says_who_it_is"],
    ),
    Sabotage(
        name="knows-no-defaults",
        patches=[("proxy.sso.users._defaults", knows_no_defaults)],
        trips=["test_what_new_users_get", "test_what_a_session_may_spend"],
    ),
    Sabotage(
        name="keeps-keys",
        patches=[("proxy.api.management.sso.remove", keeps_keys)],
        trips=["test_a_session_ends"],
    ),
    Sabotage(
        name="sends-no-headers",
        patches=[("proxy.sso.settings._pairs", sends_no_headers)],
        trips=[
            "test_what_a_token_request_says_beside_the_code",
            "test_the_role_of_groups",
            "test_paths_reach_into_claims",
            "test_what_new_users_get",
            "test_what_a_session_may_spend",
        ],
    ),
    Sabotage(
        name="adds-users-anew",
        patches=[("proxy.sso.users._found", adds_users_anew)],
        trips=["test_a_known_address_is_the_same_user"],
    ),
    Sabotage(
        name="leaves-users-as-they-were",
        patches=[("proxy.sso.users._updated", leaves_users_as_they_were)],
        trips=["test_the_second_time_it_is_the_same_user"],
    ),
]
