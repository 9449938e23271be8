"""Who may call what: every operation times every caller.

What is expected is told from the reference's own lists of paths (``route_groups.json``: ``LiteLLMRoutes`` of 1.81.14, and the
operations of its OpenAPI document that want no key), not from the flags of our table, so that a wrong flag is noticed.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from proxy.api.management.operation import Operation
from proxy.api.management.table import OPERATIONS
from proxy.auth.access import Access
from proxy.auth.authenticator import ADMIN
from proxy.auth.permissions import Group, check_route
from proxy.call import Identity
from proxy.errors import GatewayError

LISTS: dict[str, list[str]] = json.loads((Path(__file__).parent / "route_groups.json").read_text())
LLM = [
    *("openai_routes", "anthropic_routes", "google_routes", "mcp_routes", "agent_routes"),
    *("litellm_native_routes", "mapped_pass_through_routes"),
]
OF_ORG_ADMINS = ["org_admin_only_routes", "management_routes", "self_managed_routes", "admin_viewer_routes"]
ORGANIZATION = "of-the-request"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Caller(NamedTuple):
    """Somebody, and what of the reference's rules is about such people."""

    name: str
    role: str | None = None
    routes: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    administers: tuple[str, ...] = ()
    team: str | None = None

    def identity(self) -> Identity:
        user = None if self.role is None else {"user_id": "user-1", "user_role": self.role}
        access = Access({"metadata": {}}, (), user=user)
        return Identity(
            user_id="user-1",
            team_id=self.team,
            role=self.role,
            is_admin=self.role == "proxy_admin",
            allowed_routes=self.routes,
            permissions=dict.fromkeys(self.permissions, True),
            administers=frozenset(self.administers),
            access=access,
        )


CALLERS = [
    Caller("admin", "proxy_admin"),
    Caller("admin with a narrow key", "proxy_admin", routes=("/key/info",)),
    Caller("viewer", "proxy_admin_viewer"),
    Caller("organization admin", "internal_user", administers=(ORGANIZATION,)),
    Caller("admin of another organization", "internal_user", administers=("another",)),
    Caller("organization admin who else only views", "internal_user_viewer", administers=(ORGANIZATION,)),
    Caller("team admin", "internal_user", team="a-team"),
    Caller("internal user", "internal_user"),
    Caller("internal viewer", "internal_user_viewer"),
    Caller("somebody without a role"),
    Caller("somebody who may see spend", permissions=("get_spend_routes",)),
    Caller("key for models", routes=("llm_api_routes",)),
    Caller("key for management", routes=("management_routes",)),
    Caller("users key for management", "internal_user", routes=("management_routes",)),
    Caller("key for information", routes=("info_routes",)),
    Caller("key for a few paths", routes=("/key/generate", "/team/*", "/budget")),
    Caller("page of an internal user", "internal_user", team="litellm-dashboard"),
    Caller("page of a viewer", "proxy_admin_viewer", team="litellm-dashboard"),
]

#: The reference tells everybody what vendors may cost, without a key.
OPENED_IN_REFERENCE = {"GET /provider/budgets"}
#: Somebody signs in, or asks before doing so. The reference leaves these out of its document.
OPEN = {
    *("GET /sso/login", "GET /sso/key/generate", "GET /sso/callback", "GET /sso/logout", "GET /sso/session"),
    *("GET /sso/debug/login", "GET /sso/debug/callback", "GET /sso/cli/poll/{key_id}", "POST /sso/cli/confirm"),
    *("GET /fallback/login", "POST /login", "POST /v2/login"),
    *("GET /onboarding/get_token", "POST /onboarding/claim_token"),
}
#: The reference promises its viewers all keys and all spend, and forgot these.
VIEWED = {
    *("/provider/budgets", "/global/all_end_users", "/global/spend/all_tag_names", "/global/activity/exceptions"),
    *("/global/activity/exceptions/deployment", "/global/activity/cache_hits", "/model/metrics"),
    *("/model/streaming_metrics", "/model/metrics/slow_responses", "/model/metrics/exceptions"),
    *("/organization/daily/activity", "/customer/daily/activity", "/end_user/daily/activity", "/agent/daily/activity"),
}
#: Beginnings of what admin pages read (``ui_routes``); the reference also lets their keys write there.
#: The reference also lets every page read the settings, and everybody's spend.
UI = (
    "/sso",
    "/get/ui_settings",
    "/login",
    "/spend",
    "/global/activity",
    "/health/services",
)
UI_ADMINS = ("/global/activity/cache_hits", "/global/activity/exceptions")


def in_lists(path: str, *names: str) -> bool:
    return any(_is(entry, path) for name in names for entry in LISTS[name])


def _is(entry: str, path: str) -> bool:
    pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(entry)).replace(r"\*", ".*")
    return re.fullmatch(pattern, path) is not None


def listed(routes: tuple[str, ...], path: str, *, names: bool) -> bool:
    for entry in routes:
        if path == entry or path.startswith(f"{entry}/") or (entry.endswith("*") and path.startswith(entry[:-1])):
            return True
        group = [*LLM, "apply_guardrail_routes"] if entry == "llm_api_routes" else [entry]
        if names and all(name in LISTS for name in group) and in_lists(path, *group):
            return True
    return False


