"""A model's own tokenizer, from a file beside the config: ``model_info.custom_tokenizer``."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

FILE = "tokenizer.json"
"""Of a folder that is named in place of the file."""
KEPT = 16
"""How many tokenizers are kept in memory."""


def custom_counter(setting: Any, folder: Path) -> Callable[[str], int] | None:
    """Counts with the tokenizer that a deployment names; ``None``: it names none, or none that can be used.

    Blocks while the file is read. Nothing is fetched: the reference's names of repositories count nothing here, which is
    warned of once.

    Args:
        setting: ``{"identifier": PATH}``, a file or a folder with a ``tokenizer.json``.
        folder: of the config file, where relative paths begin.
    """
    if setting is None:
        return None
    identifier = setting.get("identifier") if isinstance(setting, dict) else None
    return _counter(str(identifier), folder)


@lru_cache(maxsize=KEPT)
def _counter(identifier: str, folder: Path) -> Callable[[str], int] | None:
    path = folder / identifier
    path = path / FILE if path.is_dir() else path
    if not path.is_file():
        log.warning(
            "model_info.custom_tokenizer.identifier: %s is no file; tokens are counted with OpenAI's tokenizer. "
            "Put the model's tokenizer.json beside the config and name it here: nothing is downloaded",
            path,
        )
        return None
    try:
        from tokenizers import Tokenizer
    except ImportError:
        log.warning(
            "model_info.custom_tokenizer: tokens are counted with OpenAI's tokenizer, since the package `tokenizers` is "
            "missing; install tianji[tokenizers]"
        )
        return None
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises nothing narrower
        log.warning("model_info.custom_tokenizer: %s is no tokenizer (%s); OpenAI's counts", path, error)
        return None
    return lambda text: len(tokenizer.encode(text).ids)
