"""Which headers hold secrets, and that none of them is left in a text."""

from proxy.providers.secrecy import secrets_of, without


def test_the_key_without_its_scheme_and_whatever_is_named_like_a_secret() -> None:
    headers = [
        ("authorization", "Bearer sk-1234"),
        ("x-api-key", "k-56789"),
        ("x-auth", "abcd"),
        ("x-region", "europe"),
    ]
    assert secrets_of(headers) == [b"sk-1234", b"k-56789", b"abcd"]


def test_a_secret_that_holds_another_is_masked_whole() -> None:
    secrets = secrets_of([("x-api-key", "abcd"), ("authorization", "abcd-efgh")])
    assert without(secrets, b"got abcd-efgh, abcd") == b"got ***, ***"


def test_short_values_are_left_alone() -> None:
    assert secrets_of([("authorization", "Bearer no")]) == []
