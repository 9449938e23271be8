"""``tianji db``: bring the tables up to date, take over the reference's database."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from proxy.config.model import ProxyConfig
    from proxy.takeover.run import Result

_CONFIG = click.option(
    "-c",
    "--config",
    "config_path",
    metavar="FILE",
    envvar=["CONFIG_FILE_PATH"],
    type=click.Path(path_type=Path),
    help="The config file that names the database; else DATABASE_URL does.  [env: CONFIG_FILE_PATH]",
)


@click.group()
def db() -> None:
    """Work on the gateway's database."""


@db.command()
@_CONFIG
def upgrade(config_path: Path | None) -> None:
    """Bring the tables up to date; every start does it too. Exit status 2 when that is not possible."""
    from proxy.store import migrate
    from proxy.store.address import address_of

    with _told_errors():
        address = address_of(_url(_config(config_path)))
        migrate.upgrade(address)
    click.echo(f"{address.where} is up to date (revision {migrate.HEAD})")


@db.command("import")
@_CONFIG
@click.option(
    "--from",
    "source",
    metavar="URL",
    envvar="TIANJI_IMPORT_FROM",
    required=True,
    help="The reference's Postgres: postgresql://USER:PASSWORD@HOST:5432/NAME. It is only read.  [env: TIANJI_IMPORT_FROM]",
)
@click.option(
    "--salt-key-variable",
    metavar="NAME",
    default="LITELLM_SALT_KEY",
    show_default=True,
    help="The variable with the salt key of the reference; without it, the master key.",
)
@click.option("--dry-run", is_flag=True, help="Do everything, keep nothing.")
def import_(config_path: Path | None, source: str, salt_key_variable: str, dry_run: bool) -> None:
    """Take over a database of the reference: keys (which go on working), teams, users, budgets, models, credentials, spend.

    What is here already stays as it is, so the import can be repeated; one that was interrupted goes on where it was. Exit
    status 0: everything moved; 1: something could not, the table says why; 2: it was not possible at all.
    """
    from proxy.store.sealing import Sealer, salt_key
    from proxy.store.store import Store
    from proxy.takeover.mapping import Seals
    from proxy.takeover.run import Import
    from proxy.takeover.secrets import ReferenceSecrets

    async def run() -> tuple[list[Result], list[Result]]:
        config = _config(config_path)
        master_key = config.general_settings.master_key if config else os.environ.get("LITELLM_MASTER_KEY")
        theirs, ours = os.environ.get(salt_key_variable) or master_key, salt_key(master_key)
        if theirs is None or ours is None:
            raise click.UsageError(f"set {salt_key_variable}: without it no credential can be read")
        store = Store(_url(config))
        await store.start()
        try:
            seals = Seals(ReferenceSecrets(theirs), Sealer(ours))
            return await Import(store, source, seals, dry_run=dry_run, progress=_progress).run()
        finally:
            await store.aclose()

    with _told_errors():
        moved, left = asyncio.run(run())
    _show(moved, left, dry_run=dry_run)
    sys.exit(1 if any(result.failed for result in (*moved, *left)) else 0)


def _progress(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{what}: {done:,} of {total:,}", err=True, nl=done >= total)


def _show(moved: Sequence[Result], left: Sequence[Result], *, dry_run: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="What would be imported (dry run: nothing was kept)" if dry_run else "What was imported")
    for heading in ("", "found", "imported", "already here", "not moved"):
        table.add_column(heading, justify="right" if heading else "left")
    table.add_column("why not")
    for result in (*moved, *left):
        if result.found:
            numbers = (result.found, result.imported, result.present, sum(result.failed.values()))
            table.add_row(
                result.what, *(f"{number:,}" if number else "" for number in numbers), "; ".join(result.failed)
            )
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _config(path: Path | None) -> ProxyConfig | None:
    from proxy.config.loader import load_config

    return None if path is None else load_config(path)


def _url(config: ProxyConfig | None) -> str:
    from proxy.store.opening import VARIABLE, database_url

    url = os.environ.get(VARIABLE) if config is None else database_url(config)
    if not url:
        raise click.UsageError(f"no database: set general_settings.database_url in --config FILE, or {VARIABLE}")
    return url


class _told_errors:  # noqa: N801 - used as a context
    """Errors of configs and databases as one line and exit status 2."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        from proxy.config.errors import ConfigError

        if isinstance(error, ConfigError):
            click.echo(f"error: {error}", err=True)
        elif isinstance(error, SQLAlchemyError | OSError):
            click.echo(f"error: the database cannot be used: {str(error).splitlines()[0]}", err=True)
        else:
            return
        sys.exit(2)
