"""``tianji prices``: the table of public prices."""

import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click

PATIENCE: Final = 60.0
"""Seconds for a download."""


@click.group()
def prices() -> None:
    """Look at the prices of public models, or replace them."""


@prices.command()
@click.argument("source", metavar="FILE|URL")
def update(source: str) -> None:
    """Replace the table by the JSON (plain, or compressed by gzip) in a file or at an address.

    It is checked first, and written to $TIANJI_PRICES_FILE, else to prices.json.gz in the folder of the gateway's state
    ($STATE_DIRECTORY, /var/lib/tianji or ~/.local/state/tianji). Gateways use it from their next start on. Exit status 1
    when it cannot be had or is no such table.
    """
    from proxy.accounting.price_file import PriceFileError, place, replace

    try:
        content = _download(source) if source.startswith(("http://", "https://")) else Path(source).read_bytes()
        count = replace(content)
    except PriceFileError as error:
        _fail(f"{source}: {error}")
    except OSError as error:
        _fail(f"{error.filename or source}: {error.strerror or error}")
    click.echo(f"{count} models in {place()}; gateways use them from their next start on")


def _download(url: str) -> bytes:
    """Raises OSError, PriceFileError."""
    import httpx

    from proxy.accounting.price_file import LARGEST, PriceFileError

    parts: list[bytes] = []
    size = 0
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=PATIENCE) as answer:
            answer.raise_for_status()
            expected = int(answer.headers.get("content-length", 0))
            progress: Any
            with click.progressbar(length=expected or None, label="downloading", file=sys.stderr) as progress:
                for part in answer.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > LARGEST:
                        raise PriceFileError(f"it is larger than {LARGEST // 1_000_000} MB")
                    progress.update(len(part))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PriceFileError(f"cannot be downloaded: {error}") from None
    return b"".join(parts)


@prices.command()
@click.argument("model")
def show(model: str) -> None:
    """Show what is known of MODEL, with its provider's prefix (openai/gpt-4o) or without; exit status 1: nothing."""
    from proxy.accounting.table import load_table
    from proxy.deployment import split_model

    table = load_table()
    found = table.find(model) or table.find(*reversed(split_model(model)))
    if found is None:
        _fail(f"nothing is known of {model}; `tianji prices update` may bring a newer table")
    click.echo(found.key)
    for name, value in sorted(found.fields.items()):
        click.echo(f"  {name}: {value}")


def _fail(problem: str) -> NoReturn:
    click.echo(f"error: {problem}", err=True)
    sys.exit(1)
