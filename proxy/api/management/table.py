"""Every operation of the management API: who may call it, and which function answers."""

from typing import Final, NamedTuple

from proxy.api.management.operation import Operation
from proxy.auth.permissions import Group
from proxy.errors import DetailError, GatewayError

ADMIN, PUBLIC, INFO, SELF = Group.NONE, Group.PUBLIC, Group.INFO, Group.SELF_MANAGED
KEYS, MANAGEMENT, SPEND, GLOBAL = Group.KEYS, Group.MANAGEMENT, Group.SPEND, Group.GLOBAL_SPEND
INTERNAL, ORG, VIEW, MASTER = Group.INTERNAL, Group.ORG, Group.ADMIN_VIEW, Group.MASTER

NO_STORE: Final = "DB not connected. See https://docs.litellm.ai/docs/proxy/virtual_keys"


def no_store(status: int = 500, message: str = "", kind: str = "internal_server_error") -> GatewayError:
    """``{"error": ...}`` without a database (D.md, D1.9)."""
    return GatewayError(status, message or str({"error": NO_STORE}), type=kind)


def no_store_detail(status: int = 500, message: str = NO_STORE) -> DetailError:
    """``{"detail": {"error": ...}}`` without a database."""
    return DetailError(status, {"error": message})


class Op(NamedTuple):
    """A row of the table; see :class:`Operation`."""

    method: str
    path: str | tuple[str, ...]
    function: str
    groups: Group = ADMIN
    no_store: GatewayError | None = None
    hidden: bool = False


def _family(tag: str, *rows: Op) -> list[Operation]:
    return [
        Operation(
            method=row.method,
            paths=(row.path,) if isinstance(row.path, str) else row.path,
            function=row.function,
            groups=row.groups,
            tag=tag,
            no_store=row.no_store,
            hidden=row.hidden,
        )
        for row in rows
    ]


OPERATIONS: Final[list[Operation]] = [
    *_family(
        "key management",
    ),
    *_family(
        "team management",
    ),
    *_family(
        "organization management",
    ),
    *_family(
        "Internal User management",
    ),
    *_family(
        "Customer Management",
    ),
    *_family(
        "budget management",
    ),
    *_family(
        "model management",
    ),
    *_family(
        "credential management",
    ),
    *_family(
        "Budget & Spend Tracking",
    ),
    *_family(
        "config.yaml",
    ),
    *_family(
        "sso",
    ),
    *_family(
        "public",
    ),
]
