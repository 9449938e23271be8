"""Dates at the ends of the calendar are refused: what follows from them would be no date."""

import pytest
from pydantic import ValidationError

from proxy.api.management.activity import MetricsQuery
from proxy.api.management.spend_dates import day
from proxy.api.management.spend_global import EndUsers
from proxy.errors import DetailError


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01"])
def test_the_ends_of_the_calendar(text: str) -> None:
    with pytest.raises(DetailError):
        day(text, "end_date")
    for model in (MetricsQuery, EndUsers):
        with pytest.raises(ValidationError):
            model.model_validate({"startTime": f"{text}T00:00:00+14:00"})