def expected(caller: Caller, method: str, path: str) -> int:
    """The status of a refusal, or 0."""
    if in_lists(path, "master_key_only_routes"):
        return 401
    if caller.role != "proxy_admin" and (status := refused_by_role(caller, method, path)):
        return status
    return 403 if caller.routes and not listed(caller.routes, path, names=True) else 0


def refused_by_role(caller: Caller, method: str, path: str) -> int:
    if in_lists(path, "info_routes", *LLM):
        return 0
    if (
        caller.team == "litellm-dashboard"
        and method == "GET"
        and path.startswith(UI)
        and not path.startswith(UI_ADMINS)
    ):
        return 0
    if caller.permissions and in_lists(path, "global_spend_tracking_routes"):
        return 0
    if caller.role == "proxy_admin_viewer":
        return refused_to_viewers(method, path)
    allowed = ["self_managed_routes"]
    if caller.role == "internal_user":
        allowed += ["internal_user_routes"]
    if caller.role == "internal_user_viewer":
        allowed += ["internal_user_view_only_routes"]
    if ORGANIZATION in caller.administers:
        allowed += OF_ORG_ADMINS
    return 0 if in_lists(path, *allowed) or listed(caller.routes, path, names=False) else 401


def refused_to_viewers(method: str, path: str) -> int:
    """The reference lets viewers block teams and change permissions, which it forgot to forbid; here they view."""
    lists = ("management_routes", "admin_viewer_routes", "global_spend_tracking_routes")
    if path not in VIEWED and not in_lists(path, *lists):
        return 403
    return 403 if method in WRITES and path != "/user/update" else 0


def outcome(caller: Identity, method: str, path: str, groups: Group) -> int:
    try:
        check_route(caller, path, groups, method, ORGANIZATION)
    except GatewayError as error:
        return error.status
    return 0


def is_open(operation: Operation, path: str) -> bool:
    """Whether the reference wants no key."""
    template = re.sub(r":\w+\}", "}", path)
    return path in LISTS["public_routes"] or f"{operation.method} {template}" in LISTS["without_a_key"]


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "some-name", path)


CASES = [(operation, path) for operation in OPERATIONS for path in operation.paths]


@pytest.mark.parametrize(("operation", "path"), CASES, ids=[f"{operation.method} {path}" for operation, path in CASES])
def test_every_operation_times_every_caller(operation: Operation, path: str) -> None:
    name = f"{operation.method} {path}"
    if Group.PUBLIC in operation.groups:
        assert is_open(operation, path) or name in OPEN
        return
    assert not is_open(operation, path) or name in OPENED_IN_REFERENCE
    shown = filled(path)
    wrong = {}
    for caller in CALLERS:
        got = outcome(caller.identity(), operation.method, shown, operation.groups)
        wanted = expected(caller, operation.method, shown)
        if got != wanted:
            wrong[caller.name] = f"{got or 'let in'}, not {wanted or 'let in'}"
    assert wrong == {}


def test_the_master_key_may_call_all() -> None:
    assert {outcome(ADMIN, "POST", "/any", operation.groups) for operation in OPERATIONS} == {0}


def refusal(caller: Identity, path: str, groups: Group, method: str = "POST") -> Any:
    with pytest.raises(GatewayError) as refused:
        check_route(caller, path, groups, method)
    return json.loads(refused.value.body())


@pytest.mark.parametrize(
    ("user_id", "masked"),
    [
        ("abcd", "***"),
        ("abcde", "abcde"),
        ("abcdefg", "abcdefg"),
        ("abcdefgh", "abcdefgh"),
        ("abcdefghij", "abcdef**ij"),
    ],
)
def test_refusals_mask_the_user(user_id: str, masked: str) -> None:
    user = {"user_id": user_id, "user_role": None}
    caller = Identity(user_id=user_id, role="internal_user", access=Access({}, (), user=user))
    assert refusal(caller, "/team/new", Group.MANAGEMENT)["error"]["message"] == (
        "Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/teams. "
        f"Route=/team/new. Your role=unknown. Your user_id={masked}"
    )


def test_refusals_are_worded_as_in_the_reference() -> None:
    assert refusal(Identity(), "/global/spend/reset", Group.MASTER)["error"]["message"] == (
        "Authentication Error, Tried to access route=/global/spend/reset, which is only for MASTER KEY"
    )
    assert refusal(Identity(allowed_routes=("/a",)), "/v1/models", Group.LLM) == {
        "detail": "Virtual key is not allowed to call this route. Only allowed to call routes: ['/a']. "
        "Tried to call route: /v1/models"
    }
    assert refusal(Identity(role="proxy_admin_viewer"), "/team/new", Group.MANAGEMENT)["error"] == {
        "message": "user not allowed to access this route, role= proxy_admin_viewer. Trying to access: /team/new",
        "type": "auth_error",
        "param": "None",
        "code": "403",
    }


@pytest.mark.parametrize(
    ("path", "groups"),
    [
        ("/global/spend/report", Group.GLOBAL_SPEND),
        ("/config/list", Group.NONE),
        ("/global/activity/cache_hits", Group.ADMIN_VIEW),
    ],
)
def test_pages_of_internal_users_do_not_show_everybodys(path: str, groups: Group) -> None:
    user = Caller("page", "internal_user", team="litellm-dashboard").identity()
    assert outcome(user, "GET", path, groups) == 401
