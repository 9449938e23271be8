"""What files and batches have in common: the life of a call, whose account it is about, and how it is answered. Raw ASGI."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import delete, get, post
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from proxy.api.admitting import admitted_model
from proxy.api.client import ClientGone, deliver
from proxy.api.headers import JSON, VERSIONS, Pairs, value
from proxy.api.llm import OVERLOADED, refusal, unexpected
from proxy.api.native import OTHERS_FIRST
from proxy.api.plain import OF_A_TEMPLATE
from proxy.api.upload import ClientBody
from proxy.auth.authenticator import Caller
from proxy.call import NO_FIELDS, Answer, Body, Call
from proxy.deployment import Deployment
from proxy.errors import GatewayError
from proxy.files.accounts import DEFAULT, PROVIDERS, Account, account_of
from proxy.files.ids import Named, named
from proxy.gateway import Gateway
from proxy.logs import call_id
from proxy.routing.filters.regions import places
from proxy.upstream.client import UpstreamError

log = logging.getLogger(__name__)

_HANDLERS: Final = {"GET": get, "POST": post, "DELETE": delete}


class Asked(msgspec.Struct):
    """A client's call."""

    scope: HTTPScope
    body: ClientBody
    query: dict[str, str]
    provider: str | None
    """That the path, a header or the query names."""

    def text(self, name: bytes) -> str | None:
        """A header."""
        given = dict(self.scope["headers"]).get(name)
        return None if given is None else given.decode("latin-1")

    def model(self, said: str | None) -> str | None:
        """That the client names: in the body, else in the query, else in a header."""
        return said or self.query.get("model") or self.text(b"x-litellm-model") or None

    def target(self) -> str | None:
        """The model whose files or batches are to be listed; of several the first."""
        return self.model(self.query.get("target_model_names", "").partition(",")[0].strip())

    def id(self) -> Named:
        """What the path is about. Raises GatewayError: 400, there can be no such id."""
        return named(self.given)

    @property
    def given(self) -> str:
        """The id in the path, as the client knows it."""
        return str(self.scope["path_params"]["id"])


class StoredEndpoint(ABC):
    """One question about files or batches.

    Args:
        counts: whether the call itself takes of its caller's limits.
    """

    def __init__(self, gateway: Gateway, name: str, *, counts: bool = True) -> None:
        self.gateway = gateway
        self._name = name
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call, from its head to its last byte."""
        assert scope["type"] == ScopeType.HTTP
        gateway = self.gateway
        call = Call(gateway.snapshot, self._name, dict(scope["headers"]))
        call_id.set(call.id)
        call.path, client = scope["path"], scope["client"]
        call.client_ip = client[0] if client else None
        gateway.admit(call)
        body = ClientBody(receive, call.headers, gateway.max_request_bytes)
        try:
            await deliver(await self._answered(call, scope, body), scope, send)
        except ClientGone:
            call.outcome.ending = "client-closed"
        except UpstreamError as error:
            # the client sees a body that ends too early, as the gateway did
            call.outcome.error = str(error)
            log.warning("%s: the vendor's answer broke off: %s", self._name, error)
        except asyncio.CancelledError:
            call.outcome.ending = "client-closed"
            if body.watch is None or not body.watch.gone:
                raise
        finally:
            if body.watch is not None:
                body.watch.stop()
            await call.end()

    async def _answered(self, call: Call, scope: HTTPScope, body: ClientBody) -> Answer:
        try:
            if self.gateway.full:
                raise GatewayError(429, OVERLOADED)
            call.identity = await call.snapshot.authenticator.authenticate(Caller(call.headers, scope, body))
            return await self.run(call, _asked(scope, body))
        except GatewayError as error:
            return refusal(call, error)
        except ClientGone:
            raise
        except Exception:
            return refusal(call, unexpected())

    @abstractmethod
    async def run(self, call: Call, asked: Asked) -> Answer:
        """Answer a call whose caller is known. Raises GatewayError."""

    async def account(self, call: Call, model: str | None, provider: str | None, *, kind: str = "None") -> Account:
        """Let the call through, and say whose account it is about: of a model, else of a provider.

        Args:
            kind: of error, if the model is unknown.

        Raises:
            GatewayError: the call may not be made, or there is no such account.
        """
        return account_for(call, await self.deployment(call, model, kind=kind), provider)

    async def deployment(
        self, call: Call, model: str | None, fields: Body = NO_FIELDS, *, kind: str = "None"
    ) -> Deployment | None:
        """Let the call through, and say whose account it is about; ``None``: no model's. See :meth:`account`."""
        admitted = await admitted_model(call, fields, model)
        call.model = admitted or ""
        if self._counts and self.gateway.limiter.concerns(call):
            await self.gateway.limiter.admit(call)
        region = call.identity.region if call.snapshot.router.settings.enable_pre_call_checks else None
        if admitted is None and region is not None:
            told = (
                f"Calls of this caller must stay in the region {region}; name a model (x-litellm-model) that is there"
            )
            raise GatewayError(400, told, type="invalid_request_error", param="model")
        if admitted is None:
            return None
        deployments = call.snapshot.router.groups.find(admitted)
        if not deployments:
            told = f"Model {admitted!r} not found in model_list. Please check your config.yaml."
            raise GatewayError(400, repr({"error": told}), type=kind)
        if region is not None:
            deployments = tuple(one for one in deployments if region in places(one))
        if not deployments:
            raise GatewayError(
                429, f"No deployments available for selected model. Passed model={admitted}, in {region}"
            )
        return deployments[0]

    def told(self, call: Call, found: Any, account: Account | None = None) -> Answer:
        """The answer with an object.

        Args:
            account: the client is told where it is, if the config says that.
        """
        call.outcome.status, call.outcome.ending = 200, "done"
        shown = None if account is None else account.shown
        headers = own_headers(call) + ([(b"x-litellm-model-api-base", value(shown))] if shown else [])
        return Answer(200, headers, msgspec.json.encode(found))


