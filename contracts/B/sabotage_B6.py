"""Ways to break routing by tags, and the cases of B6 that notice."""

import asyncio
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec

from contracts.harness.sabotaged import Sabotage
from proxy.errors import Failure
from proxy.routing.refusals import Refusal

Original = Callable[..., Any]
HEADER = b"x-litellm-tags"


def _call(call: Any, *, headers: Any = None, **identity: Any) -> Any:
    """The same call, seen with other eyes."""
    seen = msgspec.structs.replace(call.identity, **identity)
    return SimpleNamespace(endpoint=call.endpoint, headers=call.headers if headers is None else headers, identity=seen)


def serves_whatever_has_tags(original: Original, tagged: Any, model: str, deployments: Any, request: Any) -> Any:
    """Instead of refusing a call."""
    try:
        return original(tagged, model, deployments, request)
    except Refusal:
        return deployments


def mixes_up_any_and_all(original: Original, tagged: Any, deployments: Any, tags: Any) -> Any:
    other = SimpleNamespace(_match_any=not tagged._match_any)
    return original(other, deployments, tags)


def knows_no_default(original: Original, tagged: Any, model: str, deployments: Any, request: Any) -> Any:
    if not request.tags:
        return deployments
    own = [it for it in deployments if "default" not in it.params.tags or "default" in request.tags]
    return original(tagged, model, own, request)


def prefers_the_untagged(original: Original, tagged: Any, model: str, deployments: Any, request: Any) -> Any:
    found = original(tagged, model, deployments, request)
    return [it for it in deployments if not it.params.tags] or found


def reads_no_header(original: Original, call: Any, fields: Any) -> Any:
    headers = {name: value for name, value in call.headers.items() if name != HEADER}
    return original(_call(call, headers=headers), fields)


def reads_no_tags_of_bodies(original: Original, call: Any, fields: Any) -> Any:
    return original(call, {name: value for name, value in fields.items() if name != "tags"})


def reads_no_metadata(original: Original, endpoint: str, fields: Any) -> Any:
    original(endpoint, fields)
    return ()


def reads_metadata_of_vendors(original: Original, endpoint: str, fields: Any) -> Any:
    return original("chat", fields)


def stops_at_litellm_metadata(original: Original, call: Any, fields: Any) -> Any:
    found = original(call, fields)
    if "litellm_metadata" not in fields:
        return found
    metadata = msgspec.json.decode(fields["litellm_metadata"])
    return metadata.get("tags", ()) if isinstance(metadata, dict) else found


def forgets_keys(original: Original, call: Any, fields: Any) -> Any:
    return original(_call(call, metadata={}), fields)


def forgets_teams(original: Original, call: Any, fields: Any) -> Any:
    return original(_call(call, team_metadata={}), fields)


def overlooks_mistakes(original: Original, call: Any, fields: Any) -> Any:
    try:
        return original(call, fields)
    except Exception:
        return ()


async def hesitates(original: Original, pipeline: Any) -> Any:
    try:
        return await original(pipeline)
    except Refusal:
        await asyncio.sleep(0.6)
        raise


async def takes_the_fallbacks_status(original: Original, pipeline: Any) -> Any:
    try:
        return await original(pipeline)
    except Failure as failure:
        if "tags configuration" in failure.message:
            failure.status = 401
        raise


def always_filters(original: Original, config: Any) -> Iterator[Any]:
    from proxy.routing.filters.tags import Tagged

    yield from original(config)
    yield Tagged(match_any=True)


