"""Which headers go along, in either direction."""

from collections.abc import Iterable, Mapping

from proxy.errors import Headers

#: Of one connection, not of the call (RFC 9110, 7.6.1). The upstream client sets its own.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
#: They describe the client's body, which goes along as it is.
OF_THE_BODY = frozenset(("content-type", "content-encoding", "content-language", "content-md5", "content-disposition"))
PREFIX = "x-pass-"
"""A client's ``x-pass-NAME`` reaches every vendor as ``NAME``."""
_NOT_OF_THE_VENDOR = ("x-litellm-", "x-tianji-", "access-control-")
_NOT_RETURNED = HOP_BY_HOP | {"content-encoding", "date"}


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """A request's headers by name; one that came in several lines is the list of them (RFC 9110, 5.3)."""
    values: dict[bytes, bytes] = {}
    for name, value in headers:
        values[name] = b"%b, %b" % (values[name], value) if name in values else value
    return values


def upward(
    given: Mapping[bytes, bytes],
    own: Mapping[str, str],
    *,
    forwarded: frozenset[str] | None,
    kept_back: Iterable[bytes],
) -> Headers:
    """The headers of the call upstream.

    The gateway's own win over what the client says of the same name, in whatever way it says it, and what holds the
    gateway's key stays here. Nothing is kept from one call to the next.

    Args:
        given: the client's, by lower-case name.
        own: configured ones and credentials.
        forwarded: the client's headers that go along beside those of its body; ``None``: all.
        kept_back: names of headers that are the gateway's business.
    """
    fixed = {name.lower() for name in own}
    private = {name.decode("latin-1") for name in kept_back}
    sent: dict[str, str] = {}
    passed: dict[str, str] = {}
    for raw_name, raw_value in given.items():
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in private:
            continue
        if name.startswith(PREFIX):
            passed[name.removeprefix(PREFIX)] = value
        elif (forwarded is None or name in forwarded or name in OF_THE_BODY) and not name.startswith("x-litellm-"):
            sent[name] = value
    sent |= passed
    hop = HOP_BY_HOP | _named_by(sent.pop("connection", ""))
    return [
        *own.items(),
        *((name, value) for name, value in sent.items() if name and name not in hop and name not in fixed),
    ]


def downward(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers of the answer: the vendor's, without those of its connection and those that are the gateway's to set."""
    hop = _NOT_RETURNED | _named_by(",".join(value for name, value in headers if name == "connection"))
    return [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name not in hop and not name.startswith(_NOT_OF_THE_VENDOR)
    ]


def _named_by(connection: str) -> frozenset[str]:
    """What ``connection`` declares to be of the connection too."""
    return frozenset(name.strip().lower() for name in connection.split(",") if name.strip())
