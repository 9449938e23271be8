"""`contracts/baseline.json`: every case that ever passed, as `target/case[param]`, and those retired with a reason."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from contracts.harness.matrix import ROOT
from contracts.harness.results import Outcome, Results

BASELINE = ROOT / "contracts" / "baseline.json"


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`passed` only grows, except that a case may move to `retired`, under its key and with a reason."""

    passed: frozenset[str] = frozenset()
    retired: dict[str, str] = {}

    def extended(self, runs: Mapping[str, Results]) -> Baseline:
        """With every case that passed in these runs added; nothing is taken away."""
        found = {key for target, results in runs.items() for key in passed_in(target, results)}
        return Baseline(passed=self.passed | found, retired=self.retired)


class BaselineError(Exception):
    """The baseline or its history cannot be read."""


def key(target: str, case: str) -> str:
    """The key of a case in the baseline."""
    return f"{target}/{case}"


def passed_in(target: str, results: Results) -> Iterator[str]:
    """The keys of the cases that passed."""
    return (key(target, case.case) for case in results.cases if case.outcome is Outcome.PASSED)


def read_baseline(path: Path) -> Baseline:
    """Raises BaselineError. A missing file is an empty baseline: its history tells whether it may be."""
    try:
        return _decode(path.read_bytes())
    except FileNotFoundError:
        return Baseline()
    except msgspec.MsgspecError as error:
        raise BaselineError(f"{path}: {error}") from None


def write_baseline(path: Path, baseline: Baseline) -> None:
    """One key a line, sorted, so that a diff shows what came and went."""
    content = {"passed": sorted(baseline.passed), "retired": dict(sorted(baseline.retired.items()))}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def committed_baselines(path: Path) -> list[Baseline]:
    """Every version of the file in the history of HEAD, the last one first. Raises BaselineError without a repository.

    All of them, since several commits arrive at once: the parent alone would not see what an earlier one removed.
    """
    commits = _git(path, "rev-list", "--full-history", "HEAD", "--", path.name).decode().split()
    prefix = _git(path, "rev-parse", "--show-prefix").decode().strip()
    return list(_versions(path, [f"{commit}:{prefix}{path.name}" for commit in commits]))


def _versions(path: Path, names: Iterable[str]) -> Iterator[Baseline]:
    answer = _git(path, "cat-file", "--batch", text="".join(f"{name}\n" for name in names).encode())
    while answer:
        head, _, rest = answer.partition(b"\n")
        if head.endswith(b" missing"):  # this commit removed the file; its parents still tell what was in it
            answer = rest
            continue
        size = int(head.split()[-1])
        with suppress(msgspec.MsgspecError):  # a commit that broke the file cannot be mended; the ones before it count
            yield _decode(rest[:size])
        answer = rest[size + 1 :]


def _decode(content: bytes) -> Baseline:
    return msgspec.json.decode(content, type=Baseline)


def _git(path: Path, *arguments: str, text: bytes = b"") -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=path.parent, input=text, capture_output=True, check=True)
    except FileNotFoundError:
        raise BaselineError("git is not installed; the gate compares the baseline with its history") from None
    except subprocess.CalledProcessError as error:
        raise BaselineError(f"the history of {path} cannot be read: {error.stderr.decode().strip()}") from None
    return done.stdout