REFUSED = [
    "test_nobody_has_the_tag",
    "test_tags_are_compared_as_they_are",
    "test_a_refusal_names_the_group_behind_an_alias",
    "test_an_empty_header_is_a_tag_that_nobody_has",
    "test_a_text_for_a_list_is_a_tag_that_nobody_has",
    "test_a_stream",
    "test_a_fallback_may_have_the_tag",
    "test_a_fallback_may_lack_the_tag",
    "test_a_refusal_is_not_retried",
    "test_who_has_the_tag_is_cooling_down",
    "test_a_tag_is_missing",
    "test_all_tags_together",
]
SABOTAGES = [
    Sabotage(
        name="serves-whatever-has-tags",
        patches=[("proxy.routing.filters.tags.Tagged.__call__", serves_whatever_has_tags)],
        trips=REFUSED,
    ),
    Sabotage(
        name="mixes-up-any-and-all",
        patches=[("proxy.routing.filters.tags.Tagged._suiting", mixes_up_any_and_all)],
        trips=[
            "test_one_tag_is_enough[one-unknown]",
            "test_tags_of_several_deployments",
            "test_where_tags_stand[header-trimmed]",
            "test_where_tags_stand[header-over-metadata]",
            "test_a_tag_is_missing[one-unknown]",
            "test_a_tag_is_missing[two-tiers]",
            "test_who_serves_instead[of-two]",
            "test_tags_of_the_call_add_to_those_of_the_key",
        ],
    ),
    Sabotage(
        name="knows-no-default",
        patches=[("proxy.routing.filters.tags.Tagged.__call__", knows_no_default)],
        trips=[
            "test_who_serves_by_default[unsaid]",
            "test_who_serves_by_default[unknown]",
            "test_who_serves_instead",
            "test_a_text_for_a_list_is_a_tag_that_nobody_has",
            "test_the_default_serves_meanwhile",
        ],
    ),
    Sabotage(
        name="prefers-the-untagged",
        patches=[("proxy.routing.filters.tags.Tagged.__call__", prefers_the_untagged)],
        trips=[
            "test_one_tag_is_enough",
            "test_tags_of_several_deployments",
            "test_without_tags_everybody_serves",
            "test_who_serves_by_default[unsaid]",
            "test_who_serves_by_default[unknown]",
            "test_who_serves_by_default[known]",
            "test_who_serves_by_default[itself]",
            "test_where_tags_stand",
            "test_metadata_hides_no_other_tags",
            "test_a_text_for_a_list_is_a_tag_that_nobody_has",
            "test_every_endpoint",
            "test_a_stream",
            "test_tags_of_a_caller",
            "test_a_client_replaces_its_tags",
        ],
    ),
    Sabotage(
        name="reads-no-header",
        patches=[("proxy.api.wishes._tags", reads_no_header)],
        trips=[
            "test_where_tags_stand[header]",
            "test_where_tags_stand[header-trimmed]",
            "test_where_tags_stand[header-over-metadata]",
            "test_where_tags_stand[body-no-list]",
            "test_metadata_hides_no_other_tags[header]",
            "test_metadata_hides_no_other_tags[header-over-it]",
            "test_an_empty_header_is_a_tag_that_nobody_has",
            "test_a_client_replaces_its_tags[header]",
            "test_a_client_replaces_them",
        ],
    ),
    Sabotage(
        name="reads-no-tags-of-bodies",
        patches=[("proxy.api.wishes._tags", reads_no_tags_of_bodies)],
        trips=[
            "test_where_tags_stand[body]",
            "test_where_tags_stand[body-over-metadata]",
            "test_where_tags_stand[body-over-header]",
            "test_metadata_hides_no_other_tags[body-over-it]",
            "test_a_client_replaces_its_tags[body]",
            "test_a_client_replaces_them",
        ],
    ),
    Sabotage(
        name="reads-no-metadata",
        patches=[("proxy.api.wishes._tags_of_metadata", reads_no_metadata)],
        trips=[
            "test_one_tag_is_enough",
            "test_tags_of_several_deployments",
            "test_nobody_has_the_tag",
            "test_tags_are_compared_as_they_are",
            "test_a_refusal_names_the_group_behind_an_alias",
            "test_who_serves_by_default[known]",
            "test_where_tags_stand[litellm-metadata]",
            "test_where_tags_stand[litellm-metadata-first]",
            "test_where_tags_stand[beside-others]",
            "test_where_tags_stand[encoded]",
            "test_where_tags_stand[encoded-litellm-metadata]",
            "test_metadata_hides_no_other_tags[empty]",
            "test_metadata_hides_no_other_tags[others]",
            "test_a_text_for_a_list_is_a_tag_that_nobody_has",
            "test_every_endpoint",
            "test_a_stream",
            "test_a_fallback_may_have_the_tag",
            "test_a_fallback_may_lack_the_tag",
            "test_a_retry_keeps_to_the_tags",
            "test_a_refusal_is_not_retried",
            "test_who_has_the_tag_is_cooling_down",
            "test_the_default_serves_meanwhile",
            "test_all_tags_of_the_call_are_there",
            "test_a_tag_is_missing",
            "test_all_tags_together",
            "test_tags_of_the_call_add_to_those_of_the_key",
        ],
    ),
    Sabotage(
        name="reads-metadata-of-vendors",
        patches=[("proxy.api.wishes._tags_of_metadata", reads_metadata_of_vendors)],
        trips=["test_metadata_of_the_vendor_has_no_tags"],
    ),
    Sabotage(
        name="stops-at-litellm-metadata",
        patches=[("proxy.api.wishes._tags", stops_at_litellm_metadata)],
        trips=["test_metadata_hides_no_other_tags"],
    ),
    Sabotage(
        name="forgets-keys",
        patches=[("proxy.api.wishes._tags", forgets_keys)],
        trips=[
            "test_tags_of_a_caller[sk-tagged]",
            "test_tags_of_a_key",
            "test_all_tags_together",
            "test_tags_of_the_call_add_to_those_of_the_key",
        ],
    ),
    Sabotage(
        name="forgets-teams",
        patches=[("proxy.api.wishes._tags", forgets_teams)],
        trips=["test_tags_of_a_caller[sk-teamed]", "test_tags_of_a_team", "test_all_tags_together"],
    ),
    Sabotage(
        name="overlooks-mistakes",
        patches=[("proxy.api.wishes._tags", overlooks_mistakes)],
        trips=["test_what_is_no_list_is_the_clients_mistake"],
    ),
    Sabotage(
        name="hesitates",
        patches=[("proxy.pipeline.Pipeline.run", hesitates)],
        trips=["test_a_refusal_is_not_retried"],
    ),
    Sabotage(
        name="takes-the-fallbacks-status",
        patches=[("proxy.pipeline.Pipeline.run", takes_the_fallbacks_status)],
        trips=["test_a_fallback_may_lack_the_tag"],
    ),
    Sabotage(
        name="looks-without-being-asked",
        patches=[("proxy.routing.filters._wanted", always_filters)],
        trips=["test_nobody_looks_at_tags_unless_asked_to"],
    ),
]
