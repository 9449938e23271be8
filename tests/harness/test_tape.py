"""Tapes keep frames, times and endings, and say what is wrong with a broken one."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.harness.exchange import Direction, Exchange, Frame, Request
from contracts.harness.faults import HarnessError
from contracts.harness.tape import joined, parse_tape, read_tape, render_tape, write_tape

FRAMES = st.builds(
    Frame,
    at=st.integers(0, 100_000).map(lambda milliseconds: milliseconds / 1000),
    data=st.binary(max_size=40) | st.text(max_size=40).map(str.encode),
    direction=st.sampled_from(Direction),
    partial=st.booleans(),
    binary=st.booleans(),
)


def exchange(frames: tuple[Frame, ...], end: str = "done", reason: str = "") -> Exchange:
    return Exchange(
        label="2",
        request=Request("POST", "http://gateway.test/v1/x?a=b", httpx.Headers({"x-a": "1"}), b'{"a":1}'),
        status=200,
        headers=httpx.Headers([("content-type", "text/event-stream"), ("x-two", "1"), ("x-two", "2"), ("x-none", "")]),
        body=joined(list(frames)),
        frames=frames,
        seconds=frames[-1].at if frames else 0.0,
        end=end,
        reason=reason,
        taped=True,
    )


@given(
    st.lists(FRAMES, max_size=5).map(tuple), st.sampled_from(["done", "dropped", "client-closed", "1011"]), st.text()
)
def test_what_is_written_is_read_back(frames: tuple[Frame, ...], end: str, reason: str) -> None:
    taped = exchange(frames, end, reason)
    assert parse_tape(render_tape(taped), "2") == taped


def test_the_format_is_readable() -> None:
    frames = (Frame(0.012, b"data: 1"), Frame(0.5, b"event: a\ndata: 2"), Frame(0.9, b"data: {", partial=True))
    assert render_tape(exchange(frames, "dropped")).splitlines()[9:] == [
        "+12 < data: 1",
        "+500 < event: a",
        "    | data: 2",
        "+900 <~ data: {",
        "end: dropped",
    ]
    assert joined(list(frames)) == b"data: 1\n\nevent: a\ndata: 2\n\ndata: {"


def test_sessions_are_readable_too() -> None:
    frames = (
        Frame(0.001, b'{"a":1}', Direction.SENT),
        Frame(0.002, b"{}", binary=True),
        Frame(0.003, b"\xff", Direction.SENT, binary=True),
    )
    assert render_tape(exchange(frames, "4005", "ended\nhere")).splitlines()[9:] == [
        '+1 > {"a":1}',
        "+2 <# {}",
        "+3 >#b /w==",
        "end: 4005 ended\\nhere",
    ]


@pytest.mark.parametrize(
    "text", ["", "tape 2\n", "tape 1\n> POST x\n< 200\n+1 < data\n", "tape 1\n> POST x\n< 200\nend: \n"]
)
def test_a_broken_tape_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(HarnessError, match=r"a\.tape: not a tape .*record it again"):
        parse_tape(text, "1", "a.tape")


def test_files(tmp_path: object) -> None:
    path = tmp_path / "A4" / "x.2.tape"  # type: ignore[operator]
    write_tape(path, exchange((Frame(0.1, b"data: 1"),)))
    assert read_tape(path, "2").events == [1]
