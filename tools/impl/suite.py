"""Runs the whole contract suite for the tools that read its results."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts.harness.matrix import ROOT
from contracts.harness.results import Results, ResultsError, read_results

REPORTS = ROOT / "reports"
_RAN = {0, 1, 5}  # pytest's exit codes for: all passed, some failed, nothing collected


class SuiteError(Exception):
    """The suite did not run to its end; nothing can be said about the target."""


def results_path(target: str) -> Path:
    """Where the last results of a target are kept."""
    return REPORTS / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', target).strip('-')}.jsonl"


def run_contracts(target: str, arguments: Sequence[str] = ()) -> Results:
    """Run every contract on `target` and keep the results; pytest's progress goes to stderr. Raises SuiteError.

    `arguments` are further ones for pytest. Cases that fail are results, not an error.
    """
    path = results_path(target)
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "contracts", f"--target={target}", f"--results={path}", "-q"]
    command += ["-n", str(os.cpu_count() or 1), "--dist", "loadgroup", "--tb=short", *arguments]
    print(f"contracts on {target}: pytest {' '.join(command[3:])}", file=sys.stderr, flush=True)
    code = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode
    if code not in _RAN:
        raise SuiteError(f"the contracts did not run on {target}: pytest ended with code {code}; its output is above")
    try:
        return read_results(path)
    except ResultsError as error:
        raise SuiteError(str(error)) from None
