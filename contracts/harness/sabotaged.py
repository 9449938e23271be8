"""Proof that contracts can fail: runs our proxy with one function broken on purpose.

    python -m contracts.harness.sabotaged A4:NAME serve --config FILE --port N     the broken proxy
    python -m contracts.harness.sabotaged --check A4                               every sabotage of an item

`contracts/<category>/sabotage_<ID>*.py` lists them in `SABOTAGES`. A check fails when a case that a sabotage names
passes, when another one of the same files fails, and when a patched function was never called. Exit status: 0 proven,
1 findings, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import importlib.util
import inspect
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import PIPE
from typing import Any

import msgspec

from contracts.harness.catalogue import folder_of
from contracts.harness.configs import ROOT
from contracts.harness.matrix import ITEM_IDS
from contracts.harness.processes import run_command, tidy_interrupts
from contracts.harness.results import CORE, CaseResult, Fault, Outcome, ResultsError, read_results

PARALLEL = 2


class Sabotage(msgspec.Struct, frozen=True, kw_only=True):
    """One way to break our proxy.

    `patches` are pairs of a dotted function below `proxy` and its replacement, which is called with the original
    function before the arguments. `trips` names the test functions (or single `test_name[param]`) that must notice.
    """

    name: str
    patches: Sequence[tuple[str, Callable[..., Any]]]
    trips: Sequence[str]


class SabotageError(Exception):
    """A sabotage that cannot be used: it does not exist, or patches nothing that exists."""


def sabotage_files(item: str, root: Path = ROOT) -> list[Path]:
    """Where an item's sabotages are: `sabotage_<ID>.py`, and `sabotage_<ID>_<slug>.py` of an item with many."""
    folder = root / folder_of(item).relative_to(ROOT)
    return sorted([*folder.glob(f"sabotage_{item}.py"), *folder.glob(f"sabotage_{item}_*.py")])


def load_sabotages(item: str) -> list[Sabotage]:
    """The sabotages of an item or of `core`. Raises SabotageError when there are none."""
    files = sabotage_files(item)
    if not files:
        raise SabotageError(
            f"{folder_of(item).relative_to(ROOT)}/sabotage_{item}.py does not exist; it must list SABOTAGES"
        )
    return [sabotage for path in files for sabotage in _listed(path)]


def _listed(path: Path) -> list[Sabotage]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sabotages: list[Sabotage] = list(getattr(module, "SABOTAGES", ()))
    if not sabotages:
        raise SabotageError(f"{path.relative_to(ROOT)} lists no SABOTAGES")
    return sabotages


def apply(sabotage: Sabotage, called: Path | None = None) -> None:
    """Patch the functions; each writes a file into the folder `called` when it is called. Raises SabotageError."""
    for number, (dotted, replacement) in enumerate(sabotage.patches):
        owner, name = _resolve(dotted)
        sign = called / str(number) if called else None
        setattr(owner, name, _replace(inspect.getattr_static(owner, name), replacement, sign))


@tidy_interrupts()
def check(item: str) -> list[str]:
    """Run the item's cases on each sabotaged proxy; the findings, one line each. Raises SabotageError."""
    sabotages = load_sabotages(item)
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [line for found in pool.map(functools.partial(_check_one, item), sabotages) for line in found]


def _check_one(item: str, sabotage: Sabotage) -> list[str]:
    name = f"{item}:{sabotage.name}"
    try:
        for dotted, _ in sabotage.patches:
            _resolve(dotted)
    except SabotageError as error:
        return [f"{name}: {error}"]
    with tempfile.TemporaryDirectory(prefix="sabotage-") as scratch:
        called = Path(scratch) / "called"
        called.mkdir()
        results = Path(scratch) / "results.jsonl"
        command = _pytest_command(_selection(item, sabotage), name, called, results)
        # plugins that no case needs take four times as long to import as the rest
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        done = run_command(command, cwd=ROOT, env=environment, stdout=PIPE, stderr=PIPE)
        try:
            cases = read_results(results).cases
        except ResultsError as error:
            return [f"{name}: the cases did not run: {error}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"]
        never = [dotted for number, (dotted, _) in enumerate(sabotage.patches) if not (called / str(number)).exists()]
        return [f"{name}: {dotted} was never called" for dotted in never] + list(
            _judge(name, sabotage, [case for case in cases if case.item == item])
        )


