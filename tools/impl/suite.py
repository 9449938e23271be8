"""The suite as the tools see it: run it whole, keep its results, know which tests are there."""

from __future__ import annotations

import ast
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.harness.matrix import ROOT
from contracts.harness.processes import run_command
from contracts.harness.results import Results, ResultsError, read_results

REPORTS = ROOT / "reports"
_RAN = {0, 1, 5}  # pytest's exit codes for: all passed, some failed, nothing collected


class SuiteError(Exception):
    """The suite did not run to its end; nothing can be said about the target."""


def results_path(target: str) -> Path:
    """Where the last results of a target are kept."""
    return REPORTS / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', target).strip('-')}.jsonl"


def run_contracts(arguments: Sequence[str]) -> Results:
    """Run every contract and keep the results; pytest's progress goes to stderr. Raises SuiteError.

    `arguments` tell pytest on which target (`--target=proxy`). Cases that fail are results, not an error.
    """
    REPORTS.mkdir(exist_ok=True)
    path = REPORTS / f"running-{os.getpid()}.jsonl"
    options = [f"--results={path.relative_to(ROOT)}", *arguments]
    if not any(re.match("--target=https?:", argument) for argument in arguments):  # a running gateway has one config
        options += ["-n", str(os.cpu_count() or 1), "--dist", "loadgroup"]
    command = [sys.executable, "-m", "pytest", "contracts", "-q", "--tb=short", *options]
    print(f"contracts: {shlex.join(command[2:])}", file=sys.stderr, flush=True)
    try:
        code = run_command(command, cwd=ROOT, stdout=sys.stderr).returncode
        if code not in _RAN:
            raise SuiteError(f"the contracts did not run: pytest ended with code {code}; its output is above")
        results = read_results(path)
        path.replace(results_path(results.header.target))
    except ResultsError as error:
        raise SuiteError(str(error)) from None
    finally:
        path.unlink(missing_ok=True)
    return results


def has_test(test: str) -> bool:
    """Whether the function of a test id (`tests/x/test_y.py::test_z`) is there."""
    path, _, function = test.partition("::")
    try:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function for node in tree.body)
