"""The form of an upload, read as it comes and written for the vendor."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.forms import content_of, parts_of, shown
from proxy.errors import DetailError, GatewayError
from proxy.files.form import IN_MEMORY, LONGEST_FIELD, Form, read_form

KIND = "multipart/form-data; boundary=cut"


def written(content: bytes = b"hello", filename: str = "a.jsonl", **fields: str) -> bytes:
    said = "".join(
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()
    )
    head = (
        f'--cut\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: text/x\r\n\r\n'
    )
    return said.encode() + head.encode() + content + b"\r\n--cut--\r\n"


async def _parts(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def sent(body: bytes, size: int = 4096, kind: str = KIND) -> tuple[Form, list[dict[str, Any]], bytes]:
    """The form, what the vendor gets of it, and of the file: asked for twice, as for a second try."""

    async def work() -> tuple[Form, list[dict[str, Any]], bytes]:
        form = Form()
        try:
            await read_form(form, kind, _parts(body, size))
            form.require("purpose", "file")
            for _ in range(2):
                content_type, upload = form.upload(form.fields)
                whole = b"".join([part async for part in upload.parts])
                assert upload.size == len(whole)
            parts = parts_of(content_type, whole) or []
            return form, [shown(part) for part in parts], content_of(parts[-1])
        finally:
            form.close()

    return asyncio.run(work())


@given(st.binary(max_size=300), st.integers(1, 60))
def test_a_file_goes_on_as_it_is(content: bytes, size: int) -> None:
    form, parts, file = sent(written(content, purpose="batch"), size)
    assert file == content
    assert form.size == len(content)
    assert [part["name"] for part in parts] == ["purpose", "file"]
    assert (parts[1]["filename"], parts[1]["content-type"]) == ("a.jsonl", "text/x")


def test_a_file_on_disk() -> None:
    content = bytes(range(256)) * (IN_MEMORY // 128)
    form, _, file = sent(written(content, purpose="batch"), 65_536)
    assert form.size == len(content)
    assert file == content


def test_fields_may_come_last() -> None:
    body = (
        written().removesuffix(b"--cut--\r\n")
        + b'--cut\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nb\r\n--cut--\r\n'
    )
    assert sent(body)[0].fields == {"purpose": "b"}


def test_a_name_of_a_file_cannot_end_its_header() -> None:
    _, parts, _ = sent(written(filename="a%22; x=y", purpose="batch"))
    assert [part["name"] for part in parts] == ["purpose", "file"]


@pytest.mark.parametrize(("kind", "body"), [("application/json", b"{}"), ("multipart/form-data", b"x"), ("", b"")])
def test_a_body_of_another_kind(kind: str, body: bytes) -> None:
    with pytest.raises(DetailError) as refused:
        sent(body, kind=kind)
    assert refused.value.status == 422
    assert [each["loc"] for each in refused.value.detail] == [["body", "purpose"], ["body", "file"]]


@pytest.mark.parametrize(
    "body",
    [
        b"nothing of a form",
        written(purpose="batch")[:-20],
        written(purpose="b" * (LONGEST_FIELD + 1)),
        written(purpose="batch").removesuffix(b"--cut--\r\n") + written(),
        written(**{f"field{number}": "x" for number in range(70)}),
    ],
    ids=["other", "cut", "long-field", "two-files", "many-fields"],
)
def test_a_form_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(GatewayError) as refused:
        sent(body)
    assert refused.value.status == 400
