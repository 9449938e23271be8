"""Who serves a call with tags."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.routing.filters.tags import Tagged
from proxy.routing.refusals import Refusal
from tests.proxy.routing.following import failing, run
from tests.proxy.routing.making import deployment, entry, request, router

NAMES = st.sampled_from(("a", "b", "c", "default"))
TAGS = st.lists(NAMES, max_size=3)


@given(own=st.lists(TAGS, min_size=1, max_size=4), asked=TAGS, match_any=st.booleans())
def test_as_the_rules_say(own: list[list[str]], asked: list[str], match_any: bool) -> None:
    deployments = [deployment(name=str(index), tags=tuple(tags)) for index, tags in enumerate(own)]
    default = [it for it in deployments if "default" in it.params.tags]
    enough = any if match_any else all
    suiting = [it for it in deployments if it.params.tags and enough(tag in it.params.tags for tag in asked)]
    expected = (suiting or default) if asked else (default or deployments)
    try:
        assert Tagged(match_any=match_any)("g", deployments, request("g", tags=asked)) == expected
    except Refusal as refused:
        assert not expected
        assert refused.status == 401
        assert refused.message.endswith(f"Passed model=g and tags={asked}")


@pytest.mark.parametrize("tags", [["paid"], "paid"])
def test_nobody_is_left(tags: Sequence[str]) -> None:
    with pytest.raises(Refusal, match="Passed model=g and tags="):
        Tagged(match_any=True)("g", [], request("g", tags=tags))


def test_a_refusal_is_final_and_leads_to_the_fallbacks() -> None:
    entries = [entry("a", "a-1", tags=("free",)), entry("b", "b-1", tags=("paid",))]
    own = router(entries, enable_tag_filtering=True, fallbacks={"a": ("b",)})
    followed = run(own, request("a", tags=["paid"], num_retries=5), failing())
    assert (followed.tried, len(followed.decisions)) == (["b-1"], 1)


def test_a_retry_waits_for_the_only_one_with_the_tag() -> None:
    entries = [entry("a", "a-1", tags=("free",)), entry("a", "a-2", tags=("paid",))]
    own = router(entries, enable_tag_filtering=True)
    followed = run(own, request("a", tags=["paid"], num_retries=1), failing("a"))
    assert [type(it).__name__ for it in followed.decisions] == ["Try", "Wait", "Try"]
    assert followed.tried == ["a-2", "a-2"]


def test_regions_are_asked_before_tags() -> None:
    entries = [entry("a", "a-1", tags=("paid",), region_name="us")]
    own = router(entries, enable_tag_filtering=True, enable_pre_call_checks=True)
    refused = run(own, request("a", tags=["paid"], region="eu"), failing()).raised
    assert refused is not None
    assert refused.status == 401
