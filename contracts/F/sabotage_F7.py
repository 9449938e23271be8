"""Ways to break our files and batches, and the cases of F7 that notice."""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage

Original = Callable[..., Any]


async def counts_nothing(original: Original, *args: Any, **options: Any) -> Any:
    return msgspec.structs.replace(await original(*args, **options), requests=0, tokens=0)


def counts_no_tokens(_original: Original, _asked: Any) -> int:
    return 0


def forgets_the_headers(original: Original, found: Any) -> Any:
    error = original(found)
    error.headers = []
    return error


def keeps_ids_as_they_are(_original: Original, upstream: str, _model: str, _kind: str) -> str:
    return upstream


def looks_in_the_environment(original: Original, settings: Any, provider: str) -> Any:
    return original(type(settings)(), provider)


def takes_any_purpose(_original: Original, fields: dict[str, str]) -> dict[str, str]:
    return fields


SABOTAGES = [
    Sabotage(
        name="counts-nothing",
        patches=[("proxy.api.batches.count", counts_nothing)],
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
        name="ids-say-no-model",
        patches=[("proxy.api.files.encoded", keeps_ids_as_they_are)],
        trips=[
            "test_a_model_says_the_account",
            "test_an_id_says_the_model",
            "test_a_model_says_where_a_plain_id_is",
            "test_azure_of_a_model",
        ],
    ),
    Sabotage(
        name="forgets-the-settings",
        patches=[("proxy.files.accounts.Settings.account", looks_in_the_environment)],
        trips=[
            "test_azure_has_files_too",
            "test_files_stay_with_the_settings",
            "test_an_upload",
            "test_an_upload_that_the_vendor_refuses",
        ],
    ),
    Sabotage(
        name="takes-any-purpose",
        patches=[("proxy.api.files._checked", takes_any_purpose)],
        trips=["test_an_unknown_purpose", "test_an_end_that_cannot_be", "test_managed_files_need_what_is_not_there"],
    ),
]