def account_for(call: Call, deployment: Deployment | None, provider: str | None) -> Account:
    """The account of a model, else of a provider. Raises GatewayError: there is none."""
    return call.snapshot.files.account(provider or DEFAULT) if deployment is None else account_of(deployment)


def own_headers(call: Call) -> Pairs:
    """The gateway's, of every answer."""
    spend = repr(call.identity.spent).encode()
    return [JSON, (b"x-litellm-call-id", call.id.encode()), *VERSIONS, (b"x-litellm-key-spend", spend)]


def _asked(scope: HTTPScope, body: ClientBody) -> Asked:
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    asked = Asked(scope, body, query, None)
    said = scope["path_params"].get("provider") or _segment(scope["path"]) or query.get("provider")
    asked.provider = said or asked.text(b"custom-llm-provider") or query.get("custom_llm_provider") or None
    return asked


def _segment(path: str) -> str | None:
    """The provider that a path begins with."""
    first = path.split("/")[1]
    return first if first in PROVIDERS else None


def routes_of(method: str, kind: str, path: str, endpoint: StoredEndpoint, *, own: bool) -> list[HTTPRouteHandler]:
    """The routes of a question, with and without ``/v1`` and a provider.

    Args:
        kind: ``files`` or ``batches``.
        path: below that; ``{id:str}`` is the id.
        own: paths with a provider are the gateway's even where a vendor's pass-through routes begin so.
    """
    make = _HANDLERS[method]
    literal = {OF_A_TEMPLATE: True} if own else {OF_A_TEMPLATE: True, OTHERS_FIRST: True}
    paths: list[tuple[list[str], dict[str, bool]]] = [
        ([f"/v1/{kind}{path}", f"/{kind}{path}"], {}),
        ([f"/{{provider:str}}/v1/{kind}{path}"], {OTHERS_FIRST: True}),
        ([f"/{provider}/v1/{kind}{path}" for provider in PROVIDERS], literal),
    ]
    return [make(each, status_code=200, sync_to_thread=False, opt=opt)(_answering(endpoint)) for each, opt in paths]


def _answering(endpoint: StoredEndpoint) -> Callable[[], ASGIApp]:
    def call() -> ASGIApp:
        return endpoint

    return call
