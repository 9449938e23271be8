"""JSON of clients: what cannot be read is refused with the reference's words, never passed on or stumbled over."""

from typing import Any

import msgspec

from proxy.call import Body
from proxy.errors import GatewayError

_object = msgspec.json.Decoder(Body)


def decode_object(body: bytes) -> Body:
    """The JSON object of a request; an empty body is an empty object.

    Raises:
        GatewayError: 400, it is no JSON object.
    """
    if not body:
        return {}
    try:
        if not body.isascii():
            body.decode()
        return _object.decode(body)
    except msgspec.ValidationError:
        raise _invalid("a JSON object is expected") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _invalid(_why_invalid(body)) from None


def decode_value(name: str, value: msgspec.Raw) -> Any:
    """One field.

    Raises:
        GatewayError: 400, a number such as 1e999, which is JSON but none that a computer has, or too deep.
    """
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError) as error:
        raise GatewayError(400, f"{name}: {error}", type="invalid_request_error", param=name) from None


def wrong_type(name: str, expected: str) -> GatewayError:
    """For a field or header that is not what ``expected`` says."""
    return GatewayError(400, f"{name} must be {expected}", type="invalid_request_error", param=name)


def _invalid(why: str) -> GatewayError:
    return GatewayError(400, f"Invalid JSON payload: {why}", type="invalid_request_error", param="request_body")


def _why_invalid(body: bytes) -> str:
    """In the words of the JSON parser that the reference uses; only here, where speed does not matter."""
    import orjson

    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return str(error)
    return "nested too deeply"
