"""Passwords of users."""

import hashlib
import time

import pytest

from proxy.management.passwords import hash_password, verify_password


@pytest.mark.parametrize("password", ["open sesame", "", "пароль", "nul\x00inside", "x" * 10_000, "\ud800"])
def test_a_password_is_known_again(password: str) -> None:
    stored = hash_password(password)
    assert stored.startswith("scrypt$n=16384,r=8,p=1$")
    assert password == "" or password not in stored
    assert verify_password(password, stored)
    assert not verify_password(f"{password}!", stored)


def test_the_same_password_is_stored_differently() -> None:
    assert hash_password("same") != hash_password("same")


def test_passwords_of_the_reference() -> None:
    stored = hashlib.sha256(b"imported").hexdigest()
    assert verify_password("imported", stored)
    assert not verify_password("other", stored)
    assert not verify_password(stored, stored)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "plain",
        "scrypt$n=3,r=8,p=1$c2FsdHNhbHQ=$aGFzaGhhc2g=",
        "scrypt$n=16384,r=8,p=1$!$aGFzaA==",
        "scrypt$n=16384,r=8,p=1$c2FsdHNhbHQ=$abc",
        "scrypt$n=16777216,r=64,p=1$c2FsdHNhbHQ=$aGFzaGhhc2g=",
    ],
)
def test_what_is_no_stored_password_is_nobodys(stored: str | None) -> None:
    assert not verify_password("plain", stored)


def test_it_takes_a_while() -> None:
    began = time.process_time()
    hash_password("slow")
    assert time.process_time() - began > 0.005
