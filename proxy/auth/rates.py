"""The limits of a caller: of what a database knows of its key, or of what a user's own function says."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.auth.access import Access, Holder
from proxy.compat.identity import UserAPIKeyAuth
from proxy.rates import ModelRates, Rate, Rates, Scope, gathered, models_of
from proxy.store.accounts import Kind, parts_of_member

#: What limits are called by, in the order in which the reference looks at them.
SCOPES: Final[dict[Kind, Scope]] = {
    "key": "api_key",
    "user": "user",
    "team": "team",
    "team_member": "team_member",
    "project": "project",
    "organization": "organization",
    "customer": "end_user",
}
_EMPTY: Final[dict[str, Any]] = {}


def rate_of(holder: Holder) -> Rate:
    """The limits of one holder."""
    name = ":".join(parts_of_member(holder.id)) if holder.kind == "team_member" else holder.id
    return Rate(SCOPES[holder.kind], name, holder.rpm_limit, holder.tpm_limit, holder.max_parallel_requests)


def rates_of(access: Access) -> Rates | None:
    """The limits of a key and those it belongs to; ``None``: there are none."""
    order = list(SCOPES)
    holders = sorted(access.holders, key=lambda holder: order.index(holder.kind))
    return gathered(
        map(rate_of, holders),
        _models_of(access),
        key=_metadata(access.key),
        team=_metadata(access.team),
    )


def _models_of(access: Access) -> Iterator[ModelRates]:
    key, rows = access.key, {"team": access.team, "project": access.project, "organization": access.organization}
    if key["token"]:
        yield models_of("model_per_key", key["token"], _metadata(key), key["model_max_budget"])
    scopes: dict[str, Scope] = {
        "team": "model_per_team",
        "project": "model_per_project",
        "organization": "model_per_organization",
    }
    for kind, row in rows.items():
        if row is not None:
            yield models_of(scopes[kind], row[f"{kind}_id"], _metadata(row))


def _metadata(row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = None if row is None else row["metadata"]
    return found if isinstance(found, Mapping) else _EMPTY


def rates_of_record(auth: UserAPIKeyAuth) -> Rates | None:
    """The limits that a user's own function says; ``None``: there are none."""
    return gathered(_of_record(auth), _models_of_record(auth), key=auth.metadata, team=auth.team_metadata or _EMPTY)


def _of_record(auth: UserAPIKeyAuth) -> Iterator[Rate]:
    if auth.api_key:
        yield Rate("api_key", auth.api_key, auth.rpm_limit, auth.tpm_limit, auth.max_parallel_requests)
    if auth.user_id:
        yield Rate("user", auth.user_id, auth.user_rpm_limit, auth.user_tpm_limit)
    if auth.team_id:
        yield Rate("team", auth.team_id, auth.team_rpm_limit, auth.team_tpm_limit)
    if auth.user_id:
        member = f"{auth.team_id}:{auth.user_id}"
        yield Rate("team_member", member, auth.team_member_rpm_limit, auth.team_member_tpm_limit)
    if auth.org_id:
        yield Rate("organization", auth.org_id, auth.organization_rpm_limit, auth.organization_tpm_limit)
    if auth.end_user_id:
        yield Rate("end_user", auth.end_user_id, auth.end_user_rpm_limit, auth.end_user_tpm_limit)


def _models_of_record(auth: UserAPIKeyAuth) -> Iterator[ModelRates]:
    if auth.api_key:
        metadata = {"model_rpm_limit": auth.rpm_limit_per_model, "model_tpm_limit": auth.tpm_limit_per_model}
        yield models_of("model_per_key", auth.api_key, {**metadata, **auth.metadata}, auth.model_max_budget)
    if auth.team_id:
        yield models_of("model_per_team", auth.team_id, auth.team_metadata or _EMPTY)
    if auth.org_id:
        yield models_of("model_per_organization", auth.org_id, auth.organization_metadata or _EMPTY)
