"""Event framing, against the HTML standard read naively, and however the stream is cut."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.errors import TooLarge
from proxy.upstream.sse import EventSplitter, data_of

PIECES = st.sampled_from(
    [
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\r\n\r\n",
        b"data: x",
        b"data:y",
        b"data",
        b": ping",
        b"event: z",
        b" ",
        b"\xef\xbb\xbf",
    ]
)
STREAMS = st.lists(PIECES, max_size=30).map(b"".join)


def split(*chunks: bytes, limit: int = 1_000_000) -> tuple[list[bytes], bytes]:
    splitter = EventSplitter(limit)
    events = [event for chunk in chunks for event in splitter.feed(chunk)]
    return events, splitter.rest()


def data_by_the_standard(stream: bytes) -> list[bytes]:
    """The data of the events of a whole stream, line by line as section 9.2.6 tells it."""
    lines = re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))
    dispatched: list[bytes] = []
    data: list[bytes] = []
    for line in lines[:-1]:
        if not line:
            if data:
                dispatched.append(b"\n".join(data))
            data = []
            continue
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value[1:] if value.startswith(b" ") else value)
    return dispatched


@given(STREAMS)
def test_data_is_that_of_the_standard(stream: bytes) -> None:
    events, _ = split(stream)
    # events without data are dispatched by nobody; an event of empty data lines looks the same here
    assert [data for event in events if (data := data_of(event))] == [d for d in data_by_the_standard(stream) if d]


@given(STREAMS, st.data())
def test_cuts_do_not_matter(stream: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert split(*chunks) == split(stream)
    assert split(*(bytes([byte]) for byte in stream)) == split(stream)


@pytest.mark.parametrize(
    ("stream", "events", "rest"),
    [
        (b"data: a\n\ndata: b\n\n", [b"data: a", b"data: b"], b""),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"data: a", b"data: b"], b""),
        (b"data: a\r\rdata: b\r\r", [b"data: a", b"data: b"], b""),
        (b"data: a\r\n\ndata: b\n\r\n", [b"data: a", b"data: b"], b""),
        (b"data: a\r\ndata: b\r\n\r\n", [b"data: a\r\ndata: b"], b""),
        (b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n", [b"data: a", b"data: b"], b""),
        (b"data: a\n\n\ndata: b\n\n", [b"data: a", b"data: b"], b""),
        (b"\ndata: a\n\n", [b"data: a"], b""),
        (b": ping\n\ndata: a\n\n", [b": ping", b"data: a"], b""),
        (b"data: a\n\ndata: [DO", [b"data: a"], b"data: [DO"),
        (b"data: a\n\ndata: b\n", [b"data: a"], b"data: b\n"),
        (b"\xef\xbb\xbfdata: a\n\n", [b"data: a"], b""),
        (b"\xef\xbb", [], b"\xef\xbb"),
        (b"", [], b""),
    ],
)
def test_events(stream: bytes, events: list[bytes], rest: bytes) -> None:
    assert split(stream) == (events, rest)
    assert split(*(bytes([byte]) for byte in stream)) == (events, rest)
    assert split(b"data: first\n\n", stream) == ([b"data: first", *events], rest) or stream.startswith(b"\xef")


def test_an_event_is_given_with_its_last_byte() -> None:
    splitter = EventSplitter()
    assert splitter.feed(b"data: a\r\n\r") == [b"data: a"]
    assert splitter.feed(b"\ndata: b\r\n\r\n") == [b"data: b"]


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a", b"a"),
        (b"data:a", b"a"),
        (b"data:  a", b" a"),
        (b"data", b""),
        (b"data:", b""),
        (b"data: a\ndata: b", b"a\nb"),
        (b"data: a\r\ndata:\r\ndata: b", b"a\n\nb"),
        (b"data: a\rid: 1", b"a"),
        (b"event: x\ndata: {}", b"{}"),
        (b": data: a", b""),
        (b" data: a", b""),
        (b"datax: a", b""),
        (b"Data: a", b""),
    ],
)
def test_data(event: bytes, data: bytes) -> None:
    assert data_of(event) == data


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: " + b"a" * 20],
        [b"data: aaa", b"aaaaaaaaaa"],
        [b"data: a\n\n", b"data: " + b"a" * 20 + b"\n\n"],
        [b"data: a\n\ndata: " + b"a" * 20 + b"\n\ndata: b\n\n"],
    ],
)
def test_events_are_bounded(chunks: list[bytes]) -> None:
    with pytest.raises(TooLarge) as caught:
        split(*chunks, limit=15)
    assert caught.value.limit == 15


def test_the_bound_is_of_events_not_of_chunks() -> None:
    events, _ = split(b"data: a\n\n", b"data: bb\n\n" * 10, limit=8)
    assert events == [b"data: a", *[b"data: bb"] * 10]


def test_a_large_event_in_many_chunks_is_not_searched_again_and_again() -> None:
    splitter = EventSplitter(limit=10_000_000)
    assert not any(splitter.feed(b"x" * 100) for _ in range(50_000))
    assert len(splitter.feed(b"\n\n")[0]) == 5_000_000
