"""Finding and loading what a user names by a dotted path, such as ``my_auth.check``.

The config file's folder comes first, as in the reference. The first load puts a finder at the end of the import path,
which serves ``standins/`` for packages that are not installed. It stays: a user's function may import inside its body,
and the classes it then gets must be the ones its file got before.
"""

import importlib
import importlib.util
import sys
import traceback
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from proxy.config.convert import did_you_mean
from proxy.config.errors import ConfigError, Place

_STAND_INS: Final = Path(__file__).parent / "standins"
_OFFERED: Final = frozenset(folder.name for folder in _STAND_INS.iterdir() if (folder / "__init__.py").exists())


class _StandIns(MetaPathFinder):
    """Asked last, so only about packages that nobody else has."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:  # noqa: ARG002
        return PathFinder.find_spec(name, [str(_STAND_INS)]) if name in _OFFERED else None


def load_object(dotted: str, folder: Path, *, key: str, place: Place | None = None) -> Any:
    """The object of a dotted path: a file of ``folder`` first (dots are folders), then an installed module.

    A file is run once, however often it is named, and may import its neighbours. ``key`` is the setting that names the
    object, and ``place`` is where it is written. Raises ConfigError when it cannot be found or when its file fails.
    """
    module_name, _, name = dotted.rpartition(".")
    if not module_name or not all(part.isidentifier() for part in dotted.split(".")):
        raise ConfigError(
            "not a dotted path; write file.function, for a file beside the config file", key=key, place=place
        )
    _prepare(folder)
    file = folder.joinpath(*module_name.split(".")).with_suffix(".py")
    try:
        module = _load_file(module_name, file) if file.is_file() else importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigError(_import_problem(error, module_name, file), key=key, place=place) from error
    except (Exception, SystemExit) as error:
        raise ConfigError(
            f"{_failing_line(error, file)}: {type(error).__name__}: {error}; correct the file", key=key
        ) from error
    if not hasattr(module, name):
        hint = did_you_mean(name, vars(module)) or "check the name"
        raise ConfigError(f"{getattr(module, '__file__', module_name)} has no `{name}`; {hint}", key=key, place=place)
    return getattr(module, name)


def _prepare(folder: Path) -> None:
    if not any(isinstance(finder, _StandIns) for finder in sys.meta_path):
        sys.meta_path.append(_StandIns())
    for place in (folder, Path.cwd()):
        if str(place) not in sys.path:
            sys.path.append(str(place))


def _load_file(module_name: str, file: Path) -> ModuleType:
    """Run a user's file under its own name, or under its path when another module has that name already."""
    loaded = sys.modules.get(module_name)
    if loaded is not None:
        if getattr(loaded, "__file__", None) == str(file):
            return loaded
        module_name = str(file.with_suffix(""))
        if module_name in sys.modules:
            return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file", name=module_name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _import_problem(error: ImportError, module_name: str, file: Path) -> str:
    missing = error.name or ""
    top = missing.partition(".")[0]
    if not file.is_file() and (module_name == missing or module_name.startswith(f"{missing}.")):
        return f"there is no file {file} and no installed module {module_name}; correct the path"
    where = _failing_line(error, file)
    if top in _OFFERED:
        return f"{where}: {error}: the gateway has no stand-in for it; install {top} beside the gateway"
    return f"{where}: {error}; install what it imports, or put it beside the config file"


def _failing_line(error: BaseException, file: Path) -> str:
    """``FILE:LINE`` of the user's file, where it has a part in the error."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return f"{file}:{lines[-1]}" if lines else str(file)
