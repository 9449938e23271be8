"""What an operation of the management API is, and how one call of it is answered."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec
from litestar import Request, Response

from proxy.api.plain import identity, json_response
from proxy.auth.permissions import Group
from proxy.call import NOBODY, Identity
from proxy.errors import GatewayError
from proxy.gateway import Gateway

if TYPE_CHECKING:
    from proxy.store.store import Store

ADMIN_USER = "default_user_id"
"""In whose name the master key acts."""
CHANGED_BY = "litellm-changed-by"


class Asked:
    """One call of an operation: what its function is given beside the validated body and query."""

    def __init__(self, request: Request[Any, Any, Any], gateway: Gateway, caller: Identity) -> None:
        self.request = request
        self.gateway = gateway
        self.caller = caller

    @property
    def store(self) -> Store:
        """The database; operations without ``no_store`` must look at ``gateway.store`` first."""
        store = self.gateway.store
        assert store is not None
        return store

    @property
    def path(self) -> Mapping[str, str]:
        """Parameters in the path; one of type ``path`` begins with a slash."""
        return self.request.path_params

    @property
    def user(self) -> str:
        """In whose name changes are made."""
        return self.caller.user_id or ADMIN_USER

    @property
    def changed_by(self) -> str | None:
        """Whom the client says it acts for."""
        return self.request.headers.get(CHANGED_BY)


Function = Callable[..., Awaitable[Any]]


class Operation(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One method of one or more paths.

    ``function`` is ``module.name`` below ``proxy.api.management``: an async function of an :class:`Asked` whose further
    parameters ``body`` and ``query``, if it has them, are annotated with the pydantic models that they are validated by. It
    returns what is sent as JSON, or a Litestar response. Its docstring is the operation's description.
    """

    method: str
    paths: tuple[str, ...]
    """In Litestar's notation, ``{name}`` without a type meaning a text."""
    function: str
    groups: Group
    tag: str
    """The heading under which the OpenAPI document lists it."""
    no_store: GatewayError | None = None
    """What is answered without a database; ``None``: the function does without, or sees to that itself."""
    hidden: bool = False
    """Left out of the OpenAPI document, as the reference does."""

    @cached_property
    def call(self) -> Function:
        """The function, imported at the first use."""
        module, _, name = self.function.rpartition(".")
        function: Function = getattr(import_module(f"proxy.api.management.{module}"), name)
        return function

    @cached_property
    def models(self) -> Mapping[str, Any]:
        """The pydantic models of ``body`` and ``query``, by these names."""
        hints = get_type_hints(self.call)
        return {name: hints[name] for name in inspect.signature(self.call).parameters if name in ("body", "query")}


async def answer(operation: Operation, request: Request[Any, Any, Any]) -> Response[bytes]:
    """Answer one call whose caller has been let in.

    Raises:
        GatewayError: the function refuses it, or its body or query cannot be used (422, as the reference's framework says it).
    """
    if "call" not in operation.__dict__:
        await asyncio.to_thread(lambda: operation.models)
    from proxy.api.management.validation import check_path, validated_body, validated_query

    check_path(request.path_params)
    given: dict[str, Any] = {}
    if query := operation.models.get("query"):
        given["query"] = validated_query(query, request.query_params)
    if body := operation.models.get("body"):
        given["body"] = validated_body(body, await request.body(), request.headers.get("content-type", ""))
    gateway: Gateway = request.app.state.gateway
    if operation.no_store is not None and gateway.store is None:
        raise operation.no_store
    caller = identity(request) if Group.PUBLIC not in operation.groups else NOBODY
    result = await operation.call(Asked(request, gateway, caller), **given)
    return result if isinstance(result, Response) else json_response(result)
