"""``tianji``: start the gateway, check a config file.

Modules of the gateway are imported inside the commands, so that ``--help`` answers at once.
"""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from proxy.commands.db import db
from proxy.commands.prices import prices

if TYPE_CHECKING:
    from proxy.config.model import ProxyConfig

_LEVELS: Final = ("critical", "error", "warning", "info", "debug", "trace")
_CONTEXT: Final = {"help_option_names": ["-h", "--help"]}


@click.group(context_settings=_CONTEXT)
@click.version_option(None, "-v", "--version", package_name="tianji", prog_name="tianji")
def main() -> None:
    """An LLM gateway that takes the Python reference's proxy_config.yaml as it is."""


@main.command()
@click.option(
    "-c",
    "--config",
    "config_path",
    metavar="FILE",
    envvar=["CONFIG_FILE_PATH"],
    type=click.Path(path_type=Path),
    help="The config file; without it, an offline model `echo` is served for a first try.  [env: CONFIG_FILE_PATH]",
)
@click.option(
    "--host",
    envvar="HOST",
    help="Address to listen on; by default 0.0.0.0 with a config file, and 127.0.0.1 without one, because everybody "
    "knows its key.  [env: HOST]",
)
@click.option(
    "-p", "--port", envvar="PORT", type=click.IntRange(0, 65535), default=4000, show_default=True, help="[env: PORT]"
)
@click.option(
    "--num_workers",
    "--num-workers",
    envvar="NUM_WORKERS",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of processes.  [env: NUM_WORKERS]",
)
@click.option(
    "--log-level",
    envvar=["TIANJI_LOG", "LITELLM_LOG"],
    type=click.Choice(_LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    help="[env: TIANJI_LOG or LITELLM_LOG]",
)
@click.option("--debug", "--detailed_debug", "--detailed-debug", is_flag=True, help="The same as --log-level debug.")
def serve(  # noqa: PLR0917 - one parameter an option
    config_path: Path | None, host: str | None, port: int, num_workers: int, log_level: str, debug: bool
) -> None:
    """Serve the gateway until it is stopped; exit status 2 when the config cannot be used."""
    from proxy.config.errors import ConfigError

    try:
        config = _load(config_path)
        for warning in config.warnings:
            click.echo(f"warning: {warning}", err=True)
        from proxy.server import serve as serve_config

        _warn_of_workers(config, num_workers)
        serve_config(
            config,
            host=host or ("127.0.0.1" if config_path is None else "0.0.0.0"),  # noqa: S104 - as the reference
            port=port,
            workers=num_workers,
            log_level="debug" if debug else log_level,
        )
    except ConfigError as error:
        _fail(error)


def _warn_of_workers(config: "ProxyConfig", workers: int) -> None:
    from proxy.sharing import limits_of_one_process

    if workers > 1 and (limits := limits_of_one_process(config)):
        click.echo(
            f"warning: {workers} workers without Redis: each has these limits for itself: {', '.join(limits)}; "
            "to share them set router_settings.redis_host and redis_port",
            err=True,
        )


def _load(config_path: Path | None) -> "ProxyConfig":
    from proxy.config.loader import DEVELOPMENT_KEY, load_config, load_default_config

    if config_path is not None:
        return load_config(config_path)
    config = load_default_config()
    known = config.general_settings.master_key == DEVELOPMENT_KEY
    key = f"the development key {DEVELOPMENT_KEY}" if known else "the key in LITELLM_MASTER_KEY"
    click.echo(f"no --config: serving the offline model `echo` with {key}", err=True)
    return config


def _fail(error: Exception) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    sys.exit(2)


main.add_command(db)
main.add_command(prices)


@main.group()
def config() -> None:
    """Work on config files."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit with status 1 when there are warnings.")
def check(file: Path, strict: bool) -> None:
    """Check FILE as a start would: exit status 2 and one line when it cannot be used, else a summary without secrets.

    The function of general_settings.custom_auth is loaded, so its file is run.
    """
    from proxy.config.errors import ConfigError
    from proxy.config.loader import load_config
    from proxy.routing.budgets import Spending
    from proxy.routing.cooldown import Cooldowns
    from proxy.snapshot import build_snapshot
    from proxy.state.opening import open_state

    try:
        loaded = load_config(file)
        build_snapshot(loaded, Cooldowns(), Spending())
        open_state(loaded)
    except ConfigError as error:
        _fail(error)
    click.echo("\n".join(summary(loaded)))
    for warning in loaded.warnings:
        click.echo(f"warning: {warning}", err=True)
    if strict and loaded.warnings:
        sys.exit(1)


def summary(loaded: "ProxyConfig") -> list[str]:
    """Lines that say what a config serves; no keys, no addresses."""
    router = loaded.router_settings
    groups = Counter(entry.model_name for entry in loaded.model_list)
    lines = [f"{len(groups)} model groups, {len(loaded.model_list)} deployments, {len(loaded.warnings)} warnings"]
    for name, count in groups.items():
        models = sorted({entry.params.model for entry in loaded.model_list if entry.model_name == name})
        lines.append(f"  {name}: {count} x {', '.join(models)}" if count > 1 else f"  {name}: {models[0]}")
    for alias, target in router.model_group_alias.items():
        lines.append(f"  {alias}: alias of {target.model}{' (hidden)' if target.hidden else ''}")
    for model, targets in router.fallbacks.items():
        names = [target if isinstance(target, str) else target["model"] for target in targets]
        lines.append(f"  {model} falls back to {', '.join(names) or 'nothing'}")
    general = loaded.general_settings
    access = "custom_auth" if general.custom_auth else "master key" if general.master_key else "open to everybody"
    lines.append(f"  routing {router.routing_strategy}, access by {access}")
    return lines
