"""Where a gateway keeps what it has to find again."""

import os
import tempfile
from pathlib import Path


def state_folder() -> Path:
    """``$STATE_DIRECTORY`` of systemd, else /var/lib/tianji where that may be written to, else the user's own."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    system, own = Path("/var/lib/tianji"), os.environ.get("XDG_STATE_HOME")
    if system.is_dir() and os.access(system, os.W_OK):
        return system
    if own:
        return Path(own) / "tianji"
    home = Path.home()
    return home / ".local" / "state" / "tianji" if os.access(home, os.W_OK) else Path(tempfile.gettempdir()) / "tianji"
