from pathlib import Path

import pytest

from proxy.config.errors import ConfigError
from proxy.config.yaml_tree import Map, parse, plain

FILE = Path("c.yaml")


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    return str(caught.value)


def test_every_key_knows_its_line() -> None:
    tree = parse("a: 1\nb:\n  - x\n  - c: 2\n", FILE)
    assert plain(tree) == {"a": 1, "b": ["x", {"c": 2}]}
    assert tree.origins["b"].place.line == 2
    assert tree["b"].origins[1].place.line == 4
    assert tree["b"][1].origins["c"].place == (FILE, 4)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert parse(text, FILE) == Map()


def test_dates_stay_text() -> None:
    tree = parse("a: 2024-06-01\nb: 2024-06-01T10:00:00Z\nc: !!timestamp 2024-06-01\n", FILE)
    assert plain(tree) == {"a": "2024-06-01", "b": "2024-06-01T10:00:00Z", "c": "2024-06-01"}


def test_the_spelling_of_numbers_is_kept() -> None:
    tree = parse("a: 010\nb: 1:30\nc: 1_000\n", FILE)
    assert plain(tree) == {"a": 8, "b": 90, "c": 1000}
    assert [tree.origins[key].text for key in "abc"] == ["010", "1:30", "1_000"]


def test_keys_are_text() -> None:
    assert plain(parse("4: a\nyes: b\n1.5: c\n", FILE)) == {"4": "a", "yes": "b", "1.5": "c"}


def test_merged_keys_give_way_to_written_ones() -> None:
    tree = parse("base: &base {a: 1, b: 2}\nx:\n  <<: *base\n  b: 3\ny:\n  <<: [{b: 8}, *base]\n", FILE)
    assert plain(tree["x"]) == {"a": 1, "b": 3}
    assert plain(tree["y"]) == {"a": 1, "b": 8}
    assert tree["x"].origins["a"].place.line == 1


def test_an_alias_is_a_copy() -> None:
    tree = parse("a: &a {b: 1}\nc: *a\n", FILE)
    tree["a"]["b"] = 2
    assert tree["c"]["b"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "c.yaml:3: a: given twice, first on line 1; remove one of the two"),
        ("a: [1\nb: 2\n", "c.yaml:2: invalid YAML: "),
        ("- 1\n", "c.yaml:1: the file must be a mapping"),
        ("just text", "c.yaml:1: the file must be a mapping"),
        ("a: 1\n? [b]\n: c\n", "c.yaml:2: a key must be text"),
        ("a: &a\n  b: *a\n", "c.yaml:1: nested too deeply, or refers to itself"),
        ("a: 1\nb: !!python/object:os.x {}\n", "c.yaml:2: this YAML tag is not supported"),
        ("a: 1\nb: !!set {x}\n", "c.yaml:2: this YAML tag is not supported"),
        ("a: 1\nb: !!binary aGk=\n", "c.yaml:2: this YAML tag is not supported"),
        ("a: 1\nb: !!int x\n", "c.yaml:2: not a valid int"),
        ("a: 1\nb: .inf\n", "c.yaml:2: infinite and undefined numbers"),
        (f"a: 1\nb: {'9' * 30}\n", "c.yaml:2: the number is too large"),
        ("<<: 3\n", "c.yaml:1: `<<` takes a mapping"),
        ("a: 1\n---\nb: 2\n", "c.yaml:"),
        ("a: \x00\n", "c.yaml: invalid YAML"),
        ("a: " + "[" * 500 + "]" * 500, "c.yaml:1: nested too deeply"),
        ("- " * 5000 + "a", "c.yaml:1: "),
    ],
)
def test_what_is_no_config_is_refused_in_one_line(text: str, message: str) -> None:
    refusal = refused(text)
    assert refusal.startswith(message)
    assert "\n" not in refusal


def test_aliases_cannot_blow_up() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "nested too deeply" in refused("\n".join(["l0: &l0 [x]", *levels]))
