"""Where deployments are, and who serves a call that must stay in a region."""

from typing import Any

import pytest

from proxy.routing.filters.regions import places
from proxy.routing.refusals import NoDeployments
from tests.proxy.routing.following import failing, run
from tests.proxy.routing.making import Clock, deployment, entry, request, router

EU = (
    "eu eu-west-1 eu-central-2 eu-west1 europe-west4 europe-north1 EUROPE-WEST1 westeurope northeurope swedencentral "
    "francecentral francesouth uksouth switzerlandnorth germanywestcentral eu-de eu-gb eusc-de-east-1"
)
US = (
    "us us-east-1 us-gov-west-1 us-east1 us-central1 eastus eastus2 eastus2euap westus3 centralus southcentralus "
    "northcentralus westcentralus usgovvirginia us-south"
)
ELSEWHERE = "asia asia-east1 ap-south-1 australiaeast global brazilsouth me-central-1 usedom-1 europa eus ca-central-1"


@pytest.mark.parametrize("place", EU.split())
def test_places_in_europe(place: str) -> None:
    assert set(places(deployment(region_name=place))) == {place, "eu"}


@pytest.mark.parametrize("place", US.split())
def test_places_in_the_united_states(place: str) -> None:
    assert set(places(deployment(region_name=place))) == {place, "us"}


@pytest.mark.parametrize("place", ELSEWHERE.split())
def test_places_elsewhere(place: str) -> None:
    assert places(deployment(region_name=place)) == (place,)


def test_azures_names_may_have_spaces() -> None:
    assert places(deployment(region_name="East US 2")) == ("East US 2", "us")


@pytest.mark.parametrize("name", ["vertex_location", "vertex_ai_location", "aws_region_name", "watsonx_region_name"])
def test_the_vendor_tells_the_place(name: str) -> None:
    assert places(deployment(other={name: "eu-de"})) == ("eu-de", "eu")


def test_what_is_declared_counts_alone() -> None:
    assert places(deployment(region_name="us", other={"vertex_location": "europe-west1"})) == ("us", "us")


def test_nowhere() -> None:
    assert places(deployment()) == ()


def _router(*regions: str, clock: Clock | None = None, **settings: Any) -> Any:
    entries = [entry("a", f"a-{number}", region_name=region or None) for number, region in enumerate(regions)]
    return router(entries, clock=clock, enable_pre_call_checks=True, **settings)


def test_a_retry_in_the_region_waits_although_others_are_well() -> None:
    """Otherwise the only deployment of a region would be called again and again without a pause."""
    own = _router("eu", "us")
    followed = run(own, request("a", region="eu", num_retries=2), failing("a-0"))
    assert [type(it).__name__ for it in followed.decisions] == ["Try", "Wait", "Try", "Wait", "Try"]
    assert followed.tried == ["a-0"] * 3


def test_a_retry_goes_to_another_in_the_region_at_once() -> None:
    own = _router("eu", "us", "europe-west1")
    followed = run(own, request("a", region="eu", num_retries=1), failing("a"))
    assert sorted(followed.tried) == ["a-0", "a-2"]
    assert len(followed.decisions) == 2


def test_without_anybody_left_in_the_region_the_first_failure_is_raised() -> None:
    followed = run(_router("eu", "us"), request("a", region="eu", num_retries=5), failing("a", status=429))
    assert followed.tried == ["a-0"]
    assert followed.raised is followed.failures[0]


def test_a_refusal_tells_who_rests_and_for_how_long() -> None:
    clock = Clock()
    own = _router("eu", "us", clock=clock, cooldown_time=60)
    run(own, request("a", region="eu"), failing("a", status=429))
    clock.now += 20.5
    refused = run(own, request("a", region="eu"), failing()).raised
    assert isinstance(refused, NoDeployments)
    assert refused.message == (
        "No deployments available for selected model, Try again in 40 seconds. "
        "Passed model=a. pre-call-checks=True, cooldown_list=['a-0']"
    )


def test_a_fallback_must_be_in_the_region_too() -> None:
    entries = [
        entry("a", "a-1", region_name="us"),
        entry("b", "b-1", region_name="us"),
        entry("c", "c-1", region_name="eu"),
    ]
    own = router(entries, enable_pre_call_checks=True, fallbacks={"a": ("b", "c")})
    followed = run(own, request("a", region="eu"), failing())
    assert followed.tried == ["c-1"]
