"""The admission of model calls, where a database says who may call what."""

from __future__ import annotations

import msgspec

from proxy.call import Body, Call


async def admitted_model(call: Call, fields: Body, model: str | None) -> str | None:
    """What a call that may be made calls in the end: aliases of keys and teams stand for other models.

    Args:
        fields: of the body.
        model: that the client names.

    Raises:
        GatewayError: 400, 401, 403 or 503: it may not be made.
    """
    admission = call.snapshot.admission
    if admission is None:
        return model
    from proxy.auth.admission import Asked

    admitted = await admission.admit(Asked(call.identity, call.headers, call.path, fields, model))
    call.customer = admitted.customer
    return admitted.model


def named_model(fields: Body) -> str | None:
    """The model of a body; ``None`` for what is no name, which is refused elsewhere."""
    value = fields.get("model")
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=str)
    except msgspec.DecodeError:
        return None


def raw(text: str) -> msgspec.Raw:
    """A text as it stands in a body."""
    return msgspec.Raw(msgspec.json.encode(text))
