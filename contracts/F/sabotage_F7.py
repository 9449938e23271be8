"""Ways to break our files and batches, and the cases of F7 that notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage
from proxy.errors import GatewayError

Original = Callable[..., Any]


async def counts_nothing(original: Original, *args: Any, **options: Any) -> Any:
    return msgspec.structs.replace(await original(*args, **options), requests=0, tokens=0)


def counts_no_tokens(_original: Original, _asked: Any) -> int:
    return 0


def forgets_the_headers(original: Original, found: Any) -> Any:
    error = original(found)
    error.headers = []
    return error


def forgets_the_model(original: Original, given: str) -> Any:
    return msgspec.structs.replace(original(given), model=None)


def knows_no_settings_of_azure(original: Original, settings: Any, provider: str) -> Any:
    return original(type(settings)() if provider == "azure" else settings, provider)


def takes_anything(original: Original, fields: dict[str, str]) -> dict[str, str]:
    try:
        return original(fields)  # type: ignore[no-any-return]
    except GatewayError:
        return {"purpose": fields["purpose"]}


def sees_nothing_wrong(original: Original, *args: Any, **options: Any) -> Any:
    try:
        return original(*args, **options)
    except GatewayError:
        return {}


SABOTAGES = [
    Sabotage(
        name="counts-nothing",
        patches=[("proxy.files.counting.count", counts_nothing)],
        trips=[
            "test_a_second_batch_of_more_requests_than_are_left",
            "test_more_tokens_than_are_left",
            "test_headers_say_when_to_come_again",
            "test_what_counts",
            "test_limits_of_others_than_the_key",
            "test_chats_and_batches_share_a_limit",
            "test_the_file_of_a_model_is_counted",
        ],
    ),
    Sabotage(
        name="counts-no-tokens",
        patches=[("proxy.files.counting._tokens", counts_no_tokens)],
        trips=["test_more_tokens_than_are_left", "test_headers_say_when_to_come_again[tokens]", "test_what_counts"],
    ),
    Sabotage(
        name="forgets-when-to-come-again",
        patches=[("proxy.limits.limiter.batch_refusal", forgets_the_headers)],
        trips=["test_headers_say_when_to_come_again"],
    ),
    Sabotage(
        name="forgets-what-ids-say",
        patches=[("proxy.api.stored.named", forgets_the_model)],
        trips=[
            "test_an_id_says_the_model",
            "test_azure_of_a_model",
            "test_a_model_that_is_named_elsewhere[id]",
            "test_a_file_says_the_model_of_its_batch",
            "test_azure_has_batches_too",
        ],
    ),
    Sabotage(
        name="knows-no-settings-of-azure",
        patches=[("proxy.files.accounts.Settings.account", knows_no_settings_of_azure)],
        trips=["test_azure_has_files_too"],
    ),
    Sabotage(
        name="lets-clients-choose-hosts",
        patches=[("proxy.api.batches.client_credentials", sees_nothing_wrong)],
        trips=["test_what_a_client_may_not_say"],
    ),
    Sabotage(
        name="takes-any-form",
        patches=[("proxy.api.files._checked", takes_anything)],
        trips=["test_an_unknown_purpose", "test_an_end_that_cannot_be", "test_managed_files_need_what_is_not_there"],
    ),
]
