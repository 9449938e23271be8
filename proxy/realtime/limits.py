"""How large a message of a realtime session may be."""

import os

from proxy.config.model import GeneralSettings

DEFAULT_MB = 16.0
"""As the reference's server has it."""
VARIABLE = "REALTIME_WEBSOCKET_MAX_MESSAGE_SIZE_BYTES"


def max_message_bytes(settings: GeneralSettings) -> int:
    """``general_settings.realtime_max_message_mb``, else the reference's variable, else ``DEFAULT_MB``."""
    if settings.realtime_max_message_mb is not None:
        return int(settings.realtime_max_message_mb * 1_000_000)
    given = os.environ.get(VARIABLE, "")
    return int(given) if given.isdigit() and int(given) > 0 else int(DEFAULT_MB * 1_000_000)
