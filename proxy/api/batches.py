"""Batches: counted, made by a vendor, and asked for there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar.handlers import HTTPRouteHandler

from proxy.api.credentials import client_credentials
from proxy.api.decoding import decode_object, decode_value, wrong_type
from proxy.api.stored import Asked, StoredEndpoint, account_for, routes_of
from proxy.call import Answer, Body, Call
from proxy.errors import GatewayError
from proxy.files import layout
from proxy.files.accounts import Account
from proxy.files.exchange import Question, Undone, answered, ask, json_body
from proxy.files.ids import BATCH, FILE, encoded, in_path, named
from proxy.gateway import Gateway
from proxy.upstream.client import UpstreamError

if TYPE_CHECKING:
    from proxy.deployment import Deployment
    from proxy.files.counting import Check
    from proxy.limits.taken import Taken

log = logging.getLogger(__name__)

CERTAIN: Final = "This key may call certain models alone"
NEEDED: Final = ("input_file_id", "endpoint", "completion_window")
PROVIDER: Final = "custom_llm_provider"
JSON: Final = "application/json"
KIND: Final = "internal_server_error"
"""What the reference calls its own refusals of batches."""


class Creation(StoredEndpoint):
    """A new batch, whose requests and tokens have to fit into its caller's limits."""

    async def run(self, call: Call, asked: Asked) -> Answer:
        fields = decode_object(await asked.body())
        call.fields = fields
        sent = _sent(fields)
        given = sent["input_file_id"]
        file = named(given)
        sent["input_file_id"] = file.upstream
        model = file.model or asked.model(_text(fields, "model"))
        client_credentials({name: said for name, said in fields.items() if name != PROVIDER}, model or "", ())
        provider = _text(fields, PROVIDER)
        deployment = await self.deployment(call, model, fields, kind=KIND)
        account = account_for(call, deployment, asked.provider or provider)
        taken = await self._count(call, account, file.upstream, _check_of(call, deployment))
        question = Question(method="POST", url=account.url("/batches"), body=json_body(sent))
        try:
            batch = layout.batch(await answered(account, question, self.gateway.client))
        except Undone:
            if taken is not None:
                await taken.give_back()
            raise
        return self.told(call, batch if file.model is None else _coded(batch, file.model, given))

    async def _count(self, call: Call, account: Account, file: str, check: Check | None) -> Taken | None:
        """Take what the batch asks for of the caller's limits; a file that the vendor does not show is not counted.

        Raises:
            GatewayError: 400, the file is no batch; 429, there is not enough left; what ``check`` raised; what the vendor
                said, if there is a check.
        """
        from proxy.files.counting import count

        limiter = self.gateway.limiter
        parts = limiter.of_batch(call)
        tokens = any(part.unit == "tokens" for part in parts)
        question = Question(method="GET", url=account.url(f"/files/{in_path(file)}/content"))
        try:
            response = await ask(account, question, self.gateway.client)
        except GatewayError as error:
            _unread(error.status, error.message, check)
            return None
        try:
            longest = self.gateway.max_request_bytes
            found = await count(response.chunks(), tokens=tokens, longest=longest, check=check)
        except UpstreamError as error:
            _unread(502, str(error), check)
            return None
        finally:
            await response.aclose()
        return await limiter.admit_batch(parts, found.requests, found.tokens) if parts else None


class Listing(StoredEndpoint):
    """The batches of an account."""

    async def run(self, call: Call, asked: Asked) -> Answer:
        await asked.body()
        account = await self.account(call, asked.target(), asked.provider, kind=KIND)
        query = [(name, asked.query[name]) for name in ("limit", "after") if name in asked.query]
        question = Question(method="GET", url=account.url("/batches", query))
        return self.told(call, layout.listed(await answered(account, question, self.gateway.client)))


class Batch(StoredEndpoint):
    """How far a batch is, or its end.

    Args:
        action: below its path.
    """

    def __init__(self, gateway: Gateway, name: str, method: str, action: str = "") -> None:
        super().__init__(gateway, name)
        self._method = method
        self._action = action

    async def run(self, call: Call, asked: Asked) -> Answer:
        batch = asked.id()
        await asked.body()
        account = await self.account(call, batch.model or asked.model(None), asked.provider, kind=KIND)
        url = account.url(f"/batches/{in_path(batch.upstream)}{self._action}")
        question = Question(method=self._method, url=url, content_type=JSON if self._method == "POST" else None)
        return self.told(call, layout.batch(await answered(account, question, self.gateway.client)))


def _sent(fields: Body) -> dict[str, Any]:
    """What the vendor is sent.

    Raises:
        GatewayError: 400, something is missing, or is not what it should be.
    """
    sent: dict[str, Any] = {}
    for name in NEEDED:
        text = _text(fields, name)
        if text is None:
            raise GatewayError(400, f"{name} is required", type="invalid_request_error", param=name)
        sent[name] = text
    sent["metadata"] = fields.get("metadata", msgspec.Raw(b"null"))
    return sent


def _check_of(call: Call, deployment: Deployment | None) -> Check | None:
    """What each model of a batch has to pass; ``None``: the caller may call all.

    Args:
        deployment: whose account the batch is in; the caller may call its model, by whatever name.
    """
    admission, access = call.snapshot.admission, call.identity.access
    if admission is None or access is None or not admission.restricts(access):
        return None
    served = None if deployment is None else deployment.model

    def check(model: str | None) -> None:
        if model is None:
            raise GatewayError(403, f"it names no model. {CERTAIN}", type="key_model_access_denied", param="model")
        admission.check_sent(access, model, served)

    return check


def _unread(status: int, why: str, check: Check | None) -> None:
    """Raises GatewayError if the models of the file had to be looked at."""
    if check is not None:
        told = f"The input file cannot be read: {why}. {CERTAIN}"
        raise GatewayError(status, told, type="invalid_request_error", param="input_file_id")
    log.warning("the input file of a batch could not be counted: %s", why)


def _text(fields: Body, name: str) -> str | None:
    given = fields.get(name)
    text = None if given is None else decode_value(name, given)
    if text is not None and not isinstance(text, str):
        raise wrong_type(name, "a text")
    return text


def _coded(batch: layout.Item, model: str, given: str) -> layout.Item:
    """With ids that say the model, that of the input file being the client's."""
    kinds = {"id": BATCH, "output_file_id": FILE, "error_file_id": FILE}
    ids = {name: encoded(batch[name], model, kind) for name, kind in kinds.items() if isinstance(batch.get(name), str)}
    return batch | ids | {"input_file_id": given}


def batch_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """The routes of batches."""
    table: list[tuple[str, str, StoredEndpoint]] = [
        ("POST", "", Creation(gateway, "acreate_batch", counts=False)),
        ("GET", "", Listing(gateway, "alist_batches")),
        ("GET", "/{id:str}", Batch(gateway, "aretrieve_batch", "GET")),
        ("POST", "/{id:str}/cancel", Batch(gateway, "acancel_batch", "POST", "/cancel")),
    ]
    return [
        route for method, path, endpoint in table for route in routes_of(method, "batches", path, endpoint, own=True)
    ]
