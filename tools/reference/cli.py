"""Starts the Python reference gateway (LiteLLM 1.81.14), with a Postgres of its own or without any database.

examples:
  run --install                                 install everything (once; about a minute)
  run --install --no-database                   install what needs neither Node nor Postgres
  run --config proxy_config.yaml --port 4000    start with a new, empty database; stop with Ctrl-C
  run --config proxy_config.yaml --no-database  start without a database
  run --config proxy_config.yaml --asgi         start by uvicorn, for realtime WebSockets
  run --config c.yaml -- --detailed_debug       pass flags to the reference (with --asgi: to uvicorn)
  run --exec python script.py                   run a command beside an empty database
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.reference.home import DEFAULT_HOME, PROJECT, Home
from tools.reference.start import Start, run_with_database, run_without_database


def parser() -> argparse.ArgumentParser:
    summary, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="run", description=summary, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    start = parser.add_argument_group("what is started")
    start.add_argument("--config", type=Path, metavar="FILE", help="proxy_config.yaml")
    start.add_argument("--port", type=int, default=4000, help="default 4000")
    start.add_argument("--host", default="127.0.0.1", help="default 127.0.0.1")
    start.add_argument("--asgi", action="store_true", help="start uvicorn with --ws websockets instead of the command")
    start.add_argument("--exec", nargs=argparse.REMAINDER, metavar="COMMAND", help="run this ('python': the home's)")

    database = parser.add_argument_group("database")
    database.add_argument("--no-database", action="store_true", help="no Postgres, no query engine, no Node")
    database.add_argument("--data", type=Path, metavar="DIR", help="keep the database (default: deleted at the end)")
    database.add_argument("--store-model-in-db", action="store_true", help="needed by /model/new")

    install = parser.add_argument_group("installation")
    install.add_argument("--install", action="store_true", help="only install")
    install.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        default=os.environ.get("REFERENCE_HOME") or DEFAULT_HOME,
        help=f"default: $REFERENCE_HOME, else {DEFAULT_HOME.relative_to(PROJECT)} in the project",
    )
    install.add_argument(
        "--with", dest="extra", action="append", default=[], metavar="NAME==VERSION", help="a further Python package"
    )
    install.add_argument("--python", default=sys.executable, help="makes the virtualenv (3.11 was tried)")
    install.add_argument("--node", default="node", help="runs the query engine (20 was tried)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: the started program's; 1 when installing or Postgres fails; 2 for wrong arguments."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    flags: list[str] = []
    if "--" in words and "--exec" not in words:
        at = words.index("--")
        words, flags = words[:at], words[at + 1 :]
    options = parser().parse_args(words)
    if options.config and not options.config.is_file():
        parser().error(f"--config: there is no file {options.config}")
    if options.no_database and (options.data or options.store_model_in_db):
        parser().error("--data and --store-model-in-db need the database: leave --no-database out")

    home = Home(options.home.resolve(), options.python, options.node)
    home.install(database=not options.no_database, extra=options.extra)
    if options.install:
        return 0

    start = Start(
        config=options.config.resolve() if options.config else None,
        host=options.host,
        port=options.port,
        asgi=options.asgi,
        store_model_in_db=options.store_model_in_db,
        flags=tuple(flags),
    )
    command = _in_home(home, options.exec) if options.exec else start.command(home)
    environment = start.environment(os.environ)
    if options.no_database:
        run_without_database(command, environment)
    return run_with_database(home, command, environment, options.data.resolve() if options.data else None)


def _in_home(home: Home, command: Sequence[str]) -> list[str]:
    program, *arguments = command
    return [str(home.python) if program == "python" else program, *arguments]
