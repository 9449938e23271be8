"""Where keys are read from, and which headers stay here."""

import pytest

from proxy.auth.keys import HEADERS, check_single, key_headers, own_header, presented_key
from proxy.config.model import GeneralSettings
from proxy.errors import GatewayError

OWN = b"x-my-key"
KEYS = {OWN: b"Bearer sk-1", b"authorization": b"Bearer sk-2", b"x-litellm-api-key": b"sk-3"}


def test_a_header_of_ones_own_is_the_only_one() -> None:
    assert own_header(GeneralSettings(litellm_key_header_name="X-My-Key")) == OWN
    assert own_header(GeneralSettings()) is None
    assert presented_key(KEYS, OWN) == "sk-1"
    assert presented_key(KEYS) == "sk-3"
    for headers in ({b"authorization": b"Bearer sk-1"}, {OWN: b"sk-1"}, {OWN: b"Bearer "}, {}):
        with pytest.raises(GatewayError) as refused:
            presented_key(headers, OWN)
        assert refused.value.status == 401
        assert "Malformed API Key" in refused.value.message


@pytest.mark.parametrize(
    "given",
    [
        {b"authorization": b"Token tok-alice"},
        {b"authorization": b"Bearer "},
        {b"x-elsewhere": b"k1"},
        {},
    ],
)
def test_where_no_key_can_be_read_none_goes_along(given: dict[bytes, bytes]) -> None:
    assert key_headers(given, given) == set(HEADERS)
    assert key_headers(given, given, OWN) == {*HEADERS, OWN}


def test_a_key_that_stands_elsewhere_frees_no_header() -> None:
    presented = {b"authorization": b"Bearer sk-of-the-query"}
    assert key_headers(presented, {b"authorization": b"Bearer perhaps"}) == set(HEADERS)


def test_another_credential_goes_along_beside_a_header_of_ones_own() -> None:
    given = {OWN: b"Bearer sk-1", b"authorization": b"Bearer of-the-vendor"}
    assert key_headers(given, given, OWN) == {OWN, b"x-litellm-api-key"}


@pytest.mark.parametrize("name", [*HEADERS, OWN])
def test_two_keys_in_one_header(name: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        check_single([(name, b"Bearer a"), (b"accept", b"x"), (name, b"Bearer b")], OWN)
    assert refused.value.status == 400
    assert name.decode() in refused.value.message
    check_single([(name, b"Bearer a"), (b"accept", b"x"), (b"accept", b"y")], OWN)
