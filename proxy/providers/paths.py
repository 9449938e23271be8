"""Names of models in the paths of vendors' addresses. They may be the client's, where a deployment is a wildcard."""

from urllib.parse import quote

from proxy.errors import Failure


def piece_of_path(name: str, *, safe: str = "") -> str:
    """A name as one piece of a path, in which only ``safe`` stays as it is.

    Raises:
        Failure: 400, there can be no such piece: ``.`` and ``..`` lead elsewhere, and cannot be escaped.
    """
    if name in ("", ".", ".."):
        told = f"litellm.BadRequestError: Invalid model name: {name!r}. Name a model of the vendor's"
        raise Failure(400, told, kind="bad_request", reached=False)
    return quote(name, safe=safe)
