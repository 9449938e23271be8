"""Regions: a call that must stay in one (``allowed_model_region``) is served there or not at all.

A deployment is where its ``region_name`` says, else where its vendor is called (``vertex_location``,
``aws_region_name``, ...). A call may ask for that very place (``europe-west1``), or for the region that it lies in
(``eu``, ``us``). The reference compares with ``region_name`` alone: a declared deviation of B1.
"""

import re

from proxy.deployment import Deployment
from proxy.routing.request import RouteRequest

LOCATIONS = ("vertex_location", "vertex_ai_location", "aws_region_name", "watsonx_region_name")
"""Settings of a deployment that say where its vendor is called."""
#: What places of AWS, Google, Azure and IBM are called. Great Britain and Switzerland are in ``eu``, as in the
#: reference's tables.
REGIONS = {
    "eu": re.compile(
        r"eu|eu(sc)?-.*|europe.*|(north|west)europe"
        r"|(austria|belgium|denmark|finland|france|germany|greece|italy|poland|spain|sweden|switzerland)[a-z]+\d?|uk(south|west)"
    ),
    "us": re.compile(r"us|us-.*|us(gov|dod)[a-z]+|(east|west|central|(north|south|west)central)us\d?(euap)?"),
}


def in_region(_model: str, deployments: list[Deployment], request: RouteRequest) -> list[Deployment]:
    """The deployments in the region that the call must stay in; all of them when it may go anywhere."""
    region = request.region
    if region is None:
        return deployments
    return [deployment for deployment in deployments if region in places(deployment)]


def places(deployment: Deployment) -> tuple[str, ...]:
    """Where a deployment is: the place, and the region that it lies in if that is known."""
    place = deployment.params.region_name or _location(deployment)
    if place is None:
        return ()
    return (place, *_regions(place))


def _location(deployment: Deployment) -> str | None:
    settings = deployment.params.other
    return next((str(settings[name]) for name in LOCATIONS if settings.get(name)), None)


def _regions(place: str) -> list[str]:
    name = place.lower().replace(" ", "")
    return [region for region, called in REGIONS.items() if called.fullmatch(name)]
