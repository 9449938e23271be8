"""Ways to break the spend of our proxy, and the core cases that notice."""

from collections.abc import Callable
from typing import Any

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


def without_tags(original: Original, record: Any, fields: Any) -> None:
    original(record, {name: value for name, value in fields.items() if name not in ("metadata", "tags")})


def without(kind: str) -> Callable[..., Any]:
    def charges(original: Original, records: Any) -> Any:
        return {holder: dollars for holder, dollars in original(records).items() if holder[0] != kind}

    return charges


def at_the_price_of_fresh(original: Original, rates: Any, usage: Any) -> Any:
    return usage.prompt_tokens * rates.fresh, usage.completion_tokens * rates.written


def without_rows_of_failures(original: Original, record: Any, *args: Any) -> Any:
    return original(record, *args) | ({"status": "success"} if record.failed else {})


SABOTAGES = [
    Sabotage(
        name="calls-have-no-tags",
        patches=[("proxy.accounting.record._read_told", without_tags)],
        trips=["test_tags_of_a_call"],
    ),
    Sabotage(
        name="customers-are-not-charged",
        patches=[("proxy.accounting.ledger.charges_of", without("customer"))],
        trips=["test_everybody_is_charged"],
    ),
    Sabotage(
        name="cached-tokens-cost-as-others",
        patches=[("proxy.accounting.cost.Rates.split", at_the_price_of_fresh)],
        trips=["test_the_tokens_of_a_cache_and_of_thoughts"],
    ),
    Sabotage(
        name="failures-are-successes",
        patches=[("proxy.accounting.ledger.log_row", without_rows_of_failures)],
        trips=["test_a_vendors_failure", "test_a_client_s_mistake"],
    ),
]
