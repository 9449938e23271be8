"""Files: uploaded to a vendor, and asked for there."""

from functools import partial
from typing import Any, Final

from litestar.handlers import HTTPRouteHandler

from proxy.api.headers import Pairs
from proxy.api.stored import Asked, StoredEndpoint, routes_of
from proxy.call import Answer, Call, Write
from proxy.errors import GatewayError
from proxy.files import layout
from proxy.files.accounts import Account
from proxy.files.exchange import Question, answered, ask
from proxy.files.form import Form, read_form
from proxy.files.ids import FILE, encoded, in_path
from proxy.gateway import Gateway
from proxy.passthrough.exchange import Relay
from proxy.passthrough.headers import downward

PURPOSES: Final = (
    "assistants",
    "assistants_output",
    "batch",
    "batch_output",
    "fine-tune",
    "fine-tune-results",
    "vision",
    "user_data",
)
ANCHOR: Final = "expires_after[anchor]"
SECONDS: Final = "expires_after[seconds]"
JSON: Final = "application/json"
MANAGED: Final = ("target_model_names", "target_storage")
"""Fields of a feature that is not here: one file for several models, or in a storage of the gateway's."""


class Upload(StoredEndpoint):
    """A new file. Its form is on disk, and looked at, before the vendor hears of it."""

    async def run(self, call: Call, asked: Asked) -> Answer:
        form = Form()
        try:
            await read_form(form, asked.text(b"content-type") or "", asked.body.parts())
            form.require("purpose", "file")
            fields = _checked(form.fields)
            model = asked.model(form.fields.get("model"))
            provider = asked.provider or form.fields.get("custom_llm_provider")
            account = await self.account(call, model, provider)
            made = partial(form.upload, fields)
            question = Question(method="POST", url=account.url("/files"), body=made)
            file = layout.file(await answered(account, question, self.gateway.client))
        finally:
            form.close()
        if model is not None and isinstance(file.get("id"), str):
            file["id"] = encoded(file["id"], model, FILE)
        return self.told(call, file, account)


class Listing(StoredEndpoint):
    """The files of an account."""

    async def run(self, call: Call, asked: Asked) -> Answer:
        await asked.body()
        account = await self.account(call, asked.target(), asked.provider)
        query = [(name, asked.query[name]) for name in ("purpose", "limit", "order", "after") if name in asked.query]
        question = Question(method="GET", url=account.url("/files", query))
        return self.told(call, layout.listed(await answered(account, question, self.gateway.client)))


class File(StoredEndpoint):
    """What a vendor knows of a file."""

    async def run(self, call: Call, asked: Asked) -> Answer:
        account, path, coded = await _found(self, call, asked)
        found = await answered(account, Question(method="GET", url=account.url(path)), self.gateway.client)
        return self.told(call, layout.file(found) | ({"id": asked.given} if coded else {}))


class Deletion(StoredEndpoint):
    """The end of a file."""

    async def run(self, call: Call, asked: Asked) -> Answer:
        account, path, _ = await _found(self, call, asked)
        question = Question(method="DELETE", url=account.url(path), content_type=JSON)
        return self.told(call, await answered(account, question, self.gateway.client))


class Content(StoredEndpoint):
    """A file itself, as it comes, with the vendor's headers."""

    async def run(self, call: Call, asked: Asked) -> Answer:
        account, path, _ = await _found(self, call, asked)
        question = Question(method="GET", url=account.url(f"{path}/content"))
        response = await ask(account, question, self.gateway.client)
        call.outcome.status = response.status
        told = dict(response.headers).get("content-length", "")
        headers: Pairs = [*downward(response.headers), (b"x-litellm-call-id", call.id.encode())]
        relay = Relay(response, None)

        async def relayed(write: Write) -> None:
            await relay(write)
            call.outcome.ending = "done"

        return Answer(response.status, headers, relayed, int(told) if told.isdigit() else None)


async def _found(endpoint: StoredEndpoint, call: Call, asked: Asked) -> tuple[Account, str, bool]:
    """Where a file is, its path there, and whether its id says so."""
    file = asked.id()
    await asked.body()
    account = await endpoint.account(call, file.model or asked.model(None), asked.provider)
    return account, f"/files/{in_path(file.upstream)}", file.model is not None


def _checked(fields: dict[str, str]) -> dict[str, str]:
    """What the vendor is sent of a form.

    Raises:
        GatewayError: 400, it cannot be so.
    """
    managed = next((name for name in MANAGED if fields.get(name, "default") not in ("", "default")), None)
    if managed is not None:
        told = f"{managed} is not supported: name one model in the field model, or none"
        raise GatewayError(400, told, type="invalid_request_error", param=managed)
    purpose = fields["purpose"]
    if purpose not in PURPOSES:
        raise _refused(f"Invalid purpose: {purpose}. Must be one of: {PURPOSES}")
    sent = {"purpose": purpose}
    anchor, seconds = fields.get(ANCHOR), fields.get(SECONDS)
    if anchor is None and seconds is None:
        return sent
    if anchor is None or seconds is None:
        raise _refused(f"Both {ANCHOR} and {SECONDS} must be provided if expires_after is specified")
    if anchor != "created_at":
        raise _refused(f"{ANCHOR} must be 'created_at', got '{anchor}'")
    try:
        number = int(seconds)
    except ValueError as error:
        raise _refused(f"{SECONDS} must be a valid integer, got '{seconds}': {error}") from error
    return sent | {ANCHOR: anchor, SECONDS: str(number)}


def _refused(what: str) -> GatewayError:
    """400 in the reference's form."""
    return GatewayError(400, repr({"error": what}))


def file_routes(gateway: Gateway) -> list[HTTPRouteHandler]:
    """The routes of files."""
    table: list[tuple[str, str, Any]] = [
        ("POST", "", Upload(gateway, "acreate_file", counts=False)),
        ("GET", "", Listing(gateway, "afile_list")),
        ("GET", "/{id:str}", File(gateway, "afile_retrieve")),
        ("DELETE", "/{id:str}", Deletion(gateway, "afile_delete")),
        ("GET", "/{id:str}/content", Content(gateway, "afile_content")),
    ]
    return [
        route for method, path, endpoint in table for route in routes_of(method, "files", path, endpoint, own=False)
    ]