def _judge(name: str, sabotage: Sabotage, cases: Sequence[CaseResult]) -> Iterator[str]:
    unjudged = [case for case in cases if case.fault not in {None, Fault.CONTRACT}]
    if unjudged:
        why = [line.strip("| ") for line in unjudged[0].details.splitlines() if line.startswith("    | ")]
        last = f" ({why[-1]})" if why else ""
        yield f"{name}: {len(unjudged)} cases could not be judged: {unjudged[0].message}{last}"
        return
    known = {case.case.partition("::")[2] for case in cases}
    for trip in sabotage.trips:
        if not any(_names(trip, case) for case in known):
            yield f"{name}: names {trip}, which is no case that runs"
    for case in cases:
        test = case.case.partition("::")[2]
        must_fail = any(_names(trip, test) for trip in sabotage.trips)
        if must_fail and case.outcome is Outcome.PASSED:
            yield f"{name}: {test} must fail, but passes"
        elif not must_fail and case.outcome is Outcome.FAILED:
            yield f"{name}: {test} must still pass, but fails: {case.message}"


def _names(trip: str, test: str) -> bool:
    return trip in (test, test.partition("[")[0])


def _selection(item: str, sabotage: Sabotage) -> list[str]:
    """The files with the named cases: their other cases must still pass. With the whole item each time, a gate would take hours.

    Files and no keyword: collecting all contracts would take longer than running one item's.
    """
    files = sorted(folder_of(item).glob("test_*.py" if item == CORE else f"test_{item}_*.py"))
    tests = [f"def {trip.partition('[')[0]}(" for trip in sabotage.trips]
    return [str(file) for file in files if any(test in file.read_text() for test in tests)] or [
        str(file) for file in files
    ]


def _pytest_command(selected: Sequence[str], name: str, called: Path, results: Path) -> list[str]:
    broken = [sys.executable, "-m", "contracts.harness.sabotaged", "--called", str(called), name]
    gateway = f"{shlex.join(broken)} serve --config {{config}} --port {{port}}"
    command = [sys.executable, "-m", "pytest", *selected, "--target=proxy", f"--gateway-cmd={gateway}"]
    return [*command, f"--results={results}", "-q", "-p", "no:cacheprovider"]


def _resolve(dotted: str) -> tuple[Any, str]:
    """The object that holds a dotted name, and the name in it."""
    parts = dotted.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            owner: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[end:-1]:
                owner = getattr(owner, part)
            getattr(owner, parts[-1])
        except AttributeError as error:
            raise SabotageError(f"{dotted}: {error}") from None
        return owner, parts[-1]
    raise SabotageError(f"{dotted}: there is no such module")


def _replace(original: Any, replacement: Callable[..., Any], sign: Path | None) -> Any:
    if isinstance(original, staticmethod | classmethod):
        return type(original)(_replace(original.__func__, replacement, sign))
    if isinstance(original, property):
        return property(_replace(original.fget, replacement, sign))

    @functools.wraps(original)
    def broken(*args: Any, **kwargs: Any) -> Any:
        if sign:
            sign.touch()
        return replacement(original, *args, **kwargs)

    @functools.wraps(original)
    async def broken_async(*args: Any, **kwargs: Any) -> Any:
        return await broken(*args, **kwargs)

    return broken_async if inspect.iscoroutinefunction(original) else broken


def _serve(name: str, called: Path | None, arguments: Sequence[str]) -> None:
    item, _, wanted = name.partition(":")
    sabotages = {sabotage.name: sabotage for sabotage in load_sabotages(item)}
    if wanted not in sabotages:
        raise SabotageError(f"{item} has no sabotage {wanted!r}; there are {', '.join(sabotages)}")
    apply(sabotages[wanted], called)
    from proxy.cli import main as proxy_main

    sys.argv = ["tianji", *arguments]
    proxy_main()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="ITEM", choices=[CORE, *ITEM_IDS], help="run every sabotage of an item")
    parser.add_argument("--called", type=Path, metavar="DIR", help="where patched functions leave a sign")
    parser.add_argument("name", nargs="?", metavar="ITEM:NAME", help="the sabotage to serve with")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for our proxy's command line")
    options = parser.parse_args()
    if bool(options.check) == bool(options.name):
        parser.error("give either --check ITEM or ITEM:NAME serve ...")
    try:
        if options.name:
            _serve(options.name, options.called, options.arguments)
            return
        findings = check(options.check)
    except SabotageError as error:
        parser.error(str(error))
    print("\n".join(findings) or f"{options.check}: every sabotage trips the cases it names, and no other")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    # As a module of its own name, so that sabotage files import the same Sabotage.
    importlib.import_module("contracts.harness.sabotaged").main()
