"""Small helpers around child processes: report, run to the end, drop privileges, die with the parent."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

# Postgres refuses to run as root; root starts it as this unprivileged user.
NOBODY = 65534
PR_SET_PDEATHSIG = 1


class Unprivileged(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


def say(text: str) -> None:
    print(f"[reference] {text}", file=sys.stderr, flush=True)


def check(command: Sequence[str | Path], *, cwd: Path | None = None, unprivileged: Unprivileged | None = None) -> None:
    """Runs a command silently; leaves the program with its output when it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **(unprivileged or {})
    )
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}\nfailed with status {done.returncode}: {' '.join(words[:3])} ...")


def as_nobody() -> Unprivileged:
    """Popen arguments for a process that must not run as root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def give_to_nobody(path: Path) -> None:
    """Makes a folder and all in it belong to the user of `as_nobody`."""
    if os.geteuid() != 0:
        return
    for entry in (path, *path.rglob("*")):
        os.chown(entry, NOBODY, NOBODY)


def die_with_parent() -> None:
    """In a child, before exec (Linux): be told to stop when this program is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
