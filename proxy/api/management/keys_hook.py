"""``general_settings.custom_key_generate``: a user's own function has its say about new keys."""

import inspect
from typing import Final

import anyio.to_thread

from proxy.api.management.keys_models import GenerateKey
from proxy.api.management.operation import Asked
from proxy.compat.identity import GenerateKeyRequest
from proxy.compat.loading import load_object
from proxy.errors import DetailError

KEY: Final = "general_settings.custom_key_generate"


async def ask_hook(asked: Asked, body: GenerateKey) -> None:
    """Ask the user's function about a key that is to be made.

    Raises:
        DetailError: 403, the function is against it.
        ConfigError: it cannot be loaded.
    """
    config = asked.gateway.snapshot.config
    dotted = config.general_settings.other.get("custom_key_generate")
    if dotted is None:
        return
    function = load_object(str(dotted), config.folder, key=KEY, place=config.places.get(KEY))
    request = GenerateKeyRequest(**body.given())
    answer = (
        function(request)
        if inspect.iscoroutinefunction(function)
        else await anyio.to_thread.run_sync(function, request)
    )
    if inspect.isawaitable(answer):
        answer = await answer
    if not answer.get("decision", True):
        raise DetailError(403, answer.get("message", "Authentication Failed - Custom Auth Rule"))
