"""What the cases of F7 upload, and how."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from contracts.harness.case import USER, Case
from contracts.harness.exchange import Exchange

FORM = {"content-type": "multipart/form-data; boundary=cut-here"}
CHATS = "/v1/chat/completions"
#: Headers of the gateway on every answer.
OWN_HEADERS = ["x-litellm-version", "x-litellm-model-api-base"]


def line(custom_id: str, model: str = "gpt-4o-mini", **body: Any) -> dict[str, Any]:
    """One request of a batch: a chat of 8 tokens, or whatever the body says."""
    asked = {"model": model, "messages": USER, **body}
    return {"custom_id": custom_id, "method": "POST", "url": CHATS, "body": asked}


def lines(*requests: Any) -> bytes:
    """A batch file."""
    return b"".join(msgspec.json.encode(request) + b"\n" for request in requests)


TWO = lines(line("one"), line("two"))


def form(name: str, content: bytes, fields: Mapping[str, str] | Sequence[tuple[str, str]]) -> bytes:
    """The form of an upload: fields, then the file."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    said = "".join(
        f'--cut-here\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{text}\r\n' for field, text in pairs
    )
    kind = "Content-Type: application/octet-stream"
    head = f'--cut-here\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n{kind}\r\n\r\n'
    return said.encode() + head.encode() + content + b"\r\n--cut-here--\r\n"


def upload(
    case: Case, name: str, content: bytes = TWO, *, path: str = "/v1/files", purpose: str = "batch", **options: Any
) -> Exchange:
    """Upload a file; ``fields`` are those of the form beside its purpose, the rest goes to the request."""
    fields = {"purpose": purpose, **options.pop("fields", {})}
    headers = FORM | options.pop("headers", {})
    return case.request("POST", path, content=form(name, content, fields), headers=headers, **options)


def batch_of(file_id: str, **more: Any) -> dict[str, Any]:
    """The body that makes a batch of a file."""
    return {"input_file_id": file_id, "endpoint": CHATS, "completion_window": "24h", **more}
