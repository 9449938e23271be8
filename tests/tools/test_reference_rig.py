"""The rig that installs and starts the reference, with a stand-in for Python so that nothing is downloaded."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.reference import home as home_module
from tools.reference.cli import main
from tools.reference.home import Home
from tools.reference.start import SEALED, Start

# Plays both the Python that makes the virtualenv and the one in it: notes how it was called.
FAKE_PYTHON = """#!{python}
import pathlib, shutil, sys
with open({log!r}, "a") as log:
    print(*sys.argv[1:], file=log)
if sys.argv[1:3] == ["-m", "venv"]:
    (pathlib.Path(sys.argv[3]) / "bin").mkdir(parents=True)
    shutil.copy(__file__, pathlib.Path(sys.argv[3]) / "bin" / "python")
if "broken==1" in sys.argv:
    sys.exit("no such package")
"""


class FakePython:
    def __init__(self, folder: Path) -> None:
        self.log = folder / "calls"
        self.path = folder / "fake-python"
        self.path.write_text(FAKE_PYTHON.format(python=sys.executable, log=str(self.log)))
        self.path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def fake(tmp_path: Path) -> FakePython:
    return FakePython(tmp_path)


@pytest.fixture
def home(tmp_path: Path, fake: FakePython) -> Home:
    return Home(tmp_path / "home", str(fake.path), node="no-such-node")


def test_the_command_starts_the_reference_on_loopback(home: Home) -> None:
    command = Start(config=Path("/c.yaml"), port=4123, flags=("--detailed_debug",)).command(home)
    assert command[:2] == [str(home.python), str(home.venv / "bin" / "litellm")]
    assert command[2:] == ["--host", "127.0.0.1", "--port", "4123", "--config", "/c.yaml", "--detailed_debug"]


def test_asgi_starts_uvicorn_with_the_older_websockets(home: Home) -> None:
    start = Start(config=Path("/c.yaml"), port=4123, asgi=True, flags=("--no-access-log",))
    assert start.command(home)[1:] == [
        *["-m", "uvicorn", "litellm.proxy.proxy_server:app", "--ws", "websockets"],
        *["--host", "127.0.0.1", "--port", "4123", "--no-access-log"],
    ]
    assert start.environment({})["CONFIG_FILE_PATH"] == "/c.yaml"


def test_the_reference_is_kept_from_the_network_unless_the_caller_says_otherwise() -> None:
    assert SEALED.items() <= Start().environment({"PATH": "/bin"}).items()
    chosen = {"LITELLM_LOCAL_MODEL_COST_MAP": "False"}
    assert Start().environment(chosen)["LITELLM_LOCAL_MODEL_COST_MAP"] == "False"


def test_the_callers_own_database_and_config_never_reach_the_reference() -> None:
    given = {"DATABASE_URL": "postgresql://mine", "CONFIG_FILE_PATH": "/mine.yaml", "OPENAI_API_KEY": "sk-mine"}
    environment = Start(config=Path("/c.yaml")).environment(given)
    assert "DATABASE_URL" not in environment
    assert "CONFIG_FILE_PATH" not in environment
    assert environment["OPENAI_API_KEY"] == "sk-mine"


def test_installing_without_the_database_needs_python_alone(home: Home, fake: FakePython) -> None:
    home.install(database=False)
    made, installed, beside = fake.calls
    assert made == f"-m venv {home.venv}"
    assert f"-c {home_module.CONSTRAINTS} litellm[proxy]==1.81.14" in installed
    assert "google-auth==" in installed
    assert "semantic-router==" in beside
    assert "prisma" not in installed + beside


def test_what_is_installed_is_not_installed_again(home: Home, fake: FakePython) -> None:
    home.install(database=False)
    home.install(database=False)
    assert len(fake.calls) == 3


def test_changed_constraints_install_again(
    home: Home, fake: FakePython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.install(database=False)
    changed = tmp_path / "constraints.txt"
    changed.write_text("litellm==1.81.14\n")
    monkeypatch.setattr(home_module, "CONSTRAINTS", changed)
    home.install(database=False)
    assert len(fake.calls) == 4
    assert fake.calls[-1].startswith("-m pip install")


def test_extra_packages_are_pinned_by_the_same_constraints(home: Home, fake: FakePython) -> None:
    home.install(database=False, extra=["langfuse==2.59.7"])
    assert fake.calls[-1].endswith(f"-c {home_module.CONSTRAINTS} langfuse==2.59.7")


def test_a_failed_installation_says_why_and_is_tried_again(home: Home, fake: FakePython) -> None:
    with pytest.raises(SystemExit, match="no such package"):
        home.install(database=False, extra=["broken==1"])
    home.install(database=False, extra=["fine==1"])
    assert fake.calls[-1].endswith("fine==1")


def test_the_database_without_node_names_the_way_out(home: Home) -> None:
    with pytest.raises(SystemExit, match="--no-database"):
        home.install(database=True)
    assert not (home.root / "installed-database").exists()


def test_every_installed_package_is_pinned() -> None:
    pinned = {line.partition("==")[0].lower() for line in home_module.CONSTRAINTS.read_text().split()}
    wanted = {
        package.partition("==")[0].partition("[")[0].lower()
        for package in (*home_module.REFERENCE_PACKAGES, *home_module.DATABASE_PACKAGES)
    }
    assert wanted <= pinned


def test_the_launcher_installs_and_becomes_the_reference(tmp_path: Path, fake: FakePython) -> None:
    config = tmp_path / "proxy_config.yaml"
    config.write_text("model_list: []\n")
    launcher = home_module.HERE / "run"
    arguments = [
        "--no-database",
        "--config",
        config,
        "--port",
        "4999",
        "--python",
        fake.path,
        "--",
        "--num_workers",
        "1",
    ]
    environment = os.environ | {"REFERENCE_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, launcher, *arguments], env=environment, check=False, timeout=60)
    assert done.returncode == 0
    assert fake.calls[-1].endswith(f"bin/litellm --host 127.0.0.1 --port 4999 --config {config} --num_workers 1")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--config", "no/such.yaml"], "no/such.yaml"),
        (["--no-database", "--store-model-in-db"], "--no-database"),
        (["--port", "http"], "--port"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_status:
        main(arguments)
    assert exit_status.value.code == 2
    assert named in capsys.readouterr().err
