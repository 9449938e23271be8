"""Ids of files and batches."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import GatewayError
from proxy.files.ids import BATCH, FILE, LONGEST, Named, encoded, in_path, named

SAFE = st.text("abcXYZ019._:=+@~-", min_size=1, max_size=60).filter(lambda text: text.strip("."))


@given(SAFE, st.text("abc-/ 0", min_size=1, max_size=30).filter(lambda text: text == text.strip()))
def test_an_id_says_what_it_was_made_of(upstream: str, model: str) -> None:
    assert named(encoded(upstream, model, FILE)) == Named(upstream, model)


@pytest.mark.parametrize(
    ("upstream", "kind", "prefix"),
    [("file-a", BATCH, FILE), ("batch_a", FILE, BATCH), ("381", BATCH, BATCH), ("381", FILE, FILE)],
)
def test_an_id_begins_as_the_vendors_does(upstream: str, kind: str, prefix: str) -> None:
    assert encoded(upstream, "m", kind).startswith(prefix)


def test_the_form_is_the_references() -> None:
    # the example in the reference's documentation
    assert encoded("file-abc123", "gpt-4o-ifood", FILE) == "file-bGl0ZWxsbTpmaWxlLWFiYzEyMzttb2RlbCxncHQtNG8taWZvb2Q"


@pytest.mark.parametrize(
    "given",
    [
        "",
        ".",
        "..",
        "a/b",
        "../key/list",
        "file?a=b",
        "file#a",
        "file%2e",
        "a b",
        "a\n",
        "ä",
        "a\\b",
        "a" * (LONGEST + 1),
    ],
)
def test_what_leads_elsewhere_is_no_id(given: str) -> None:
    with pytest.raises(GatewayError) as refused:
        named(given)
    assert refused.value.status == 400


@pytest.mark.parametrize("upstream", ["..", "../files", "a?b", "a/b"])
def test_nor_is_it_one_when_it_is_encoded(upstream: str) -> None:
    coded = base64.urlsafe_b64encode(f"litellm:{upstream};model,m".encode()).decode().rstrip("=")
    with pytest.raises(GatewayError):
        named(f"file-{coded}")


@given(SAFE)
def test_a_piece_of_a_path(upstream: str) -> None:
    piece = in_path(upstream)
    assert "/" not in piece
    assert "?" not in piece
