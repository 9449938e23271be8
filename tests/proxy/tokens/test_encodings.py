"""Vocabularies that come with the package, and texts of any size."""

import asyncio
import gzip
import socket
import time
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.tokens import encodings
from proxy.tokens.encodings import CL100K, O200K, RUN, count, encoding_of, load

BOTH = pytest.mark.parametrize("name", [CL100K, O200K])


@pytest.mark.parametrize(
    ("text", "cl100k", "o200k"),
    [
        ("", 0, 0),
        ("tiktoken is great!", 6, 6),
        ("antidisestablishmentarianism", 6, 6),
        ("2 + 2 = 4", 7, 7),
        ("お誕生日おめでとう", 9, 8),
    ],
)
def test_openais_own_examples(text: str, cl100k: int, o200k: int) -> None:
    """https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken"""
    assert (count(text, CL100K), count(text, O200K)) == (cl100k, o200k)


@BOTH
def test_special_tokens_are_text(name: str) -> None:
    assert count("<|endoftext|>", name) > 1


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4o", O200K),
        ("some/gpt-4o-of-ours", O200K),
        ("o3-mini", O200K),
        ("gpt-4", CL100K),
        ("gpt-3.5-turbo", CL100K),
        ("text-davinci-003", CL100K),
        ("claude-3-5-sonnet", CL100K),
        ("nobody/knows-me", CL100K),
    ],
)
def test_whose_encoding_it_is(model: str, name: str) -> None:
    assert encoding_of(model) == name


def test_no_network_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(encodings, "_loaded", {})
    assert count("hello", CL100K) == count("hello", O200K) == 1
    assert encoding_of("a-model-never-asked-for-before") == CL100K


def test_a_damaged_vocabulary_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "vocabularies"
    folder.mkdir()
    packed = files("proxy.tokens").joinpath("vocabularies", f"{CL100K}.tiktoken.gz").read_bytes()
    content = gzip.decompress(packed)
    (folder / f"{CL100K}.tiktoken.gz").write_bytes(gzip.compress(content[:-5]))
    monkeypatch.setattr(encodings, "files", lambda _package: tmp_path)
    monkeypatch.setattr(encodings, "_loaded", {})
    with pytest.raises(RuntimeError, match=r"cl100k_base\.tiktoken\.gz is damaged"):
        load(CL100K)


def test_vocabularies_are_part_of_the_package() -> None:
    root = Path(__file__).parents[3]
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    folder = root / "proxy" / "tokens"
    packaged = {file for pattern in settings["package-data"]["proxy.tokens"] for file in folder.glob(pattern)}
    assert {file.name for file in packaged} == {f"{name}.tiktoken.gz" for name in (CL100K, O200K)}


def test_an_encoding_is_made_once() -> None:
    assert load(CL100K) is load(CL100K)


@BOTH
@given(text=st.text(st.sampled_from("aB éŁ你\u0301²3'/.!-_\n\t\u00a0"), max_size=80))
def test_where_a_text_is_cut_makes_no_difference(name: str, text: str) -> None:
    whole = len(load(name).encode_ordinary(text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "RUN", 10)
        cut = [piece for piece in encodings._pieces(text) if piece]
        assert "".join(cut) == text
        if not any(text[at : at + 10].isspace() for at in range(0, len(text), 10)):
            assert count(text, name) == whole


@BOTH
@pytest.mark.parametrize("unit", [" ", "\n", "\t ", "a", "!", "1", "aB", "你", "word "])
def test_a_text_may_be_endless(name: str, unit: str) -> None:
    assert 0 < count(unit * (400_000 // len(unit)), name) <= 400_000


def test_white_space_that_does_not_end_is_cut() -> None:
    assert max(map(len, encodings._pieces("a" + " " * 10 * RUN + "b"))) <= 2 * RUN + 1


def test_words_are_cut() -> None:
    assert max(map(len, encodings._pieces("word " * RUN))) <= 2 * RUN


def test_the_event_loop_goes_on_meanwhile() -> None:
    """The longest pause without cutting: 150 ms."""
    text = "The quick brown fox jumps over the lazy dog. " * 100_000

    async def paused() -> float:
        done = asyncio.create_task(asyncio.to_thread(count, text, CL100K))
        longest, last = 0.0, time.perf_counter()
        while not done.done():
            await asyncio.sleep(0.001)
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
        return longest

    load(CL100K)
    assert min(asyncio.run(paused()) for _ in range(3)) < 0.05
