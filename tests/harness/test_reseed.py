"""Renaming is one-to-one, the same for the same seed, and undone on the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.harness import reseed
from contracts.harness.reseed import Naming
from contracts.harness.translation import Translation
from fixtures.replies import ok, status

CONFIG = """
model_list:
  - model_name: order-first
    litellm_params: {model: openai/upstream-first}
  - model_name: wild/*
    tianji_params: {model: openai/gpt-4o-mini}
  - model_name: openai/*
    litellm_params: {model: openai/*}
  - model_name: abc
    litellm_params: {model: openai/upstream-abc}
router_settings:
  model_group_alias: {alias-hidden: {model: order-first, hidden: true}}
"""


@pytest.fixture
def config(tmp_path, monkeypatch) -> str:
    (tmp_path / "A4").mkdir()
    (tmp_path / "A4" / "basic.yaml").write_text(CONFIG)
    monkeypatch.setattr(reseed, "CONFIGS", tmp_path)
    return "A4/basic.yaml"


def test_groups_aliases_and_upstream_models_get_names_of_the_same_shape(config: str) -> None:
    words = Naming(7).of_config(config).words
    assert set(words) == {"order-first", "upstream-first", "wild", "upstream-abc", "alias-hidden"}
    assert all(len(new) == len(old) and new.count("-") == old.count("-") and new != old for old, new in words.items())


def test_a_seed_is_reproducible_and_no_seed_renames_nothing(config: str) -> None:
    seven, again, eight = (Naming(seed).of_config(config).words for seed in (7, 7, 8))
    assert seven == again != eight
    assert Naming(None).of_config(config).words == {}


def test_an_old_name_that_comes_back_is_not_taken_for_the_right_one(config: str) -> None:
    names = Naming(7).of_config(config)
    assert names.back(names.out("order-first")) == "order-first"
    assert names.back("order-first") == names.words["order-first"]
    assert names.back("wild") == "wild"
    texts = Naming(7).of_replies({"one": [ok("Counted carefully")]})
    assert texts.back(texts.out("Counted carefully")) == "Counted carefully"
    assert texts.back("Counted carefully") == texts.out("Counted carefully")
    assert texts.back("counted by us: carefully") == "counted by us: carefully"


def test_texts_are_renamed_the_ordinary_one_too() -> None:
    naming = Naming(7)
    script = naming.explicit({"one": [], "two": [ok("Counted carefully"), status(500)]})
    assert set(naming.of_replies(script).words) == {"Hello", "from", "upstream", "Counted", "carefully"}
    assert script["two"][1]["body"]["error"]["message"] == "upstream says 500"
    assert "content" not in script["two"][1]


@given(st.text(alphabet='ab-./ \n"{}', max_size=60))
def test_what_goes_out_comes_back(text: str) -> None:
    translation = Translation({"aa": "xx", "a-b": "yy", "upstream.test": "127.0.0.1:9000"})
    assert translation.back(translation.out(text)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://upstream.test/v1", "http://127.0.0.1:9000/v1"),
        ("ws://upstream.test", "ws://127.0.0.1:9000"),
        ("see upstream.test.", "see 127.0.0.1:9000."),
        ("upstream.test.example", "upstream.test.example"),
        ("my-upstream.test", "my-upstream.test"),
        (r'{"m":"a\nfirst-one\nb"}', r'{"m":"a\nzzz\nb"}'),
        ("openai/first-one", "openai/zzz"),
        ("first-one-more first-on", "first-one-more first-on"),
    ],
)
def test_only_whole_words_are_renamed(text: str, expected: str) -> None:
    assert Translation({"upstream.test": "127.0.0.1:9000", "first-one": "zzz"}).out(text) == expected


def test_a_body_that_is_not_utf8_passes_unharmed() -> None:
    assert Translation({"one": "two"}).out_bytes(b"\xff one \xfe") == b"\xff two \xfe"


def test_a_renaming_that_cannot_be_undone_is_refused() -> None:
    with pytest.raises(ValueError, match="same new name"):
        Translation({"a": "x", "b": "x"})
