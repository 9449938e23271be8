"""Which deployments a name stands for."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.model import AliasTarget
from proxy.deployment import make_deployment, split_model
from proxy.errors import Failure
from proxy.routing.groups import Groups
from proxy.routing.wildcards import WildcardGroup
from tests.proxy.routing.making import aliases, deployment, entry, groups, router


def made(*names: str, **alias: str | AliasTarget) -> Groups:
    return Groups((deployment(name, f"{name}-1") for name in names), aliases(**alias))


def ids(own: Groups, name: str) -> list[str] | None:
    found = own.find(name)
    return None if found is None else [one.id for one in found]


def test_an_alias_wins_over_a_group_of_its_name() -> None:
    assert ids(made("real", "other", real="other"), "real") == ["other-1"]


def test_aliases_of_aliases_do_not_resolve() -> None:
    own = made("real", inner="real", outer="inner")
    assert ids(own, "outer") is None
    assert own.knows("outer")


def test_an_alias_without_a_target_may_be_asked_for() -> None:
    own = made("real", dangling="nothing")
    assert own.knows("dangling")
    assert not own.knows("nothing")


def test_a_deployment_may_be_asked_for_by_its_id() -> None:
    own = Groups(map(make_deployment, groups({"a": 3})), {})
    assert ids(own, "a") == ["a-1", "a-2", "a-3"]
    assert ids(own, "a-2") == ["a-2"]


def test_a_group_wins_over_a_wildcard_and_the_longest_wildcard_over_others() -> None:
    own = made("*", "openai/*", "openai/gpt-*", "openai/gpt-4o")
    assert ids(own, "openai/gpt-4o") == ["openai/gpt-4o-1"]
    assert ids(own, "openai/gpt-5") == ["openai/gpt-*-1"]
    assert ids(own, "openai/o1") == ["openai/*-1"]
    assert ids(own, "o1") == ["*-1"]


def test_listed_are_visible_aliases_first() -> None:
    own = made("b", "a", seen="a", hidden=AliasTarget(model="a", hidden=True))
    assert own.listed() == ["seen", "b", "a"]


def test_nothing_is_listed_twice() -> None:
    assert made("real", "other", real="other").listed() == ["real", "other"]


@pytest.mark.parametrize(
    ("pattern", "model", "asked", "served"),
    [
        ("wild/*", "openai/*", "wild/gpt-4o", "gpt-4o"),
        ("wild/*", "openai/ft:*:v2", "wild/x", "ft:x:v2"),
        ("wild/*", "openai/fixed", "wild/x", "fixed"),
        ("*-mini", "openai/*-small", "gpt-mini", "gpt-small"),
        ("a/*/b/*", "openai/*+*", "a/1/b/2", "1+2"),
        ("a/*/b/*", "openai/*+*", "a/*/b/2", "*+2"),
        ("a/*/b/*", "openai/x-*", "a/1/b/2", "x-1"),
        ("a/*", "openai/*+*", "a/1", "1+*"),
        ("wild/*", "openai/*", "wild/a/b", "a/b"),
        ("wild/*", "openai/*", "wild/", ""),
        ("*", "openai/*", "gpt-4o", "gpt-4o"),
        ("a.c/*", "openai/*", "a.c/x", "x"),
    ],
)
def test_a_star_stands_for_what_was_matched(pattern: str, model: str, asked: str, served: str) -> None:
    group = WildcardGroup(pattern, (make_deployment(entry(pattern, "w", model=model)),))
    found = group.serving(asked)
    assert found is not None
    assert [one.model for one in found] == [served]
    assert found[0].id == "w"


@pytest.mark.parametrize(("pattern", "asked"), [("wild/*", "tame/x"), ("a.c/*", "abc/x"), ("*-mini", "gpt-mini2")])
def test_what_does_not_match(pattern: str, asked: str) -> None:
    assert WildcardGroup(pattern, (deployment(),)).serving(asked) is None


@given(
    st.text(alphabet="ab*.", min_size=1, max_size=8).filter(lambda pattern: "*" in pattern),
    st.text(alphabet="ab.\n", max_size=12),
)
def test_wildcards_match_as_greedy_expressions_do(pattern: str, name: str) -> None:
    expected = re.fullmatch(re.escape(pattern).replace(r"\*", "(.*)"), name)
    stars = "|".join("*" * pattern.count("*"))
    found = WildcardGroup(pattern, (deployment(model=f"openai/{stars}"),)).serving(name)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found[0].model == "|".join(expected.groups())


def test_a_name_of_a_megabyte_is_refused_at_once() -> None:
    own = made("a*a*a*a*b", "wild/*")
    began = time.perf_counter()
    assert own.find("a" * 1_000_000) is None
    assert own.find("wild/" + "x" * 1_000_000) is None
    assert time.perf_counter() - began < 1


def test_names_with_line_breaks_match_no_wildcard() -> None:
    assert made("wild/*").find("wild/a\r\nx: y") is None


@pytest.mark.parametrize(
    ("model", "provider", "expected"),
    [
        ("openai/gpt-4o", None, ("openai", "gpt-4o")),
        ("gpt-4o", None, ("openai", "gpt-4o")),
        ("openai/org/model", None, ("openai", "org/model")),
        ("org/model", "openai", ("openai", "org/model")),
        ("openai/model", "openai", ("openai", "model")),
        ("openai", "openai", ("openai", "openai")),
    ],
)
def test_models_are_split_at_their_provider(model: str, provider: str | None, expected: tuple[str, str]) -> None:
    assert split_model(model, provider) == expected


def test_an_unknown_name_is_refused_with_the_name_that_it_stands_for() -> None:
    own = router(groups({"a": 1}), model_group_alias=aliases(al="gone"))
    with pytest.raises(Failure) as caught:
        own.candidates("al")
    assert caught.value.status == 400
    assert "You passed in model=gone. There are no healthy deployments for this model" in caught.value.message


def test_a_dangling_alias_is_served_by_the_first_default_fallback() -> None:
    own = router(groups({"a": 1, "b": 1}), model_group_alias=aliases(al="gone"), fallbacks={"*": ("b", "a")})
    assert [one.id for one in own.candidates("al")] == ["b-1"]


def test_ids_are_the_same_in_each_run_and_differ_with_the_parameters() -> None:
    one, same, other = (make_deployment(entry("g", rpm=rpm)) for rpm in (1, 1, 2))
    assert one.id == same.id != other.id
    assert re.fullmatch("[0-9a-f]{64}", one.id)
