"""What stands before authentication."""

import pytest

from proxy.auth.guarded import address_of, covers
from proxy.config.model import GeneralSettings


@pytest.mark.parametrize(
    ("allowed", "address", "let_in"),
    [
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.0/8"], "127.3.2.1", True),
        (["10.0.0.0/8"], "127.0.0.1", False),
        (["10.1.2.3/8"], "10.9.9.9", True),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "10.0.0.1", False),
        (["not a network/8", "10.0.0.1"], "10.0.0.1", True),
        (["10.0.0.0/8"], "somewhere", False),
        ([], "10.0.0.1", False),
    ],
)
def test_networks_hold_their_addresses(allowed: list[str], address: str, let_in: bool) -> None:
    assert covers(allowed, address) is let_in


def test_who_is_believed_about_addresses() -> None:
    headers = {b"x-forwarded-for": b"10.0.0.1"}
    assert address_of(GeneralSettings(), headers, ("127.0.0.1", 1)) == "127.0.0.1"
    believing = GeneralSettings(other={"use_x_forwarded_for": True})
    assert address_of(believing, headers, ("127.0.0.1", 1)) == "10.0.0.1"
