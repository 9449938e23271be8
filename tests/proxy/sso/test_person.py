"""What claims mean: attributes, roles, teams, addresses."""

from typing import Any

import pytest

from proxy.errors import DetailError, GatewayError
from proxy.sso.person import (
    Mappings,
    Person,
    RoleMapping,
    check_domain,
    person_of,
    role_mapping,
    role_named,
    texts_at,
    value_at,
)
from proxy.sso.settings import Provider, provider_of
from tests.proxy.sso.test_settings import GENERIC, GOOGLE, MICROSOFT

PROVIDER = provider_of(GENERIC, "generic")
NONE = Mappings()


def _person(claims: dict[str, Any], provider: Provider = PROVIDER, mappings: Mappings = NONE) -> Person:
    return person_of(provider, claims, mappings)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", {"b": {"c": 1}}),
        ("a.b.c", 1),
        ("a.x", None),
        ("a.b.c.d", None),
        ("https://acme.example/roles", "named"),
        (r"k8s\.io.ns", "dotted"),
        ("", None),
    ],
)
def test_paths(path: str, found: Any) -> None:
    claims = {"a": {"b": {"c": 1}}, "https://acme.example/roles": "named", "k8s.io": {"ns": "dotted"}}
    assert value_at(claims, path) == found


@pytest.mark.parametrize(
    ("value", "texts"), [("a, b,,", ["a", "b"]), (["a", 1, {"x": 1}], ["a", "1"]), (None, []), (7, ["7"])]
)
def test_texts(value: Any, texts: list[str]) -> None:
    assert list(texts_at({"x": value}, "x")) == texts


@pytest.mark.parametrize(
    ("value", "role"),
    [("Proxy_Admin", "proxy_admin"), (["internal_user"], "internal_user"), ([], None), ("boss", None), (5, None)],
)
def test_role_names(value: Any, role: str | None) -> None:
    assert role_named(value) == role


def test_the_highest_role_counts() -> None:
    mapping = RoleMapping(
        group_claim="g", roles={"internal_user": ["x"], "proxy_admin": ["y"]}, default_role="internal_user_viewer"
    )
    assert mapping.role_of({"g": ["x", "y"]}) == "proxy_admin"
    assert mapping.role_of({"g": ["x"]}) == "internal_user"
    assert mapping.role_of({"g": ["z"]}) == mapping.role_of({}) == "internal_user_viewer"


def test_a_mapping_without_a_default_leaves_it_to_the_attribute() -> None:
    mappings = Mappings(roles=RoleMapping(group_claim="g", roles={"proxy_admin": ["y"]}))
    person = _person({"preferred_username": "a", "role": "internal_user", "g": ["z"]}, mappings=mappings)
    assert person.user_role == "internal_user"


@pytest.mark.parametrize("text", ["not python", "['a']", "{'proxy_admin': 'a'}", "__import__('os')", "{" * 500])
def test_a_mapping_that_is_none(text: str) -> None:
    with pytest.raises(GatewayError, match="GENERIC_ROLE_MAPPINGS_ROLES must be"):
        role_mapping({"GENERIC_ROLE_MAPPINGS_ROLES": text, "GENERIC_ROLE_MAPPINGS_GROUP_CLAIM": "g"}, None)


def test_a_stored_mapping_counts_for_generic_providers_alone() -> None:
    assert role_mapping({}, {"provider": "okta", "group_claim": "g"}) is not None
    assert role_mapping({}, {"provider": "google", "group_claim": "g"}) is None


def test_teams_are_taken_once_in_order() -> None:
    person = _person(
        {"groups": ["b", "a"], "org": {"teams": "a,c"}}, mappings=Mappings(team_fields=("groups", "org.teams"))
    )
    assert person.team_ids == ["b", "a", "c"]


def test_who_somebody_is() -> None:
    assert _person({"preferred_username": "al", "email": "A@B.c"}).user_id == "al"
    assert _person({"first_name": "A", "last_name": "B", "email": "a@b.c"}).user_id == "AB"
    assert _person({"email": "A@B.c"}).user_id == "a@b.c"
    assert _person({}).user_id is None
    assert _person({"preferred_username": 17}).user_id == "17"
    assert _person({"preferred_username": "a\x00b"}).user_id == "ab"


@pytest.mark.parametrize("verified", [False, "false"])
def test_an_address_that_is_not_verified(verified: Any) -> None:
    with pytest.raises(DetailError, match="GENERIC_ALLOW_UNVERIFIED_EMAIL"):
        _person({"email": "a@b.c", "email_verified": verified})
    lenient = provider_of({**GENERIC, "GENERIC_ALLOW_UNVERIFIED_EMAIL": "true"}, "generic")
    assert _person({"email": "a@b.c", "email_verified": verified}, lenient).email == "a@b.c"


def test_google_must_say_that_it_verified_the_address() -> None:
    google = provider_of(GOOGLE, "google")
    with pytest.raises(DetailError, match=r"User a@b\.c is not verified with Google"):
        _person({"sub": "1", "email": "a@b.c"}, google)
    assert _person({"sub": "1", "email": "a@b.c", "email_verified": True}, google).user_id == "1"


def test_microsofts_names() -> None:
    microsoft = provider_of(MICROSOFT, "microsoft")
    person = _person({"id": "oid", "mail": "Al@acme.com", "displayName": "Al", "surname": "B"}, microsoft)
    assert (person.id, person.email, person.last_name, person.provider) == ("oid", "al@acme.com", "B", "microsoft")


@pytest.mark.parametrize("email", ["a@evil.com", "a@example.com@evil.com", "a@sub.example.com", "example.com", None])
def test_other_domains(email: str | None) -> None:
    with pytest.raises(DetailError) as caught:
        check_domain(Person(email=email), {"ALLOWED_EMAIL_DOMAINS": "Example.com"})
    assert caught.value.status == 401


def test_a_domain_that_is_allowed() -> None:
    check_domain(Person(email="a@example.com"), {"ALLOWED_EMAIL_DOMAINS": " Example.com"})
    check_domain(Person(email=None), {})
