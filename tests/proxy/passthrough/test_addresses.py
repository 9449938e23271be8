"""A client's path never leaves the configured host, nor the configured prefix; queries are lost nowhere."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.errors import GatewayError
from proxy.passthrough.addresses import Base, base_of, below, below_vendor, merged, replaced

PIECES = st.sampled_from(
    (
        *(
            "..",
            ".",
            "%2e",
            "%2E",
            "%252e",
            "%25252e",
            "%2f",
            "/",
            "\\",
            "%5c",
            "%255c",
            "@",
            ":",
            "http:",
            "evil.test",
        ),
        *("a", "%00", "%0d%0a", "#", "?", "%23", "%3f", ";", " ", "%20", "é", "..;x", "//", "[", "]"),
    )
)


@given(st.lists(PIECES, max_size=8).map("".join))
@example("//evil.test/x")
@example("http://evil.test")
@example("@evil.test/")
@example("..;a/x")
@example("%252e%252e%252fx")
def test_nothing_leads_out_of_the_prefix(rest: str) -> None:
    rest = rest.encode().decode("latin-1")
    try:
        parts = urlsplit(below(base_of("https://vendor.test:8443/a/b"), rest))
    except GatewayError as error:
        assert error.status == 400
        return
    assert (parts.scheme, parts.netloc) == ("https", "vendor.test:8443")
    path = parts.path
    assert path.startswith("/a/b")
    for _ in range(6):
        assert "\\" not in path
        assert not {"..", "."} & set(path[4:].split("/"))
        path = unquote(path)


@pytest.mark.parametrize(
    ("base", "rest", "url"),
    [
        ("https://v.test", "v1/chat", "https://v.test/v1/chat"),
        ("https://v.test/", "", "https://v.test"),
        ("https://v.test/x/", "", "https://v.test/x"),
        ("https://v.test/v1", "v1/chat", "https://v.test/v1/v1/chat"),
        ("https://v.test/users", "users/5", "https://v.test/users/users/5"),
        ("https://v.test/u/v1", "chat", "https://v.test/u/v1/chat"),
        ("https://v.test", "a%20b/c%2Fd/", "https://v.test/a%20b/c%2Fd/"),
        ("https://v.test", "models/m:generate,x@1", "https://v.test/models/m:generate,x@1"),
        ("https://v.test", "caf\xc3\xa9", "https://v.test/caf%C3%83%C2%A9"),
        ("https://v.test", "100%25", "https://v.test/100%25"),
    ],
)
def test_a_path_is_appended_as_it_came(base: str, rest: str, url: str) -> None:
    if "\xc3" in rest:
        url = "https://v.test/caf%C3%A9"
    assert below(base_of(base), rest) == url


@pytest.mark.parametrize(
    ("base", "rest", "url"),
    [
        ("https://v.test/v1", "v1/chat", "https://v.test/v1/chat"),
        ("https://v.test/u/v1beta1", "v1beta1", "https://v.test/u/v1beta1"),
        ("https://v.test/v1", "v2/chat", "https://v.test/v1/v2/chat"),
        ("https://v.test/v1", "v1", "https://v.test/v1"),
        ("https://v.test/users", "users/5", "https://v.test/users/users/5"),
        ("https://v.test", "v1", "https://v.test/v1"),
        ("https://v.test", "", "https://v.test"),
        ("https://v.test/v1", "", "https://v.test/v1"),
    ],
)
def test_only_a_vendors_version_is_there_once(base: str, rest: str, url: str) -> None:
    assert below_vendor(base_of(base), rest) == url


@pytest.mark.parametrize("url", ["ftp://v.test", "v.test/x", "https://", "https://u:p@v.test", "https://v.test:port/"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base_of(url)


def test_an_address_is_shown_without_its_query() -> None:
    assert base_of("https://v.test/x?key=secret") == Base("https://v.test", "/x", "key=secret")
    assert base_of("https://v.test/x?key=secret").shown == "https://v.test/x"


@pytest.mark.parametrize(
    ("asked", "configured", "defaults", "query"),
    [
        ("a=1&a=2&b", "", {}, "a=1&a=2&b"),
        ("", "t=1", {}, "t=1"),
        ("a=%20x", "t=1&u=2", {"d": 3}, "d=3&t=1&u=2&a=%20x"),
        ("t=mine", "t=1", {"t": 0}, "t=mine"),
        ("a=1", "t=1", {"t": 0, "a": 0, "l": [1, 2]}, "l=1&l=2&t=1&a=1"),
    ],
)
def test_queries_are_merged(asked: str, configured: str, defaults: dict[str, object], query: str) -> None:
    assert merged(asked, configured, defaults) == query


@given(
    st.lists(st.tuples(st.sampled_from(["key", "k%65y", "a", "b+c"]), st.sampled_from(["1", "", "%26"])), max_size=5)
)
def test_a_name_has_only_its_new_value(pairs: list[tuple[str, str]]) -> None:
    query = replaced("&".join(f"{name}={value}" for name, value in pairs), {"key": "new&"})
    decoded = parse_qsl(query, keep_blank_values=True)
    assert [value for name, value in decoded if name == "key"] == ["new&"]
    assert len(decoded) == 1 + sum(unquote(name) != "key" for name, _ in pairs)
